/** What the keys of a focused player do. */

import type { KeysHelp } from "./help";

export type Command =
  | { readonly do: "toggle" | "start" | "end" | "mute" | "solo" | "original" | "loop" | "loop-start" | "loop-stop" }
  | { readonly do: "zoom-in" | "zoom-out" | "help" }
  | { readonly do: "skip"; readonly seconds: number }
  | { readonly do: "select"; readonly index: number };

const SKIP_SECONDS = 2;
const SHIFT_SKIP_SECONDS = 5;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [" ", { do: "toggle" }],
  ["Home", { do: "start" }],
  ["End", { do: "end" }],
  ["m", { do: "mute" }],
  ["s", { do: "solo" }],
  ["x", { do: "original" }],
  ["l", { do: "loop" }],
  ["[", { do: "loop-start" }],
  ["]", { do: "loop-stop" }],
  ["+", { do: "zoom-in" }],
  ["=", { do: "zoom-in" }],
  ["-", { do: "zoom-out" }],
  ["?", { do: "help" }],
]);

const DIRECTIONS: ReadonlyMap<string, number> = new Map([
  ["ArrowLeft", -1],
  ["ArrowDown", -1],
  ["ArrowRight", 1],
  ["ArrowUp", 1],
]);

/** As the help shows them. */
export const KEYS_HELP: KeysHelp = [
  ["Space", "play or pause"],
  ["← →", `${SKIP_SECONDS} s back or on; with Shift ${SHIFT_SKIP_SECONDS} s`],
  ["Home End", "to the start, to the end"],
  ["1 – 9", "choose a stem"],
  ["M", "mute the chosen stem"],
  ["S", "hear the chosen stem alone"],
  ["X", "remix or original (A/B)"],
  ["L", "loop on or off"],
  ["[ ]", "the loop starts or ends here"],
  ["+ −", "zoom in or out"],
  ["?", "show or hide this help"],
  ["Delete", "a slider goes back to its default, as by double click"],
];

export type Pressed = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "altKey" | "metaKey">;

/** Return what a key does; null for keys that are not the player's. */
export function commandOf(event: Pressed): Command | null {
  const { key, shiftKey } = event;
  // Many keyboards of Macs have brackets on Alt.
  const isAlt = event.altKey && key !== "[" && key !== "]";
  if (event.ctrlKey || isAlt || event.metaKey) return null;
  const direction = DIRECTIONS.get(key);
  if (direction) return { do: "skip", seconds: direction * (shiftKey ? SHIFT_SKIP_SECONDS : SKIP_SECONDS) };
  if (/^[1-9]$/.test(key)) return { do: "select", index: Number(key) - 1 };
  return COMMANDS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}

/** Whether a key that is held down does it again and again. */
export function repeats(command: Command): boolean {
  return command.do === "skip" || command.do === "zoom-in" || command.do === "zoom-out";
}

/** Keys that are the notebook's and the browser's wherever the focus is: they run cells, save, and go on. */
export function passes({ key, shiftKey, ctrlKey, altKey, metaKey }: Pressed): boolean {
  return ctrlKey || altKey || metaKey || key === "Escape" || key === "Tab" || (key === "Enter" && shiftKey);
}

/** Keys that a focused control needs for itself, by its kind. */
export function belongsToControl({ key }: Pressed, control: Element, isByKeyboard: boolean): boolean {
  if (control.matches("select, input:not([type=range])")) return true;
  if (control.matches(".snb-seek input")) return /^Page/.test(key);
  if (control.matches("input[type=range]")) return /^(Arrow|Page|Home$|End$)/.test(key);
  // A button that was clicked leaves Space to the player, as people who use the mouse expect.
  return control.matches("button, summary") && (key === "Enter" || (key === " " && isByKeyboard));
}
