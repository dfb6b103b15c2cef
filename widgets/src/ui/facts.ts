import { element } from "./dom";

export interface Facts {
  /** Heads, then rows. */
  readonly table: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Notes and a table below a summary, and what shows others in their place. */
export function facts(summary: string, first: Facts, isOpen: boolean) {
  const title = element("summary", { "data-lm-suppress-shortcuts": true }, summary);
  const root = element("details", { class: "snb-facts", open: isOpen }, title);
  const set = ({ table, notes }: Facts) => {
    root.hidden = table.length === 0 && notes.length === 0;
    root.replaceChildren(title, ...notes.map((text) => element("p", { dir: "auto" }, text)), asTable(table));
  };
  set(first);
  return { root, set };
}

function asTable([heads = [], ...rows]: Facts["table"]): HTMLElement {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { dir: "auto" }, text))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}
