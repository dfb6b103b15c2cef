import type { Scope } from "../afm/scope";
import type { FilesSession } from "../data/files";
import type { FilesState } from "../data/state";
import type { Upload } from "../data/upload";
import { button } from "./button";
import { element, hasFocus } from "./dom";
import { formatDuration, formatSize } from "./format";
import { icon } from "./icons";
import type { Say } from "./live";
import { progressBar } from "./progress";

type Known = FilesState["uploads"][number];

interface Line {
  readonly element: HTMLElement;
  readonly scope: Scope;
  update(): void;
}

/** Where files are dropped or chosen, and a line for each upload: on its way, begun and left, failed, or here. */
export class UploadsView {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "snb-uploads", "aria-label": "Uploads" });
  readonly #input: HTMLInputElement;
  readonly #choose: HTMLButtonElement;
  readonly #lines = new Map<Upload | string, Line>();

  constructor(
    readonly session: FilesSession,
    readonly say: Say,
    readonly scope: Scope,
  ) {
    const most = session.model.get("max_upload_bytes");
    const multiple = session.model.get("multiple");
    this.#input = element("input", { type: "file", accept: "audio/*,video/*", multiple, hidden: true });
    const text = multiple ? "Upload files…" : "Upload a file…";
    this.#choose = button({ label: text, icon: "upload", text, onPress: () => this.#input.click() }, scope);
    const hint = `or drop ${multiple ? "them" : "it"} here${most === null ? "" : `, up to ${formatSize(most)} each`}`;
    const zone = element("div", { class: "snb-drop" }, this.#choose, element("span", {}, hint), this.#input);
    this.element = element("div", { class: "snb-upload" }, zone, this.#list);
    scope.listen(this.#input, "change", () => {
      this.#add([...(this.#input.files ?? [])]);
      this.#input.value = "";
    });
    session.onUploads(() => this.#show(), scope);
    session.model.on(["value"], () => this.#show(), scope);
    this.#show();
  }

  /** Let files be dropped anywhere on `target`. */
  acceptDrops(target: HTMLElement): void {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    for (const type of ["dragenter", "dragover", "dragleave", "drop"] as const) {
      this.scope.listen(target, type, (event) => {
        if (!hasFiles(event)) return;
        // The notebook would take them for its own.
        event.preventDefault();
        event.stopPropagation();
        const isLeaving = type === "dragleave" && target.contains(event.relatedTarget as Node | null) === false;
        target.classList.toggle("snb-dropping", type !== "drop" && !isLeaving);
        if (type === "drop" && event.dataTransfer) this.#add(droppedFiles(event.dataTransfer, this.say));
      });
    }
  }

  #add(files: readonly File[]): void {
    const taken = this.session.model.get("multiple") ? files : files.slice(0, 1);
    this.session.uploads.add(taken);
    if (taken.length) this.say(`${taken.length === 1 ? taken[0]?.name : `${taken.length} files`}: the upload begins`);
  }

  #show(): void {
    const here = this.session.uploads.uploads;
    const sent = new Set(here.filter(({ isOver }) => !isOver).map(({ id }) => id));
    const others = this.session.model.get("uploads").filter(({ id }) => !sent.has(id));
    const wanted = new Map<Upload | string, () => Line>([
      ...others.map((known) => [`${known.id}${known.path}`, () => this.#otherLine(known)] as const),
      ...here.map((upload) => [upload, () => this.#uploadLine(upload)] as const),
    ]);
    this.#removeAllBut(new Set(wanted.keys()));
    for (const [key, make] of wanted) if (!this.#lines.has(key)) this.#lines.set(key, make());
    this.#list.append(
      ...[...wanted.keys()].flatMap((key) => {
        const line = this.#lines.get(key);
        return line && line.element.parentNode !== this.#list ? [line.element] : [];
      }),
    );
    for (const line of this.#lines.values()) line.update();
    this.#list.hidden = this.#lines.size === 0;
  }

  #removeAllBut(wanted: ReadonlySet<Upload | string>): void {
    for (const [key, line] of this.#lines) {
      if (wanted.has(key)) continue;
      // Whoever pressed a button in it is not thrown to the top of the page.
      if (hasFocus(line.element)) this.#choose.focus();
      line.scope.dispose();
      line.element.remove();
      this.#lines.delete(key);
      if (key instanceof Object && key.state === "done") this.say(`${key.file.name} is uploaded`);
    }
  }

  /** A line for what this page sends. */
  #uploadLine(upload: Upload): Line {
    const scope = this.scope.child();
    const { name, size } = upload.file;
    const bar = progressBar(`Upload of ${name}`);
    const text = element("span", { class: "snb-upload-text" });
    const end = () => {
      if (upload.isOver) this.session.uploads.dismiss(upload);
      else upload.cancel();
      this.#show();
    };
    const stop = button({ label: `Cancel the upload of ${name}`, icon: "close", onPress: end }, scope);
    const title = element("span", { class: "snb-text" }, name);
    const line = lineElement(title, text, [stop], bar.root);
    const update = () => {
      const isFailed = upload.state === "failed";
      text.textContent = progressText(upload);
      text.classList.toggle("snb-error", isFailed);
      line.classList.toggle("snb-failed", isFailed);
      bar.root.hidden = isFailed;
      bar.set(size ? upload.received / size : 0, text.textContent);
      if (isFailed) stop.setAttribute("aria-label", `Dismiss ${name}`);
    };
    return { element: line, scope, update };
  }

  /** A line for what the kernel has: whole, or begun by a page that is gone. */
  #otherLine(known: Known): Line {
    const scope = this.scope.child();
    const { id, name, path } = known;
    const text = element("span", { class: "snb-upload-text" });
    const choose = button(
      { label: `Choose ${name}`, text: "Choose", class: "snb-primary", onPress: () => this.session.choose(path) },
      scope,
    );
    const forget = () => void this.session.removeUpload(id).catch((error: Error) => this.say(error.message));
    const remove = button({ label: `Delete the upload ${name}`, icon: "remove", onPress: forget }, scope);
    const update = () => {
      const now = this.session.model.get("uploads").find((other) => other.id === id) ?? known;
      const percent = Math.floor((100 * now.received) / (now.size || 1));
      text.textContent = path
        ? `${formatSize(now.size)}, uploaded`
        : `${percent} % is here, choose the file again to go on`;
      choose.hidden = !path || this.session.chosen.includes(path);
    };
    const title = element("span", { class: "snb-text" }, icon(path ? "song" : "upload"), name);
    const line = lineElement(title, text, [choose, remove], null);
    return { element: line, scope, update };
  }
}

function lineElement(title: Element, text: Element, buttons: readonly Element[], bar: Element | null): HTMLElement {
  const actions = element("span", { class: "snb-upload-actions" }, ...buttons);
  return element("li", { class: "snb-upload-line" }, title, actions, text, bar);
}

function progressText(upload: Upload): string {
  const { state, received, file, secondsLeft } = upload;
  if (state === "failed") return upload.problem;
  if (state === "waiting") return `${formatSize(file.size)}, waiting`;
  if (upload.isQuiet) return "waiting for the kernel, which is busy or away";
  if (state === "finishing") return "being put in its place";
  const left = secondsLeft === null ? "" : ` · ${formatDuration(secondsLeft)} left`;
  return `${formatSize(received)} of ${formatSize(file.size)}${left}`;
}

/** The files of a drop; folders cannot be read as files. */
function droppedFiles(data: DataTransfer, say: Say): File[] {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const files = items.flatMap((item) => (item.webkitGetAsEntry()?.isDirectory ? [] : (item.getAsFile() ?? [])));
  if (files.length < items.length) say("Folders cannot be uploaded; drop the files in them.");
  return files;
}
