import { element } from "./dom";
import { formatDecibels, formatSpeed } from "./format";
import { icon } from "./icons";
import { type Context, onMix } from "./parts";
import { presetInForce, presetsOf } from "./presets";
import { slider } from "./slider";

export const GAIN_RANGE = { min: -60, max: 12, step: 0.5, reset: 0 } as const;

/** Which stems are heard, by name. */
export function presetChoice(context: Context): HTMLElement {
  const { session, actions, scope } = context;
  const presets = presetsOf(session.song.stems);
  const custom = element("option", { value: -1, hidden: true }, "Own mix");
  const choice = element(
    "select",
    { class: "snb-field", "aria-label": "Preset", title: "Preset", "data-lm-suppress-shortcuts": true },
    custom,
    ...presets.map(({ label }, i) => element("option", { value: i }, label)),
  );
  scope.listen(choice, "change", () => {
    const preset = presets[Number(choice.value)];
    if (preset) session.model.set({ muted: preset.muted, soloed: preset.soloed, original: false });
    actions.say(preset?.label ?? "");
  });
  onMix(context, () => {
    const { model } = session;
    choice.value = String(presetInForce(presets, { muted: model.get("muted"), soloed: model.get("soloed") }));
  });
  return element("div", { class: "snb-group" }, choice);
}

/** How fast it plays: pitch follows, as with a tape. */
export function speedSlider(context: Context): HTMLElement {
  const { session, scope } = context;
  const speed = slider(
    {
      label: "Speed",
      ...{ min: 0.5, max: 2, step: 0.05, reset: 1, origin: 1, class: "snb-speed" },
      spoken: (value) => `${Number(value.toFixed(2))} times`,
      shown: formatSpeed,
      onInput: (value) => session.model.set({ speed: value }),
    },
    scope,
  );
  onMix(context, () => speed.set(session.model.get("speed")));
  return element("div", { class: "snb-group" }, element("span", { "aria-hidden": "true" }, "Speed"), speed.root);
}

export function masterSlider(context: Context): HTMLElement {
  const { session, scope } = context;
  const master = slider(
    {
      label: "Master volume",
      ...GAIN_RANGE,
      class: "snb-master",
      spoken: formatDecibels,
      shown: formatDecibels,
      onInput: (value) => session.model.set({ master_db: value }),
    },
    scope,
  );
  onMix(context, () => master.set(session.model.get("master_db")));
  return element("div", { class: "snb-group" }, icon("volume"), master.root);
}
