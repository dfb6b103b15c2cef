import type { Scope } from "../afm/scope";
import { element } from "./dom";
import { type IconName, icon } from "./icons";

export interface ButtonOptions {
  /** What it is called; shown as a tip. */
  readonly label: string;
  /** What is seen: an icon, text, or both. */
  readonly icon?: IconName;
  readonly text?: string;
  readonly class?: string;
  readonly onPress: () => void;
}

/** Make a button. JupyterLab's shortcuts leave a focused one alone. */
export function button(options: ButtonOptions, scope: Scope): HTMLButtonElement {
  const made = element(
    "button",
    {
      type: "button",
      class: `snb-button ${options.class ?? ""}`.trim(),
      "aria-label": options.label,
      title: options.label,
      "data-lm-suppress-shortcuts": true,
    },
    options.icon ? icon(options.icon) : null,
    options.text ?? null,
  );
  scope.listen(made, "click", options.onPress);
  return made;
}

/** Show whether a toggle button is on; its name stays, as WAI-ARIA asks. */
export function setPressed(toggle: HTMLButtonElement, isPressed: boolean): void {
  toggle.setAttribute("aria-pressed", String(isPressed));
}

/** Give a button another name and icon. */
export function relabel(made: HTMLButtonElement, label: string, name: IconName): void {
  if (made.getAttribute("aria-label") === label) return;
  made.setAttribute("aria-label", label);
  made.title = label;
  made.replaceChildren(icon(name));
}
