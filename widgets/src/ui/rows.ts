import { STEM_COLOURS } from "../afm/theme";
import { ownNumber } from "../audio/mixer";
import { button, setPressed } from "./button";
import { element } from "./dom";
import { formatDecibels, formatPan, spokenPan } from "./format";
import { GAIN_RANGE } from "./mix-controls";
import { type Context, onMix } from "./parts";
import { slider } from "./slider";
import { SELECTED } from "./view";

/** One signal of the player: a named group of its controls, and the lane for its waveform. */
export interface Row {
  readonly root: HTMLElement;
  readonly lane: HTMLElement;
  readonly signal: number;
}

/** The row of a stem: its name, mute, solo, volume and pan. */
export function stemRow(context: Context, stem: string, signal: number): Row {
  const { actions, view, scope } = context;
  const mute = button(
    { label: `Mute ${stem}`, text: "M", class: "snb-mute", onPress: () => actions.mute(stem) },
    scope,
  );
  const solo = button(
    { label: `Solo ${stem}`, text: "S", class: "snb-solo", onPress: () => actions.solo(stem) },
    scope,
  );
  const head = [element("span", { class: "snb-name", title: stem }, stem), mute, solo];
  const row = makeRow(stem, signal, head, [volumeSlider(context, stem), panSlider(context, stem)]);
  row.root.style.setProperty("--snb-stem", `var(--snb-stem-${signal % STEM_COLOURS})`);
  for (const type of ["focusin", "pointerdown"]) scope.listen(row.root, type, () => view.select(signal));
  const showSelected = () => row.root.setAttribute("aria-current", String(view.selected === signal));
  scope.listen(view, SELECTED, showSelected);
  showSelected();
  onMix(context, () => {
    setPressed(mute, context.session.model.get("muted").includes(stem));
    setPressed(solo, context.session.model.get("soloed") === stem);
    row.root.classList.toggle("snb-silent", !actions.isHeard(stem));
  });
  return row;
}

/** The row of the mixture: the remix is compared with it. */
export function originalRow(context: Context, signal: number): Row {
  const { session, actions, scope } = context;
  const { model } = session;
  const compare = button(
    { label: "A/B: hear the original", icon: "swap", text: "A/B", onPress: () => actions.toggleOriginal() },
    scope,
  );
  const match = button(
    {
      ...{ label: "Match the loudness of remix and original", icon: "loudness", text: "Match" },
      onPress: () => model.set({ match_loudness: !model.get("match_loudness") }),
    },
    scope,
  );
  const row = makeRow("Original", signal, [element("span", { class: "snb-name" }, "Original")], [compare, match]);
  row.root.classList.add("snb-original");
  onMix(context, () => {
    setPressed(compare, model.get("original"));
    setPressed(match, model.get("match_loudness"));
    row.root.classList.toggle("snb-silent", !model.get("original"));
  });
  return row;
}

function makeRow(name: string, signal: number, head: Node[], controls: Node[]): Row {
  const lane = element("div", { class: "snb-lane" });
  const strip = element(
    "div",
    { class: "snb-strip" },
    element("div", { class: "snb-strip-head" }, ...head),
    element("div", { class: "snb-strip-controls" }, ...controls),
  );
  const root = element("div", { class: "snb-row", role: "group", "aria-label": name }, strip, lane);
  return { root, lane, signal };
}

function volumeSlider(context: Context, stem: string): HTMLElement {
  const { model } = context.session;
  const volume = slider(
    {
      label: `Volume of ${stem}`,
      ...GAIN_RANGE,
      class: "snb-volume",
      spoken: formatDecibels,
      shown: formatDecibels,
      onInput: (value) => model.set({ gains_db: { ...model.get("gains_db"), [stem]: value } }),
    },
    context.scope,
  );
  onMix(context, () => volume.set(ownNumber(model.get("gains_db"), stem)));
  return volume.root;
}

function panSlider(context: Context, stem: string): HTMLElement {
  const { model } = context.session;
  const pan = slider(
    {
      label: `Pan of ${stem}`,
      ...{ min: -1, max: 1, step: 0.05, reset: 0, origin: 0, class: "snb-pan" },
      spoken: spokenPan,
      shown: formatPan,
      onInput: (value) => model.set({ pans: { ...model.get("pans"), [stem]: value } }),
    },
    context.scope,
  );
  onMix(context, () => pan.set(ownNumber(model.get("pans"), stem)));
  return pan.root;
}
