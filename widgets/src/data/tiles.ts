import { type AnyModel, Model } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import { columnsOf, decibels, type Grid, gridIn } from "./grid";
import type { SpectrogramState } from "./state";
import { inflate, Tile } from "./tile";
import { keyOf, nameOf, type TileChannel, type TileName, Wants } from "./wants";
import type { Tile as TileMessage } from "./wire";

export type { TileName } from "./wants";

/** Tiles beyond this are dropped, the farthest from what is shown first. */
const MOST_BYTES = 160e6;
/** Without a view, tiles are kept so long. */
const DROP_MS = 60_000;
/** Tiles take so much of a frame's time, or one of them takes more. */
const TAKING_MS = 6;
/** Pages that are not shown draw no frames. */
const NO_FRAME_MS = 100;
/** Tiles on either side of what is in sight that are got too. */
const MARGIN = 1;

/** What is at one place of a spectrogram. */
export interface Reading {
  /** null: silent. */
  readonly db: number | null;
  /** How much time the column spans that was read. */
  readonly seconds: number;
  /** False: only some of the column's frames were looked at. */
  readonly isExact: boolean;
}

/** The tiles [first, stop) of one level. */
export interface Sight {
  readonly signals: readonly number[];
  readonly level: number;
  readonly first: number;
  readonly stop: number;
}

/** The spectrograms of one comparison, as far as they are here, shared by all of its views. */
export class Tiles {
  readonly grid: Grid;
  /** Why nothing comes, for people; null if it does. */
  error: string | null = null;
  readonly #scope: Scope;
  readonly #events = new EventTarget();
  readonly #overviews: readonly Tile[];
  readonly #signals: number;
  readonly #here = new Map<string, Tile>();
  readonly #inSight = new Map<object, Sight>();
  readonly #wants: Wants;
  #bytes = 0;
  #isOpen = false;
  #leaving: Scope | null = null;
  #taking: Promise<void> = Promise.resolve();
  /** When the first tile was taken since the last frame. */
  #takingSince = 0;

