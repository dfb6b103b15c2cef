import type { KeysHelp } from "./help";
import type { Pressed } from "./keys";

/** What the keys of a focused comparison do. */
export type Command =
  | { readonly do: "toggle" | "start" | "end" | "region" | "region-start" | "region-stop" | "help" }
  | { readonly do: "zoom-in" | "zoom-out" | "fit" }
  | { readonly do: "blink" }
  /** Pixel columns to the right, bins upwards. */
  | { readonly do: "move"; readonly columns: number; readonly bins: number };

const SHIFT_STEPS = 10;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [" ", { do: "toggle" }],
  ["Home", { do: "start" }],
  ["End", { do: "end" }],
  ["b", { do: "blink" }],
  ["l", { do: "region" }],
  ["[", { do: "region-start" }],
  ["]", { do: "region-stop" }],
  ["+", { do: "zoom-in" }],
  ["=", { do: "zoom-in" }],
  ["-", { do: "zoom-out" }],
  ["0", { do: "fit" }],
  ["?", { do: "help" }],
]);

const MOVES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, 1]],
  ["ArrowDown", [0, -1]],
]);

/** As the help shows them. */
export const KEYS_HELP: KeysHelp = [
  ["← →", "move the cross-hair by a pixel; with Shift by 10"],
  ["↑ ↓", "move the cross-hair by a bin; with Shift by 10"],
  ["Home End", "the cross-hair at the start, at the end"],
  ["+ −", "zoom in or out"],
  ["0", "show all"],
  ["[ ]", "the region starts or ends at the cross-hair"],
  ["L", "region off, or on again"],
  ["B", "swap the two panes that blink"],
  ["Space", "play or pause, with a player"],
  ["?", "show or hide this help"],
  ["Delete", "a slider goes back to its default, as by double click"],
];

/** Return what a key does; null for keys that are not the comparison's. */
export function commandOf(event: Pressed): Command | null {
  const { key, shiftKey } = event;
  // Many keyboards of Macs have brackets on Alt.
  const isAlt = event.altKey && key !== "[" && key !== "]";
  if (event.ctrlKey || isAlt || event.metaKey) return null;
  const move = MOVES.get(key);
  const steps = shiftKey ? SHIFT_STEPS : 1;
  if (move) return { do: "move", columns: move[0] * steps, bins: move[1] * steps };
  return COMMANDS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}

/** Whether a key that is held down does it again and again. */
export function repeats(command: Command): boolean {
  return command.do === "move" || command.do === "zoom-in" || command.do === "zoom-out";
}
