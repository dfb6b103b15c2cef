import type { SpectrogramState } from "../data/state";
import { button, setPressed } from "./button";
import { choice } from "./choice";
import { element, hasFocus } from "./dom";
import { formatDecibels } from "./format";
import type { IconName } from "./icons";
import { regionControls } from "./region-fields";
import { slider } from "./slider";
import type { SpectrogramContext } from "./spectrogram-parts";

const SCALES = [
  ["log", "Log"],
  ["mel", "Mel"],
  ["linear", "Linear"],
] as const;
const COLOURS = ["magma", "viridis", "inferno", "gray"].map((name) => [name, name] as const);

export function zoomControls({ actions, scope }: SpectrogramContext): HTMLElement {
  const buttons = [
    button({ label: "Zoom out", icon: "minus", onPress: () => actions.run({ do: "zoom-out" }) }, scope),
    button({ label: "Zoom in", icon: "plus", onPress: () => actions.run({ do: "zoom-in" }) }, scope),
    button({ label: "Show all times and frequencies", icon: "fit", onPress: () => actions.fit() }, scope),
  ];
  return element("div", { class: "snb-group" }, ...buttons);
}

export function regionControl({ actions, comparison, scope }: SpectrogramContext): HTMLElement {
  const { root, update } = regionControls(
    {
      name: "Region",
      region: () => comparison.region,
      toggle: () => actions.toggleRegion(),
      set: (region) => actions.setRegion(region),
    },
    scope,
  );
  const closer = button({ label: "Zoom to the region", icon: "region", onPress: () => actions.zoomToRegion() }, scope);
  comparison.onRegion(() => {
    update();
    // What is hidden loses the focus, and with it the widget its keys.
    if (!comparison.region && hasFocus(closer)) root.querySelector("button")?.focus();
    closer.hidden = comparison.region === null;
  }, scope);
  root.append(closer);
  return root;
}

/** What is drawn how. */
export function lookControls(context: SpectrogramContext): Node[] {
  return [
    named("Scale", scaleChoice(context), ...bandFields(context), noteToggle(context)),
    named("Colours", colourChoice(context)),
    named("Gain", dbSlider(context, "gain_db", { label: "Gain", min: -60, max: 60, reset: 0, origin: 0 })),
    named("Range", dbSlider(context, "top_db", { label: "Range", min: 10, max: 127, reset: 80 })),
    differenceRange(context),
    markToggles(context),
  ];
}

function named(name: string, ...controls: Node[]): HTMLElement {
  return element(
    "div",
    { class: "snb-group" },
    element("span", { class: "snb-what", "aria-hidden": "true" }, name),
    ...controls,
  );
}

function scaleChoice({ comparison, scope }: SpectrogramContext): HTMLElement {
  const onChange = (value: string) => comparison.model.set({ y_axis: value as SpectrogramState["y_axis"] });
  const made = choice({ label: "Frequency scale", options: SCALES, onChange }, scope);
  comparison.onSettings(
    ["y_axis"],
    () => {
      made.value = comparison.model.get("y_axis");
    },
    scope,
  );
  return made;
}

function colourChoice({ comparison, scope }: SpectrogramContext): HTMLElement {
  const onChange = (value: string) => comparison.model.set({ cmap: value as SpectrogramState["cmap"] });
  const made = choice({ label: "Colour map", options: COLOURS, onChange }, scope);
  comparison.onSettings(
    ["cmap"],
    () => {
      made.value = comparison.model.get("cmap");
    },
    scope,
  );
  return made;
}

/** Lowest and highest frequency in view. */
function bandFields({ comparison, actions, scope }: SpectrogramContext): Node[] {
  const make = (label: string) =>
    element("input", {
      ...{ type: "text", class: "snb-field snb-hz", inputmode: "decimal", spellcheck: "false" },
      ...{ "aria-label": `${label}, Hz`, title: `${label}, Hz`, "data-lm-suppress-shortcuts": true },
    });
  const ends = [make("Lowest frequency"), make("Highest frequency")] as const;
  const show = () => {
    for (const [i, name] of (["fmin", "fmax"] as const).entries()) {
      const field = ends[i];
      if (field) field.value = String(Math.round(comparison.model.get(name)));
    }
  };
  const change = () => {
    const [one, other] = ends.map(({ value }) => Number.parseFloat(value.replace(",", ".")));
    if (one !== undefined && other !== undefined && Number.isFinite(one + other)) actions.setBand(one, other);
    show();
  };
  for (const end of ends) scope.listen(end, "change", change);
  comparison.onSettings(["fmin", "fmax"], show, scope);
  return [ends[0], "–", ends[1], "Hz"].map((part) => (typeof part === "string" ? document.createTextNode(part) : part));
}

interface DbRange {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly reset: number;
  readonly origin?: number;
}

function dbSlider(
  { comparison, scope }: SpectrogramContext,
  name: "gain_db" | "top_db" | "difference_db",
  range: DbRange,
) {
  const shown = name === "gain_db" ? formatDecibels : (value: number) => `${value} dB`;
  const made = slider(
    {
      ...{ ...range, step: 1, class: "snb-db", spoken: shown, shown },
      onInput: (value) => comparison.model.set({ [name]: value }),
    },
    scope,
  );
  comparison.onSettings([name], () => made.set(comparison.model.get(name)), scope);
  return made.root;
}

/** There while a difference is shown. */
function differenceRange(context: SpectrogramContext): HTMLElement {
  const { comparison, scope } = context;
  const range = { label: "Range of differences", min: 1, max: 64, reset: 24 };
  const root = named("Difference ±", dbSlider(context, "difference_db", range));
  comparison.onSettings(
    ["panes"],
    () => {
      root.hidden = !comparison.panes.some(({ pane }) => pane.kind === "difference");
    },
    scope,
  );
  return root;
}

function noteToggle(context: SpectrogramContext): HTMLElement {
  return toggle(context, "note_names", { label: "Names of notes", icon: "note" });
}

/** Lines over the pictures, of what is known of the network. */
function markToggles(context: SpectrogramContext): HTMLElement {
  const { model } = context.comparison;
  const limit = model.get("band_limit");
  const root = element("div", { class: "snb-group" });
  if (limit !== null)
    root.append(
      toggle(context, "show_band_limit", {
        label: `Band limit, ${Math.round(limit)} Hz`,
        icon: "limit",
        text: "Band limit",
      }),
    );
  if (model.get("segments").length)
    root.append(toggle(context, "show_segments", { label: "Borders of segments", icon: "segments", text: "Segments" }));
  root.hidden = root.childElementCount === 0;
  return root;
}

type Switch = "note_names" | "show_band_limit" | "show_segments";

function toggle(
  { comparison, scope }: SpectrogramContext,
  name: Switch,
  look: { label: string; icon: IconName; text?: string },
): HTMLElement {
  const { model } = comparison;
  const made = button({ ...look, onPress: () => model.set({ [name]: !model.get(name) }) }, scope);
  comparison.onSettings([name], () => setPressed(made, model.get(name)), scope);
  return made;
}