  constructor(model: AnyModel, scope: Scope) {
    this.#scope = scope;
    this.grid = gridIn(model);
    const state = new Model<SpectrogramState>(model);
    this.#signals = state.get("signals").length;
    this.#overviews = overviewsIn(state, this.grid);
    const channel: TileChannel = new Channel(model, scope);
    this.#wants = new Wants(channel, scope, {
      isHere: (name) => this.at(name)?.isExact === true,
      failed: (why) => this.#fail(why),
      changed: () => this.#emit("wants"),
    });
    channel.on("tile", (message, [bytes]) => {
      // One after the other: what was sampled must not come behind what is exact.
      if (!bytes) return;
      const taken = this.#taking.then(() => this.#take(message, bytes));
      // Where there is no memory for one, others may fit.
      this.#taking = taken.catch((error) => this.#fail(String(error))).then(() => this.#breathe());
    });
    channel.on("failure", ({ message }) => {
      this.#wants.stopWaiting();
      this.#fail(message);
    });
    scope.defer(() => this.#drop());
  }

  /** How many tiles are wanted and not here exactly. */
  get pending(): number {
    return this.#wants.missing.length;
  }

  /** Since when nothing has come of what is pending, as `performance.now()` tells time; null if nothing is. */
  get waitingSince(): number | null {
    return this.#wants.waitingSince;
  }

  /** Have the kernel send what a view lacks, most needed first, in place of what it lacked before. */
  want(view: object, names: readonly TileName[]): void {
    if (names.length) this.#open();
    this.#wants.set(view, names);
    this.#rest();
  }

  /**
   * Keep what a view shows; returns which tiles it lacks, or has only sampled. In order of need: those in sight of which
   * nothing is here, for a kernel sends sampled ones again, then the others in sight, then those on either side.
   */
  show(view: object, sight: Sight): TileName[] {
    this.#open();
    const [first, stop] = [Math.max(0, sight.first - MARGIN), Math.min(sight.stop + MARGIN, this.#count(sight.level))];
    this.#inSight.set(view, { ...sight, first, stop });
    const need = (name: TileName) =>
      name[2] < sight.first || name[2] >= sight.stop ? 2 : Number(Boolean(this.at(name)));
    return Array.from({ length: stop - first }, (_, i) => first + i)
      .flatMap((index) => sight.signals.map((signal): TileName => [signal, sight.level, index]))
      .filter((name) => !this.at(name)?.isExact)
      .sort((one, other) => need(one) - need(other));
  }

  /** A view shows nothing, and wants nothing, any more. */
  leave(view: object): void {
    this.#inSight.delete(view);
    this.want(view, []);
  }

  at(name: TileName): Tile | undefined {
    return this.#here.get(keyOf(name));
  }

  /** The coarse picture of a whole signal that came with the traits. */
  overview(signal: number): Tile | undefined {
    return this.#overviews[signal];
  }

  /** What is at the column and the bin that are nearest, from the finest that is here; null if nothing is. */
  read(signal: number, frame: number, hz: number): Reading | null {
    const { hopLength, sampleRate, nFft, bins } = this.grid;
    const column = Math.min(Math.max(Math.round(frame / hopLength), 0), columnsOf(this.grid, 0) - 1);
    const bin = Math.min(Math.max(Math.round((hz * nFft) / sampleRate), 0), bins - 1);
    const tile = this.#finest(signal, column);
    if (!tile) return null;
    return {
      db: decibels(tile.at(Math.floor(column / 2 ** tile.level), bin), this.grid),
      seconds: (2 ** tile.level * hopLength) / sampleRate,
      isExact: tile.isExact,
    };
  }

  /** Call `listener` when something has come, or went wrong, or was dropped. */
  on(listener: () => void, scope: Scope): void {
    scope.listen(this.#events, "change", listener);
  }

  /** Call `listener` when other tiles are pending than before, all that were wanted lately together. */
  onWants(listener: () => void, scope: Scope): void {
    scope.listen(this.#events, "wants", listener);
  }

  #finest(signal: number, column: number): Tile | undefined {
    for (let level = 0; level < this.grid.levels; level++) {
      const tile = this.at([signal, level, Math.floor(column / 2 ** level / this.grid.tileColumns)]);
      if (tile) return tile;
    }
    return this.overview(signal);
  }

  #count(level: number): number {
    return Math.ceil(columnsOf(this.grid, level) / this.grid.tileColumns);
  }

  async #take({ signal, level, index, exact }: TileMessage, bytes: DataView): Promise<void> {
    this.#wants.heard();
    const { tileColumns, bins } = this.grid;
    const columns = Math.min(tileColumns, columnsOf(this.grid, level) - index * tileColumns);
    const isPlace =
      isIndex(signal, this.#signals) && isIndex(level, this.grid.levels) && isIndex(index, columns * index + 1);
    if (!isPlace || columns <= 0) return;
    const inflated = await inflate(bytes, columns * bins);
    if (!inflated || !this.#isOpen) return;
    const shape = { level, firstColumn: index * tileColumns, columns, pool: 0, rows: bins, isExact: exact };
    this.#put([signal, level, index], new Tile(shape, inflated));
  }

  /** Browsers inflate where they draw: frames come between tiles. */
  async #breathe(): Promise<void> {
    const isTimeLeft = performance.now() - this.#takingSince < TAKING_MS;
    await new Promise<void>((resolve) => {
      if (isTimeLeft) this.#scope.after(0, resolve);
      else this.#afterFrame(resolve);
    });
    if (!isTimeLeft) this.#takingSince = performance.now();
  }

  #afterFrame(next: () => void): void {
    const wait = this.#scope.child();
    const go = () => {
      wait.dispose();
      next();
    };
    wait.after(NO_FRAME_MS, go);
    wait.frames(() => {
      // It is painted after this.
      wait.after(0, go);
      return false;
    });
  }

  #put(name: TileName, tile: Tile): void {
    const before = this.at(name);
    if (before?.isExact) return;
    this.#here.set(keyOf(name), tile);
    this.#bytes += tile.values.length - (before?.values.length ?? 0);
    this.#wants.heard(name);
    this.#evict();
    this.error = null;
    this.#emit("change");
  }

  #evict(): void {
    if (this.#bytes <= MOST_BYTES) return;
    const wanted = this.#wants.keys;
    const far = [...this.#here]
      .map(([key, tile]) => ({ key, tile, distance: this.#distance(key, wanted) }))
      .filter(({ distance }) => distance > 0)
      .sort((one, other) => other.distance - one.distance);
    for (const { key, tile } of far) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#here.delete(key);
      this.#bytes -= tile.values.length;
    }
  }

  /** How far a tile is from what views show, in widths of a view and levels; 0 for what is shown or wanted. */
  #distance(key: string, wanted: ReadonlySet<string>): number {
    if (wanted.has(key)) return 0;
    const [signal, level, index] = nameOf(key);
    const distances = [...this.#inSight.values()].map((sight) => {
      // In tiles of the view's level.
      const [from, to] = [index * 2 ** (level - sight.level), (index + 1) * 2 ** (level - sight.level)];
      const gap = Math.max(0, from - sight.stop + 1e-9, sight.first - to + 1e-9) / (sight.stop - sight.first);
      return gap + Math.abs(level - sight.level) + Number(!sight.signals.includes(signal));
    });
    return Math.min(...distances);
  }

  /** There is a view. */
  #open(): void {
    this.#isOpen = true;
    this.#leaving?.dispose();
    this.#leaving = null;
  }

  /** If no view is left, none may come back. */
  #rest(): void {
    if (!this.#isOpen || this.#leaving || this.#inSight.size || this.#wants.hasViews || this.#scope.isDisposed) return;
    this.#leaving = this.#scope.child();
    this.#leaving.after(DROP_MS, () => {
      this.#drop();
      this.#wants.forget();
    });
  }

  #drop(): void {
    this.#leaving?.dispose();
    this.#leaving = null;
    this.#isOpen = false;
    this.#here.clear();
    this.#bytes = 0;
    this.#emit("change");
  }

  #fail(why: string): void {
    this.error = why;
    this.#emit("change");
  }

  #emit(event: "change" | "wants"): void {
    this.#events.dispatchEvent(new Event(event));
  }
}

/** The overview of each signal; none if it is not of the size that the other traits tell. */
function overviewsIn(state: Model<SpectrogramState>, grid: Grid): Tile[] {
  const { buffer, byteOffset, byteLength } = state.get("overview");
  const [level, pool] = [state.get("overview_level"), state.get("overview_pool")];
  const [columns, rows] = [columnsOf(grid, level), Math.ceil(grid.bins / 2 ** pool)];
  const size = columns * rows;
  if (byteLength !== size * state.get("signals").length) return [];
  const shape = { level, firstColumn: 0, columns, pool, rows, isExact: false };
  return state.get("signals").map((_, i) => new Tile(shape, new Uint8Array(buffer, byteOffset + i * size, size)));
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}
