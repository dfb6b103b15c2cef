import type { Scope } from "../afm/scope";
import { disclosure } from "./disclosure";
import { element } from "./dom";

/** Names of keys, with blanks between them, and what they do. */
export type KeysHelp = readonly (readonly [string, string])[];

/** What keys and the mouse do; hidden until it is asked for. */
export function helpPanel(keys: KeysHelp, more: readonly Node[], scope: Scope) {
  const list = keys.map(([names, what]) =>
    element("div", { class: "snb-key" }, keyNames(names), element("dd", {}, what)),
  );
  const panel = element("section", { class: "snb-help", "aria-label": "Help" }, element("dl", {}, ...list), ...more);
  return { panel, ...disclosure({ label: "Help: keys and mouse (?)", icon: "help", panel }, scope) };
}

function keyNames(names: string): HTMLElement {
  const keys = names.split(" ").map((name) => (name === "–" ? name : element("kbd", {}, name)));
  return element("dt", {}, ...keys);
}
