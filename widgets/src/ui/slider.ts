import type { Scope } from "../afm/scope";
import { element } from "./dom";

interface SliderOptions {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Where a double click or Delete puts it; `null` for none. */
  readonly reset: number | null;
  /** What screen readers say of a value. */
  readonly spoken: (value: number) => string;
  /** What is shown beside it. */
  readonly shown?: (value: number) => string;
  /** The value at which the filled part of the track begins. */
  readonly origin?: number;
  readonly class?: string;
  readonly onInput: (value: number) => void;
}

/** A native range input with its value beside it. */
export interface Slider {
  readonly root: HTMLElement;
  readonly input: HTMLInputElement;
  /** Show a value; nothing is called. */
  set(value: number): void;
}

export function slider(options: SliderOptions, scope: Scope): Slider {
  const { label, min, max, step, reset, shown } = options;
  const input = element("input", {
    type: "range",
    class: "snb-range",
    ...{ min, max, step, "aria-label": label },
    title: reset === null ? label : `${label} (double click: ${options.spoken(reset)})`,
    "data-lm-suppress-shortcuts": true,
  });
  const output = element("span", { class: "snb-value", "aria-hidden": "true" });
  const root = element("span", { class: `snb-slider ${options.class ?? ""}`.trim() }, input, shown ? output : null);
  const set = (value: number) => {
    input.value = String(value);
    input.setAttribute("aria-valuetext", options.spoken(value));
    if (shown) output.textContent = shown(value);
    paintTrack(input, value, options);
  };
  const change = (value: number) => {
    set(value);
    options.onInput(value);
  };
  scope.listen(input, "input", () => change(Number(input.value)));
  if (reset !== null) resettable(input, () => change(reset), scope);
  return { root, input, set };
}

function resettable(input: HTMLInputElement, reset: () => void, scope: Scope): void {
  scope.listen(input, "dblclick", reset);
  scope.listen(input, "keydown", (event) => {
    if (event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    event.stopPropagation();
    reset();
  });
}

function paintTrack(input: HTMLInputElement, value: number, { min, max, origin = min }: SliderOptions): void {
  const percent = (at: number) => `${((at - min) / (max - min || 1)) * 100}%`;
  input.style.setProperty("--snb-from", percent(Math.min(value, origin)));
  input.style.setProperty("--snb-to", percent(Math.max(value, origin)));
}
