import type { Session } from "../audio/session";
import { element } from "./dom";

/** What there is to know of the stems, as a table; open where somebody has just separated them. */
export function facts(session: Session): HTMLElement {
  const [heads = [], ...rows] = session.model.get("table");
  const notes = session.model.get("notes");
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { dir: "auto" }, text))));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  const lines = notes.map((text) => element("p", { dir: "auto" }, text));
  return element(
    "details",
    { class: "snb-facts", open: notes.length > 0 },
    element("summary", { "data-lm-suppress-shortcuts": true }, "Details"),
    ...lines,
    table,
  );
}
