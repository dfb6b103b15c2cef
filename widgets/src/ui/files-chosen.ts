import type { Scope } from "../afm/scope";
import { type FilesSession, nameOf } from "../data/files";
import { button } from "./button";
import { element, hasFocus } from "./dom";
import type { Previews } from "./files-preview";
import type { Say } from "./live";

/** The chosen songs: what each is like, its beginning to be heard, and a button to take it off again. */
export function chosenSongs(session: FilesSession, previews: Previews, say: Say, scope: Scope): HTMLElement {
  const list = element("ul", { class: "snb-chips", "aria-label": "Chosen songs" });
  const none = element("p", { class: "snb-says" }, "Nothing is chosen yet.");
  const title = element("h3", { class: "snb-title", tabindex: -1 });
  const chips = new Map<string, Scope>();

  const chip = (path: string) => {
    const own = scope.child();
    const name = nameOf(path);
    const info = element("span", { class: "snb-info" }, "…");
    const drop = () => {
      const isFocused = hasFocus(made);
      session.drop(path);
      say(`${name} is no longer chosen`);
      if (isFocused) (list.querySelector<HTMLElement>(".snb-off") ?? title).focus();
    };
    const off = button({ label: `Take ${name} off`, icon: "close", class: "snb-off", onPress: drop }, own);
    const label = element(
      "span",
      { class: "snb-chip-text" },
      element("span", { class: "snb-text", title: path }, name),
      info,
    );
    const made = element("li", { class: "snb-chip" }, previews.button(path, own), label, off);
    own.defer(() => made.remove());
    session.describe(path).then(
      (answer) => {
        info.textContent = answer.text;
        info.classList.toggle("snb-error", answer.kind !== "song");
      },
      (error: Error) => {
        info.textContent = error.message;
      },
    );
    list.append(made);
    return own;
  };
  const show = () => {
    const { chosen } = session;
    for (const [path, own] of chips) {
      if (chosen.includes(path)) continue;
      own.dispose();
      chips.delete(path);
    }
    for (const path of chosen) if (!chips.has(path)) chips.set(path, chip(path));
    title.textContent = chosen.length ? `Chosen: ${chosen.length}` : "Chosen";
    none.hidden = chosen.length > 0;
    list.hidden = chosen.length === 0;
  };
  session.model.on(["value"], show, scope);
  show();
  return element("div", { class: "snb-chosen" }, title, none, list);
}
