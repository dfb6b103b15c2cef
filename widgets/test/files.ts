import { FilesSession, nameOf } from "../src/data/files";
import type { FilesState } from "../src/data/state";
import type { FolderListed } from "../src/data/wire";
import { renderFiles } from "../src/ui/files";
import "../src/ui/theme.css";
import "../src/ui/controls.css";
import "../src/ui/files.css";
import { FakeModel } from "./fake-model";
import { Stage } from "./stage";

type Entry = FolderListed["entries"][number];

/** Folders by their path, with the names and sizes in them; null is the size of a folder. */
export type Tree = Readonly<Record<string, readonly (readonly [string, number | null])[]>>;

export const TREE: Tree = {
  "/music": [
    ["album", null],
    ["empty", null],
    ["Bach.wav", 1_000_000],
    ["Brahms.flac", 2_000_000],
    ["Chopin.mp3", 3000],
  ],
  "/music/album": Array.from({ length: 250 }, (_, i) => [`track ${i}.mp3`, 1000] as const),
  "/music/empty": [],
};

const PAGE = 200;

/** A kernel with a tree of files in memory; `preview` is what a song sounds like. */
export function filesModel(tree: Tree, changes: Partial<FilesState> = {}, preview = new Uint8Array()): FakeModel {
  const state: FilesState = {
    value: [],
    multiple: true,
    roots: ["/music"],
    max_upload_bytes: null,
    uploads: [],
    ...changes,
  };
  const model = new FakeModel(state);
  model.kernel = ({ type, id, path, first, text, upload }) => {
    if (type === "list_folder") model.receive(listed(tree, path as string | null, first as number, id));
    if (type === "check_path") model.receive({ type: "path_checked", id, ...checked(tree, text as string) } as never);
    if (type === "preview_song") model.receive({ type: "song_preview", id, text: "" } as never, [preview]);
    if (type === "upload_remove") {
      model.receive({ type: "upload_at", id, upload, offset: 0, crc: 0, again: false, problem: "" } as never);
    }
  };
  return model;
}

function listed(tree: Tree, path: string | null, first: number, id: unknown): never {
  const inside = path === null ? [["/music", null] as const] : tree[path];
  if (!inside)
    return { type: "failure", id, message: `There is no folder ${path}.`, error: "ValidationError" } as never;
  const entries: Entry[] = inside.map(([name, size]) => [name, path === null ? name : `${path}/${name}`, size]);
  const parts = path?.split("/").slice(1) ?? [];
  const crumbs = parts.map((name, i) => [name, `/${parts.slice(0, i + 1).join("/")}`]);
  const part = entries.slice(first, first + PAGE);
  return { type: "folder_listed", id, crumbs, entries: part, total: entries.length, note: "" } as never;
}

function checked(tree: Tree, text: string): object {
  const songs = Object.entries(tree).flatMap(([folder, inside]) => inside.map(([name]) => `${folder}/${name}`));
  const path = text.startsWith("/") ? text : `/music/${text}`;
  const completions = songs.filter((song) => song.startsWith(path)).slice(0, 5);
  if (tree[path]) return { kind: "folder", path, text: "", completions };
  if (songs.includes(path)) return { kind: "song", path, text: `wav · ${nameOf(path)}`, completions };
  return { kind: "missing", path: "", text: `There is no file ${text}.`, completions };
}

/** A picker in the page. */
export class ShownFiles extends Stage {
  readonly session: FilesSession;

  constructor(
    readonly model: FakeModel,
    width = 900,
  ) {
    super(width);
    this.session = new FilesSession(model, this.scope);
    renderFiles(this.session, this.root, this.scope);
  }

  get value(): readonly string[] {
    return this.model.get("value") as readonly string[];
  }

  get names(): (string | null)[] {
    return [...this.root.querySelectorAll(".snb-name .snb-text")].map(({ textContent }) => textContent);
  }

  /** The cell with the name of an entry. */
  cell(name: string): HTMLElement {
    const cells = [...this.root.querySelectorAll<HTMLElement>(".snb-name")];
    const found = cells.find((cell) => cell.querySelector(".snb-text")?.textContent === name);
    if (!found) throw new Error(`There is no line ${name}.`);
    return found;
  }
}
