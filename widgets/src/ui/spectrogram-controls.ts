import { button, setPressed } from "./button";
import { type ChoiceOptions, choice } from "./choice";
import { element, hasFocus } from "./dom";
import { formatDecibels, parseHertz } from "./format";
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
    named(
      "Scale",
      settingChoice(context, "y_axis", { label: "Frequency scale", options: SCALES }),
      ...bandFields(context),
      noteToggle(context),
    ),
    named("Colours", settingChoice(context, "cmap", { label: "Colour map", options: COLOURS })),
    // What is turned together stays together, however narrow the view.
    element(
      "div",
      { class: "snb-pair" },
      named("Gain", dbSlider(context, "gain_db", { label: "Gain", min: -60, max: 60, reset: 0, origin: 0 })),
      named("Range", dbSlider(context, "top_db", { label: "Range", min: 10, max: 127, reset: 80 })),
    ),
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

/** A list of what one setting may be. */
function settingChoice(
  { comparison, scope }: SpectrogramContext,
  name: "y_axis" | "cmap",
  look: Pick<ChoiceOptions, "label" | "options">,
): HTMLElement {
  const made = choice({ ...look, onChange: (value) => comparison.model.set({ [name]: value }) }, scope);
  comparison.onSettings(
    [name],
    () => {
      made.value = comparison.model.get(name);
    },
    scope,
  );
  return made;
}

/** Lowest and highest frequency in view. */
function bandFields(context: SpectrogramContext): Node[] {
  const [low, high] = [bandField(context, "fmin"), bandField(context, "fmax")];
  return [low, document.createTextNode("–"), high, document.createTextNode("Hz")];
}

function bandField({ comparison, actions, scope }: SpectrogramContext, name: "fmin" | "fmax"): HTMLElement {
  const { model } = comparison;
  const label = `${name === "fmin" ? "Lowest" : "Highest"} frequency, Hz`;
  const field = element("input", {
    ...{ type: "text", class: "snb-field snb-hz", inputmode: "decimal", spellcheck: "false" },
    ...{ "aria-label": label, title: label, "data-lm-suppress-shortcuts": true },
  });
  const show = () => {
    field.value = String(Math.round(model.get(name)));
  };
  scope.listen(field, "change", () => {
    const hz = parseHertz(field.value);
    if (hz !== null) actions.setBand(hz, model.get(name === "fmin" ? "fmax" : "fmin"));
    show();
  });
  comparison.onSettings([name], show, scope);
  return field;
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
