import type { Scope } from "../afm/scope";
import type { FilesSession } from "../data/files";
import type { PathChecked } from "../data/wire";
import { button } from "./button";
import { element } from "./dom";

/** Wait for the end of a word before the kernel is asked. */
const TYPING_MS = 120;
let lastId = 0;

/**
 * A box to type a path, with what it could go on as: WAI-ARIA's combobox with a list. Enter takes the marked line,
 * chooses a song, or opens a folder.
 */
export function pathBox(session: FilesSession, open: (folder: string) => void, scope: Scope): HTMLElement {
  const id = `snb-path-${++lastId}`;
  const input = element("input", {
    type: "text",
    class: "snb-input",
    role: "combobox",
    id,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": `${id}-list`,
    "aria-describedby": `${id}-says`,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "song.wav, ~/Music/ …",
    "data-lm-suppress-shortcuts": true,
  });
  const list = element("ul", { class: "snb-completions", role: "listbox", id: `${id}-list`, "aria-label": "Paths" });
  const says = element("p", { class: "snb-says", id: `${id}-says`, role: "status" });
  list.hidden = true;
  let marked = -1;
  let asked = 0;
  let pending: Scope | null = null;

  const isOpen = () => !list.hidden;
  const close = () => {
    list.hidden = true;
    marked = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (at: number) => {
    const options = [...list.children];
    marked = options.length ? (at + options.length) % options.length : -1;
    for (const [i, option] of options.entries()) option.setAttribute("aria-selected", String(i === marked));
    input.setAttribute("aria-activedescendant", options[marked]?.id ?? "");
    options[marked]?.scrollIntoView?.({ block: "nearest" });
  };
  const show = ({ completions }: PathChecked) => {
    const lines = completions.filter((text) => text !== input.value);
    list.replaceChildren(
      ...lines.map((text, i) => element("li", { role: "option", id: `${id}-${i}`, "aria-selected": "false" }, text)),
    );
    close();
    list.hidden = !lines.length || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const ask = async (): Promise<PathChecked | null> => {
    pending?.dispose();
    const mine = ++asked;
    try {
      const answer = await session.check(input.value);
      // An answer to what stood there before is of no use.
      if (mine !== asked) return null;
      says.textContent = answer.kind === "song" || answer.kind === "unusable" ? answer.text : "";
      says.classList.toggle("snb-error", answer.kind === "unusable");
      return answer;
    } catch (error) {
      if (mine === asked) says.textContent = error instanceof Error ? error.message : String(error);
      return null;
    }
  };
  const suggest = async () => {
    const answer = await ask();
    if (answer) show(answer);
  };
  const type = (text: string) => {
    input.value = text;
    input.focus();
    void suggest();
  };
  const accept = async () => {
    const answer = await ask();
    if (!answer) return;
    close();
    if (answer.kind === "song") {
      session.choose(answer.path);
      input.value = "";
    } else if (answer.kind === "folder") open(answer.path);
    else {
      says.textContent = answer.text;
      says.classList.add("snb-error");
    }
  };

  scope.listen(input, "input", () => {
    asked++;
    pending?.dispose();
    if (!input.value) {
      close();
      says.textContent = "";
      return;
    }
    pending = scope.child();
    pending.after(TYPING_MS, () => void suggest());
  });
  scope.listen(input, "blur", close);
  // Pressing the mouse on a line would take the focus, and close the list before the click comes.
  scope.listen(list, "mousedown", (event) => event.preventDefault());
  scope.listen(list, "click", (event) => {
    const line = (event.target as Element).closest("[role=option]");
    if (line) type(line.textContent ?? "");
  });
  const keys: Record<string, () => void> = {
    ArrowDown: () => (isOpen() ? mark(marked + 1) : void suggest()),
    ArrowUp: () => isOpen() && mark(marked < 0 ? -1 : marked - 1),
    Enter: () => (isOpen() && marked >= 0 ? type(list.children[marked]?.textContent ?? "") : void accept()),
    Escape: close,
  };
  scope.listen(input, "keydown", (event) => {
    const act = keys[event.key];
    const isOurs = act && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && !event.isComposing;
    if (!isOurs || (event.key === "Escape" && !isOpen())) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });

  const choose = button({ label: "Choose the file at this path", text: "Choose", onPress: () => void accept() }, scope);
  const box = element("div", { class: "snb-path-box" }, input, choose, list);
  return element("div", { class: "snb-path" }, element("label", { for: id }, "Path on the server"), box, says);
}
