import type { Scope } from "../afm/scope";
import { element } from "./dom";

export interface ChoiceOptions {
  readonly label: string;
  /** Values, and what they are called. */
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}

/** A native list of which one is chosen. */
export function choice({ label, options, onChange }: ChoiceOptions, scope: Scope): HTMLSelectElement {
  const made = element(
    "select",
    { class: "snb-field", "aria-label": label, title: label, "data-lm-suppress-shortcuts": true },
    ...asOptions(options),
  );
  scope.listen(made, "change", () => onChange(made.value));
  return made;
}

/** Offer other options; what was chosen stays, if it is one of them. */
export function offer(made: HTMLSelectElement, options: ChoiceOptions["options"]): void {
  const { value } = made;
  made.replaceChildren(...asOptions(options));
  if (options.some(([one]) => one === value)) made.value = value;
}

function asOptions(options: ChoiceOptions["options"]): HTMLOptionElement[] {
  return options.map(([value, text]) => element("option", { value }, text));
}
