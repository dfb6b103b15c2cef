import type { AnyModel } from "../afm/model";
import { Model } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { FilesState } from "./state";
import { type FilesChannel, UploadQueue } from "./upload";
import type { FolderListed, PathChecked } from "./wire";

/** So often, views are told of uploads. */
const PROGRESS_MS = 200;

/** What the views of one FilePicker share: uploads go on when a view is hidden or made anew. */
export class FilesSession {
  readonly model: Model<FilesState>;
  readonly uploads: UploadQueue;
  readonly #channel: FilesChannel;
  readonly #checked = new Map<string, Promise<PathChecked>>();
  readonly #uploadsChanged = new Set<() => void>();
  #isTelling = false;

  constructor(
    model: AnyModel,
    readonly scope: Scope,
  ) {
    this.model = new Model(model);
    this.#channel = new Channel(model, scope);
    this.uploads = new UploadQueue(this.#channel, scope, () => this.#tell());
    this.model.on(["uploads"], () => this.#tell(), scope);
  }

  /** What is in a folder, from entry `first` on; null lists the roots. */
  list(path: string | null, first = 0): Promise<FolderListed> {
    return this.#channel.request({ type: "list_folder", path, first }, "folder_listed");
  }

  check(text: string): Promise<PathChecked> {
    return this.#channel.request({ type: "check_path", text }, "path_checked");
  }

  /** As `check`, asked once for each path. */
  describe(path: string): Promise<PathChecked> {
    const known = this.#checked.get(path) ?? this.check(path);
    this.#checked.set(path, known);
    return known;
  }

  /** The first seconds of a song as a FLAC file. */
  async preview(path: string): Promise<DataView> {
    const { buffers } = await this.#channel.request({ type: "preview_song", path }, "song_preview");
    const [flac] = buffers;
    if (!flac) throw new Error("The kernel sent no sound.");
    return flac;
  }

  /** Delete an upload, whole or not. */
  async removeUpload(upload: string): Promise<void> {
    await this.#channel.request({ type: "upload_remove", upload }, "upload_at");
  }

  get chosen(): readonly string[] {
    return this.model.get("value");
  }

  choose(path: string): void {
    if (this.chosen.includes(path)) return;
    this.model.set({ value: this.model.get("multiple") ? [...this.chosen, path] : [path] });
  }

  /** Take a song off the list of those chosen. */
  drop(path: string): void {
    this.model.set({ value: this.chosen.filter((other) => other !== path) });
  }

  onUploads(changed: () => void, scope: Scope): void {
    this.#uploadsChanged.add(changed);
    scope.defer(() => this.#uploadsChanged.delete(changed));
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const wait = this.scope.child();
    wait.after(PROGRESS_MS, () => {
      wait.dispose();
      this.#isTelling = false;
      for (const changed of this.#uploadsChanged) changed();
    });
  }
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== "") ?? path;
}
