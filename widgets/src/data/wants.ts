import { type Channel, KernelError } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { SpectrogramToBrowser, SpectrogramToKernel } from "./wire";

/** Signal, level of the time pyramid, index in time. */
export type TileName = readonly [signal: number, level: number, index: number];
export type TileChannel = Channel<SpectrogramToKernel, SpectrogramToBrowser>;

/** Somebody who drags asks so often, and not for every place on the way. */
const SEND_MS = 60;
/** After so long a silence it is asked again: a connection that broke has taken the question along. */
const SILENCE_MS = 20_000;

interface Heed {
  /** Whether a tile is here exactly. */
  readonly isHere: (name: TileName) => boolean;
  /** The kernel could not be asked. */
  readonly failed: (why: string) => void;
  /** Other things are wanted than a moment ago. */
  readonly changed: () => void;
}

/** What the views lack: merged, and told to the kernel when it changes. */
export class Wants {
  /** When what was asked last was asked, if nothing at all has come since; as `performance.now()` tells time. */
  waitingSince: number | null = null;
  readonly #byView = new Map<object, readonly TileName[]>();
  /** What the kernel was asked for and has not sent exactly. */
  #asked = new Set<string>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #sending: Scope | null = null;
  #silence: Scope | null = null;

  constructor(
    readonly channel: TileChannel,
    readonly scope: Scope,
    readonly heed: Heed,
  ) {}

  get hasViews(): boolean {
    return this.#byView.size > 0;
  }

  /** What is wanted and not here: of each view in turn the next one. */
  get missing(): TileName[] {
    const lists = [...this.#byView.values()];
    const longest = Math.max(0, ...lists.map((names) => names.length));
    const merged = new Map<string, TileName>();
    for (let turn = 0; turn < longest; turn++) {
      for (const { [turn]: name } of lists) if (name && !this.heed.isHere(name)) merged.set(keyOf(name), name);
    }
    return [...merged.values()];
  }

  /** All that is wanted, by `keyOf`; what is here, too. */
  get keys(): ReadonlySet<string> {
    return new Set([...this.#byView.values()].flat().map(keyOf));
  }

  set(view: object, names: readonly TileName[]): void {
    if (names.length) this.#byView.set(view, names);
    else if (!this.#byView.delete(view)) return;
    // All panes of a view are drawn in one go: they are asked for together.
    this.#sending ??= this.#after(Math.max(0, this.#sentAt + SEND_MS - performance.now()), () => this.#tell());
  }

  /** The kernel has sent something: `name`, if that is here now. */
  heard(name?: TileName): void {
    // If it is dropped later, it may be asked for again.
    if (name && this.heed.isHere(name)) this.#asked.delete(keyOf(name));
    this.#wait(this.missing.length > 0);
  }

  /** Nobody looks any more: the kernel need not keep what it has computed. */
  forget(): void {
    this.#tellKernel({ type: "forget_tiles" });
  }

  /** No more comes. */
  stopWaiting(): void {
    this.#wait(false);
  }

  #tell(): void {
    this.#sending = null;
    this.#send();
    this.heed.changed();
  }

  #send(): void {
    const tiles = this.missing;
    const keys = new Set(tiles.map(keyOf));
    const isNews = tiles.some((name) => !this.#asked.has(keyOf(name)));
    const isLess = [...this.#asked].some((key) => !keys.has(key));
    if (!tiles.length) this.#wait(false);
    if (!isNews && !isLess) return;
    this.#asked = keys;
    this.#sentAt = performance.now();
    if (this.#tellKernel({ type: "want_tiles", tiles }) && tiles.length)
      this.#wait(true, this.waitingSince ?? performance.now());
  }

  /** Return whether there is a kernel to be told. */
  #tellKernel(message: SpectrogramToKernel): boolean {
    try {
      this.channel.send(message);
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#wait(false);
      this.heed.failed(error.message);
      return false;
    }
  }

  #wait(isWaiting: boolean, since = performance.now()): void {
    this.#silence?.dispose();
    this.#silence = null;
    this.waitingSince = isWaiting ? since : null;
    if (!isWaiting) return;
    this.#silence = this.#after(SILENCE_MS, () => {
      this.#asked = new Set();
      this.#send();
    });
  }

  #after(ms: number, action: () => void): Scope {
    const wait = this.scope.child();
    wait.after(ms, () => {
      wait.dispose();
      action();
    });
    return wait;
  }
}

export function keyOf(name: TileName): string {
  return name.join("/");
}

export function nameOf(key: string): TileName {
  return key.split("/").map(Number) as unknown as TileName;
}
