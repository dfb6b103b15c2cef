import type { Scope } from "../afm/scope";
import type { PaneSpec } from "../data/state";
import { button } from "./button";
import { choice, offer } from "./choice";
import { disclosure } from "./disclosure";
import { element, hasFocus } from "./dom";
import { slider } from "./slider";
import { keyOf, paneName } from "./spectrogram-comparison";
import type { SpectrogramContext } from "./spectrogram-parts";

/** What panes there are, and in which order: a panel, and the button that shows it. */
export function paneChooser(context: SpectrogramContext): { opener: HTMLButtonElement; panel: HTMLElement } {
  const { scope } = context;
  const parts = [
    orderList(context),
    ...checkLists(context),
    differenceMaker(context),
    blinkChoice(context),
    heightSlider(context),
  ];
  const panel = element("section", { class: "snb-chooser", "aria-label": "Panes" }, ...parts);
  return { panel, opener: disclosure({ label: "Panes", icon: "panes", text: "Panes", panel }, scope).opener };
}

function part(title: string, ...children: Node[]): HTMLElement {
  return element("fieldset", { class: "snb-part" }, element("legend", {}, title), ...children);
}

/** The panes that are shown; each can be moved and removed. */
function orderList(context: SpectrogramContext): HTMLElement {
  const { comparison, scope } = context;
  const list = element("ol", { class: "snb-order" });
  const root = part("Shown", list);
  let own: Scope = scope.child();
  const update = () => {
    const focus = focusIn(list);
    own.dispose();
    own = scope.child();
    const specs = comparison.model.get("panes");
    list.replaceChildren(...specs.map((spec, i) => orderItem(context, spec, i, own)));
    if (focus)
      (
        list.querySelector<HTMLElement>(focus) ??
        list.querySelector<HTMLElement>("button:enabled") ??
        firstBox(list)
      )?.focus();
  };
  comparison.onSettings(["panes"], update, scope);
  return root;
}

/** Buttons are made anew with the list: who is on one stays on its like. */
function focusIn(list: HTMLElement): string | null {
  if (!hasFocus(list)) return null;
  const label = (list.getRootNode() as Document | ShadowRoot).activeElement?.getAttribute("aria-label") ?? "";
  return `[aria-label="${CSS.escape(label)}"]:not(:disabled)`;
}

/** With one pane left, which cannot be moved or removed, the box to tick for the first one. */
function firstBox(list: HTMLElement): HTMLElement | null {
  return list.closest(".snb-chooser")?.querySelector("input") ?? null;
}

function orderItem(context: SpectrogramContext, spec: PaneSpec, index: number, own: Scope): HTMLElement {
  const { model } = context.comparison;
  const { say } = context.actions.around;
  const name = paneName(spec);
  const last = model.get("panes").length - 1;
  const move = (to: number, said: string) => () => {
    const specs = model.get("panes").filter((_, i) => i !== index);
    model.set({ panes: to < 0 ? specs : [...specs.slice(0, to), spec, ...specs.slice(to)] });
    say(`${name} ${said}`);
  };
  const up = button({ label: `Move ${name} up`, icon: "up", onPress: move(index - 1, "moved up") }, own);
  const down = button({ label: `Move ${name} down`, icon: "down", onPress: move(index + 1, "moved down") }, own);
  const remove = button({ label: `Remove ${name}`, icon: "close", onPress: move(-1, "removed") }, own);
  up.disabled = index === 0;
  down.disabled = index === last;
  remove.disabled = last === 0;
  return element("li", {}, element("bdi", { class: "snb-name" }, name), up, down, remove);
}

/** A box to tick for the level of each signal, and for each one's share of the mixture. */
function checkLists(context: SpectrogramContext): HTMLElement[] {
  const { model } = context.comparison;
  const [signals, mixture] = [model.get("signals"), model.get("mixture")];
  const levels = signals.map((signal) => checkBox(context, ["level", signal, ""], signal));
  const masked = mixture ? signals.filter((signal) => signal !== mixture) : [];
  const masks = masked.map((signal) => checkBox(context, ["mask", signal, mixture], signal));
  return [part("Levels", ...levels), ...(masks.length ? [part("Masks", ...masks)] : [])];
}

function checkBox({ comparison, scope }: SpectrogramContext, spec: PaneSpec, text: string): HTMLElement {
  const { model } = comparison;
  const key = keyOf(spec);
  const box = element("input", { type: "checkbox", "aria-label": text, "data-lm-suppress-shortcuts": true });
  scope.listen(box, "change", () => {
    const others = model.get("panes").filter((one) => keyOf(one) !== key);
    // One pane stays.
    box.checked ||= others.length === 0;
    model.set({ panes: box.checked ? [...others, spec] : others });
  });
  comparison.onSettings(
    ["panes"],
    () => {
      box.checked = model.get("panes").some((one) => keyOf(one) === key);
    },
    scope,
  );
  return element("label", { class: "snb-check" }, box, element("bdi", {}, text));
}

/** A pane of how much louder one signal is than another. */
function differenceMaker({ comparison, actions, scope }: SpectrogramContext): HTMLElement {
  const { model } = comparison;
  const options = model.get("signals").map((signal) => [signal, signal] as const);
  const onChange = () => {
    add.disabled = one.value === other.value;
  };
  const one = choice({ label: "Difference of", options, onChange }, scope);
  const other = choice({ label: "Difference from", options, onChange }, scope);
  other.selectedIndex = Math.min(1, options.length - 1);
  const add = button(
    {
      ...{ label: "Add the difference", icon: "plus", text: "Add" },
      onPress: () => {
        const spec: PaneSpec = ["difference", one.value, other.value];
        const others = model.get("panes").filter((each) => keyOf(each) !== keyOf(spec));
        model.set({ panes: [...others, spec] });
        actions.around.say(`${paneName(spec)} added`);
      },
    },
    scope,
  );
  onChange();
  return part("Difference", one, document.createTextNode("−"), other, add);
}

/** Which two panes are shown in one place, one after the other. */
function blinkChoice({ comparison, view, scope }: SpectrogramContext): HTMLElement {
  const change = () => {
    view.blink = [one.value, other.value];
  };
  const one = choice({ label: "Blink, in the place of", options: [], onChange: change }, scope);
  const other = choice({ label: "Blink, with", options: [], onChange: change }, scope);
  const root = part("Blink", one, document.createTextNode("with"), other);
  comparison.onSettings(
    ["panes"],
    () => {
      const options = comparison.panes.map(({ key, name }) => [key, name] as const);
      for (const [i, list] of [one, other].entries()) {
        offer(list, options);
        list.value = view.blink?.[i] ?? "";
      }
      root.hidden = options.length < 2;
    },
    scope,
  );
  return root;
}

function heightSlider({ comparison, scope }: SpectrogramContext): HTMLElement {
  const shown = (value: number) => `${value} px`;
  const made = slider(
    {
      label: "Height of a pane",
      ...{ min: 60, max: 600, step: 10, reset: 140, spoken: (value: number) => `${value} pixels`, shown },
      onInput: (value) => comparison.model.set({ pane_height: value }),
    },
    scope,
  );
  comparison.onSettings(["pane_height"], () => made.set(comparison.model.get("pane_height")), scope);
  return part("Height", made.root);
}
