import type { Scope } from "../afm/scope";
import { button } from "./button";
import { element } from "./dom";

/** Names of keys, with blanks between them, and what they do. */
export type KeysHelp = readonly (readonly [string, string])[];

/** What keys and the mouse do; hidden until it is asked for. */
export function helpPanel(keys: KeysHelp, more: readonly Node[], scope: Scope) {
  const list = keys.map(([names, what]) =>
    element("div", { class: "snb-key" }, keyNames(names), element("dd", {}, what)),
  );
  const panel = element(
    "section",
    { class: "snb-help", "aria-label": "Help", hidden: true },
    element("dl", {}, ...list),
    ...more,
  );
  const toggle = () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute("aria-expanded", String(!panel.hidden));
  };
  const opener = button({ label: "Help: keys and mouse (?)", icon: "help", onPress: toggle }, scope);
  opener.setAttribute("aria-expanded", "false");
  return { panel, button: opener, toggle };
}

function keyNames(names: string): HTMLElement {
  const keys = names.split(" ").map((name) => (name === "–" ? name : element("kbd", {}, name)));
  return element("dt", {}, ...keys);
}
