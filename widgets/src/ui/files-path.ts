import type { Scope } from "../afm/scope";
import type { FilesSession } from "../data/files";
import type { PathChecked } from "../data/wire";
import { button } from "./button";
import { element, hasFocus, setAttribute, uniqueId } from "./dom";

/** Wait for the end of a word before the kernel is asked. */
const TYPING_MS = 120;

/**
 * A box to type a path, with what it could go on as: WAI-ARIA's combobox with a list. Enter takes the marked line,
 * chooses a song, or opens a folder.
 */
export class PathBox {
  readonly element: HTMLElement;
  readonly #id = uniqueId();
  readonly #input = element("input", {
    type: "text",
    class: "snb-input",
    role: "combobox",
    id: this.#id,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": `${this.#id}-list`,
    "aria-describedby": `${this.#id}-says`,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "song.wav, ~/Music/ …",
    "data-lm-suppress-shortcuts": true,
  });
  readonly #list = element("ul", {
    class: "snb-completions",
    role: "listbox",
    id: `${this.#id}-list`,
    "aria-label": "Paths",
    hidden: true,
  });
  readonly #says = element("p", { class: "snb-says", id: `${this.#id}-says`, role: "status" });
  readonly #keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => (this.#isOpen ? this.#mark(this.#marked + 1) : void this.#suggest()),
    ArrowUp: () => this.#isOpen && this.#mark(Math.max(this.#marked, 0) - 1),
    Enter: () => (this.#marked >= 0 ? this.#type(this.#lines[this.#marked]?.textContent ?? "") : void this.accept()),
    Escape: () => this.#close(),
  };
  /** The marked line, -1 for none. */
  #marked = -1;
  #asked = 0;
  #pause: Scope | null = null;

  constructor(
    readonly session: FilesSession,
    readonly open: (folder: string) => void,
    readonly scope: Scope,
  ) {
    const accept = () => void this.accept();
    const choose = button({ label: "Choose the file at this path", text: "Choose", onPress: accept }, scope);
    const box = element("div", { class: "snb-path-box" }, this.#input, choose, this.#list);
    const label = element("label", { for: this.#id }, "Path on the server");
    this.element = element("div", { class: "snb-path" }, label, box, this.#says);
    scope.listen(this.#input, "input", () => this.#onInput());
    scope.listen(this.#input, "blur", () => this.#close());
    scope.listen(this.#input, "keydown", (event) => this.#onKey(event));
    // Pressing the mouse on a line would take the focus, and close the list before the click comes.
    scope.listen(this.#list, "mousedown", (event) => event.preventDefault());
    scope.listen(this.#list, "click", (event) => {
      const line = (event.target as Element).closest("[role=option]");
      if (line) this.#type(line.textContent ?? "");
    });
  }

  /** Choose the song that is typed, or open the folder. */
  async accept(): Promise<void> {
    const answer = await this.#ask();
    if (!answer) return;
    this.#close();
    if (answer.kind === "song") {
      this.session.choose(answer.path);
      this.#input.value = "";
    } else if (answer.kind === "folder") this.open(answer.path);
    else this.#say(answer.text, true);
  }

  get #isOpen(): boolean {
    return !this.#list.hidden;
  }

  get #lines(): readonly Element[] {
    return [...this.#list.children];
  }

  /** Returns null when it went wrong, or something else was typed meanwhile. */
  async #ask(): Promise<PathChecked | null> {
    this.#pause?.dispose();
    const mine = ++this.#asked;
    try {
      const answer = await this.session.check(this.#input.value);
      if (mine !== this.#asked) return null;
      const isUnusable = answer.kind === "unusable";
      this.#say(isUnusable || answer.kind === "song" ? answer.text : "", isUnusable);
      return answer;
    } catch (error) {
      if (mine === this.#asked) this.#say(error instanceof Error ? error.message : String(error), true);
      return null;
    }
  }

  async #suggest(): Promise<void> {
    const answer = await this.#ask();
    if (!answer) return;
    const lines = answer.completions.filter((text) => text !== this.#input.value);
    const option = (text: string, i: number) =>
      element("li", { role: "option", id: `${this.#id}-${i}`, "aria-selected": "false" }, text);
    this.#list.replaceChildren(...lines.map(option));
    this.#show(lines.length > 0 && hasFocus(this.#input));
  }

  #close(): void {
    this.#show(false);
  }

  #show(isOpen: boolean): void {
    this.#marked = -1;
    this.#list.hidden = !isOpen;
    this.#input.setAttribute("aria-expanded", String(isOpen));
    this.#input.removeAttribute("aria-activedescendant");
  }

  #mark(at: number): void {
    const lines = this.#lines;
    this.#marked = (at + lines.length) % lines.length;
    for (const [i, line] of lines.entries()) line.setAttribute("aria-selected", String(i === this.#marked));
    setAttribute(this.#input, "aria-activedescendant", lines[this.#marked]?.id ?? null);
    lines[this.#marked]?.scrollIntoView({ block: "nearest" });
  }

  #type(text: string): void {
    this.#input.value = text;
    this.#input.focus();
    void this.#suggest();
  }

  #onInput(): void {
    // An answer to what stood there before is of no use.
    this.#asked++;
    this.#pause?.dispose();
    if (!this.#input.value) {
      this.#close();
      this.#say("", false);
      return;
    }
    this.#pause = this.scope.child();
    this.#pause.after(TYPING_MS, () => void this.#suggest());
  }

  #onKey(event: KeyboardEvent): void {
    const act = this.#keys[event.key];
    const isHeld = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing;
    if (!act || isHeld || (event.key === "Escape" && !this.#isOpen)) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  #say(text: string, isError: boolean): void {
    this.#says.textContent = text;
    this.#says.classList.toggle("snb-error", isError);
  }
}
