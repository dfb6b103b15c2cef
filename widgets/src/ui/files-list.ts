import type { Scope } from "../afm/scope";
import type { FilesSession } from "../data/files";
import type { FolderListed } from "../data/wire";
import { button } from "./button";
import { element } from "./dom";
import type { Previews } from "./files-preview";
import { formatSize } from "./format";
import { icon } from "./icons";

type Entry = FolderListed["entries"][number];

/** After so long without an answer, people are told that the kernel is busy. */
const PATIENCE_MS = 1000;

/**
 * The server's folders: a path of folders to go up, and a grid of folders and songs. One cell is in the tab order;
 * arrows move, Enter or Space opens a folder and chooses a song, Backspace goes up, letters jump.
 */
export class FolderView {
  readonly element: HTMLElement;
  readonly #crumbs = element("ol", { class: "snb-crumbs" });
  readonly #grid = element("div", { class: "snb-grid", role: "grid" });
  readonly #status = element("p", { class: "snb-says", role: "status" });
  readonly #up: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  #crumbPaths: readonly string[] = [];
  #path: string | null = null;
  #rows: Scope;
  #entries: Entry[] = [];
  #asked = 0;

  constructor(
    readonly session: FilesSession,
    readonly previews: Previews,
    readonly scope: Scope,
  ) {
    this.#rows = scope.child();
    this.#up = button({ label: "Up, to the folder above", icon: "up", onPress: () => this.#goUp() }, scope);
    this.#more = button({ label: "Show more", text: "Show more", onPress: () => void this.#showMore() }, scope);
    if (session.model.get("multiple")) this.#grid.setAttribute("aria-multiselectable", "true");
    const places = element("nav", { class: "snb-places", "aria-label": "Folders above" }, this.#up, this.#crumbs);
    const box = element("div", { class: "snb-grid-box" }, this.#grid, this.#more);
    this.element = element("div", { class: "snb-folder" }, places, box, this.#status);
    scope.listen(this.#grid, "keydown", (event) => this.#onKey(event));
    scope.listen(this.#grid, "click", (event) => this.#onClick(event));
    scope.listen(this.#grid, "focusin", (event) => this.#makeTabStop(event.target as HTMLElement));
    session.model.on(["value"], () => this.#showChosen(), scope);
  }

  /** List a folder; null lists the roots. */
  async open(path: string | null, focus = false): Promise<void> {
    const listed = await this.#ask(path, 0);
    if (!listed) return;
    this.#rows.dispose();
    this.#rows = this.scope.child();
    const before = this.#path;
    this.#path = path;
    this.#entries = [];
    this.#grid.replaceChildren();
    this.#showCrumbs(listed.crumbs);
    this.#append(listed);
    if (focus) this.#focusOn(before);
  }

  async #showMore(): Promise<void> {
    const first = this.#entries.length;
    const listed = await this.#ask(this.#path, first);
    if (!listed) return;
    this.#append(listed);
    this.#cells(first)[0]?.focus();
  }

  /** Returns null when it went wrong, or something else was asked for meanwhile. */
  async #ask(path: string | null, first: number): Promise<FolderListed | null> {
    const mine = ++this.#asked;
    const wait = this.scope.child();
    wait.after(PATIENCE_MS, () => this.#say("The kernel is busy; the list comes when it is free."));
    try {
      const listed = await this.session.list(path, first);
      return mine === this.#asked ? listed : null;
    } catch (error) {
      if (mine === this.#asked) this.#say(error instanceof Error ? error.message : String(error));
      return null;
    } finally {
      wait.dispose();
    }
  }

  #append({ entries, total, note }: FolderListed): void {
    this.#entries.push(...entries);
    this.#grid.append(...entries.map((entry) => this.#row(entry)));
    this.#grid.hidden = this.#entries.length === 0;
    this.#more.hidden = this.#entries.length >= total;
    const counted = this.#more.hidden ? "" : `${this.#entries.length} of ${total} are shown.`;
    this.#say([total ? counted : "There are no songs here.", note].filter(Boolean).join(" "));
    if (!this.#grid.querySelector("[tabindex='0']")) this.#cells(0)[0]?.setAttribute("tabindex", "0");
    this.#showChosen();
  }

  #row([name, path, size]: Entry): HTMLElement {
    const isFolder = size === null;
    const cell = element(
      "div",
      { role: "gridcell", class: "snb-name", tabindex: -1, "data-lm-suppress-shortcuts": true },
      icon(isFolder ? "folder" : "song"),
      element("span", { class: "snb-text" }, name),
      isFolder ? element("span", { class: "snb-hidden" }, ", folder") : icon("check"),
    );
    const bytes = element("div", { role: "gridcell", class: "snb-size" }, isFolder ? "" : formatSize(size));
    const play = element("div", { role: "gridcell", class: "snb-play" });
    if (!isFolder) {
      const made = this.previews.button(path, this.#rows);
      made.tabIndex = -1;
      play.append(made);
    }
    return element("div", { role: "row", class: isFolder ? "snb-row" : "snb-row snb-song" }, cell, bytes, play);
  }

  #showCrumbs(crumbs: FolderListed["crumbs"]): void {
    const all = [["All places", null] as const, ...crumbs];
    this.#crumbPaths = crumbs.map(([, path]) => path);
    this.#crumbs.replaceChildren(
      ...all.map(([name, path], i) => {
        const isHere = i === all.length - 1;
        const made = button({ label: name, text: name, onPress: () => void this.open(path, true) }, this.#rows);
        if (isHere) made.setAttribute("aria-current", "location");
        return element("li", {}, made);
      }),
    );
    this.#up.disabled = crumbs.length === 0;
    this.#grid.setAttribute("aria-label", crumbs.at(-1)?.[0] ?? "All places");
  }

  #showChosen(): void {
    const chosen = new Set(this.session.chosen);
    for (const [i, row] of [...this.#grid.children].entries()) {
      const [, path = "", size] = this.#entries[i] ?? [];
      if (size !== null) row.setAttribute("aria-selected", String(chosen.has(path)));
    }
  }

  #activate(index: number): void {
    const [, path, size] = this.#entries[index] ?? [];
    if (path === undefined) return;
    if (size === null) void this.open(path, true);
    else if (this.session.chosen.includes(path)) this.session.drop(path);
    else this.session.choose(path);
  }

  #goUp(): void {
    if (this.#path !== null) void this.open(this.#crumbPaths.at(-2) ?? null, true);
  }

  #onClick(event: Event): void {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("[role=row]");
    if (!row || target.closest("button")) return;
    const index = [...this.#grid.children].indexOf(row);
    this.#cells(index)[0]?.focus();
    this.#activate(index);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const row = (event.target as HTMLElement).closest("[role=row]");
    const at = [...this.#grid.children].indexOf(row as Element);
    if (at < 0 || !this.#act(event.key, at, event.target as HTMLElement)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Do what a key stands for; returns whether it stands for something. */
  #act(key: string, at: number, target: HTMLElement): boolean {
    const cells = this.#cells(at);
    const column = Math.max(cells.indexOf(target), 0);
    const move = (row: number, to: number) => {
      const there = this.#cells(Math.min(Math.max(row, 0), this.#entries.length - 1));
      there[Math.min(to, there.length - 1)]?.focus();
    };
    const keys: Record<string, () => void> = {
      ArrowDown: () => move(at + 1, column),
      ArrowUp: () => move(at - 1, column),
      ArrowLeft: () => move(at, 0),
      ArrowRight: () => move(at, 1),
      Home: () => move(0, 0),
      End: () => move(this.#entries.length - 1, 0),
      Backspace: () => this.#goUp(),
    };
    if (column === 0) keys.Enter = keys[" "] = () => this.#activate(at);
    if (keys[key]) keys[key]();
    else if (key.length === 1 && /[\p{L}\p{N}]/u.test(key)) this.#jump(key, at);
    else return false;
    return true;
  }

  /** Go to the next entry that begins with a letter. */
  #jump(letter: string, from: number): void {
    const count = this.#entries.length;
    const order = Array.from({ length: count }, (_, i) => (from + 1 + i) % count);
    const found = order.find((i) => this.#entries[i]?.[0].toLowerCase().startsWith(letter.toLowerCase()));
    if (found !== undefined) this.#cells(found)[0]?.focus();
  }

  /** What of a row can have the focus. */
  #cells(row: number): HTMLElement[] {
    return [...(this.#grid.children[row]?.querySelectorAll<HTMLElement>(".snb-name, button") ?? [])];
  }

  #makeTabStop(target: HTMLElement): void {
    for (const other of this.#grid.querySelectorAll("[tabindex='0']")) other.setAttribute("tabindex", "-1");
    target.tabIndex = 0;
  }

  /** Focus the folder that one comes from, or the first line. */
  #focusOn(path: string | null): void {
    const from = this.#entries.findIndex(([, other]) => other === path);
    (this.#cells(Math.max(from, 0))[0] ?? this.#up).focus();
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }
}
