import { columnsOf, type Grid } from "../data/grid";
import type { Tile } from "../data/tile";
import type { TileName, Tiles } from "../data/tiles";
import type { Surface } from "./canvas";
import { differenceColours, type Look, levelColours, maskColours } from "./look";
import { RowMapper } from "./rows";
import type { Viewport } from "./viewport";

export type { Look } from "./look";

export type Pane =
  | { readonly kind: "level"; readonly signal: number }
  | { readonly kind: "mask" | "difference"; readonly signal: number; readonly other: number };

/** In place of a tile, finer ones are taken if no more levels than this are between. */
const MOST_FINER = 2;

/** Pixels [from, to), which one tile shows. */
interface Run {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Draws a spectrogram pixel by pixel: each one has the colour of the column that its centre lies in, and of the
 * loudest of its bins. Where a tile is missing, what is nearest to it in resolution is shown.
 */
export class PaneImage {
  #rows: RowMapper | null = null;
  #colours: { readonly key: string; readonly table: Uint32Array } | null = null;
  #image: ImageData | null = null;
  #planes: Uint8Array[] = [];

  constructor(readonly tiles: Tiles) {}

  /** Draw what is here; returns which tiles a sharp picture needs, those in sight first. */
  draw(surface: Surface, viewport: Viewport, pane: Pane, look: Look): TileName[] {
    const context = surface.begin();
    if (!context) return [];
    const { width, height } = surface.canvas;
    const { grid } = this.tiles;
    if (!this.#rows?.isOf(look, height)) this.#rows = new RowMapper(grid, look, height);
    const columns = new PixelColumns(grid, viewport, width);
    const level = columns.level;
    const signals = pane.kind === "level" ? [pane.signal] : [pane.signal, pane.other];
    const runs = columns.runs(level, 0, width);
    this.#resize(width, height, signals.length);
    for (const [i, signal] of signals.entries()) {
      const plane = new Plane(this.tiles, signal, columns, this.#rows, this.#planes[i] as Uint8Array);
      for (const run of runs) plane.fill(level, run);
    }
    if (this.#image) {
      colour(new Uint32Array(this.#image.data.buffer), this.#planes, this.#tableFor(pane, look));
      context.putImageData(this.#image, 0, 0);
    }
    const [first, stop] = [runs[0]?.index ?? 0, (runs.at(-1)?.index ?? 0) + 1];
    return this.tiles.show(this, { signals, level, first, stop });
  }

  /** The pane is not shown any more: it lets go of its memory, and wants nothing. */
  release(): void {
    this.#image = null;
    this.#planes = [];
    this.#rows = null;
    this.#colours = null;
    this.tiles.leave(this);
  }

  #resize(width: number, height: number, planes: number): void {
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#planes = [];
    }
    this.#planes.length = Math.min(this.#planes.length, planes);
    while (this.#planes.length < planes) this.#planes.push(new Uint8Array(width * height));
  }

  #tableFor({ kind }: Pane, look: Look): Uint32Array {
    const { cmap, gainDb, topDb, peakDb, differenceDb } = look;
    // A mask's colours are always the same, and to make those of pairs takes milliseconds.
    const key = kind === "mask" ? kind : [kind, cmap, gainDb, topDb, peakDb, differenceDb].join("/");
    if (this.#colours?.key === key) return this.#colours.table;
    const make = { level: levelColours, mask: maskColours, difference: differenceColours }[kind];
    this.#colours = { key, table: make(this.tiles.grid, look) };
    return this.#colours.table;
  }
}

/** Which columns of the time pyramid each pixel shows. */
class PixelColumns {
  readonly #grid: Grid;
  /** In columns of level 0, from the left edge of the first one. */
  readonly #start: number;
  readonly #perPixel: number;
  readonly #width: number;

  constructor(grid: Grid, viewport: Viewport, width: number) {
    this.#grid = grid;
    this.#width = width;
    // A column's cell reaches from half a hop before its centre to half a hop behind.
    this.#start = viewport.first / grid.hopLength + 0.5;
    this.#perPixel = viewport.span / width / grid.hopLength;
  }

  /** The finest one with at most a column a pixel: none is left out. */
  get level(): number {
    const level = Math.ceil(Math.log2(this.#perPixel) - 1e-9);
    return Math.min(Math.max(level, 0), this.#grid.levels - 1);
  }

  /** Divide the pixels [from, to) by the tiles of a level. */
  runs(level: number, from: number, to: number): Run[] {
    const { tileColumns } = this.#grid;
    const runs: Run[] = [];
    while (from < to) {
      const index = Math.floor(this.#nearest(level, from) / tileColumns);
      // The first pixel whose centre is in the next tile.
      const next = ((index + 1) * tileColumns * 2 ** level - this.#start) / this.#perPixel - 0.5;
      const isLast = (index + 1) * tileColumns >= columnsOf(this.#grid, level);
      const stop = isLast ? to : Math.min(Math.max(Math.ceil(next), from + 1), to);
      runs.push({ index, from, to: stop });
      from = stop;
    }
    return runs;
  }

  /** For each pixel of a run: the first and the last column of a tile that it shows. */
  of({ level, firstColumn, columns }: Tile, { from, to }: Run): { firsts: Int32Array; lasts: Int32Array } {
    const scale = 2 ** level;
    // A pixel that is wider than a column shows all that it overlaps, others what their centre lies in.
    const isWide = this.#perPixel > scale * (1 + 1e-9);
    const columnAt = (pixel: number) => {
      const column = Math.floor((this.#start + pixel * this.#perPixel) / scale) - firstColumn;
      return Math.min(Math.max(column, 0), columns - 1);
    };
    const length = to - from;
    const [firsts, lasts] = [new Int32Array(length), new Int32Array(length)];
    const [left, right] = isWide ? [0, 1 - 1e-6] : [0.5, 0.5];
    for (let i = 0; i < length; i++) {
      firsts[i] = columnAt(from + i + left);
      lasts[i] = columnAt(from + i + right);
    }
    if (!isWide) return { firsts, lasts };
    // Where tiles meet within a pixel, its centre decides, and the pixel beside it shows what it leaves of the other.
    if (from > 0) firsts[0] = columnAt(from - 0.5);
    if (to < this.#width) lasts[length - 1] = columnAt(to + 0.5);
    return { firsts, lasts };
  }

  /** The column that the centre of a pixel lies in; the song's ends have no other ones. */
  #nearest(level: number, pixel: number): number {
    const column = Math.floor((this.#start + (pixel + 0.5) * this.#perPixel) / 2 ** level);
    return Math.min(Math.max(column, 0), columnsOf(this.#grid, level) - 1);
  }
}

/** What is here of one signal, pixel by pixel, in bytes as tiles have them. */
class Plane {
  constructor(
    readonly tiles: Tiles,
    readonly signal: number,
    readonly columns: PixelColumns,
    readonly rows: RowMapper,
    readonly bytes: Uint8Array,
  ) {}

  /** Fill the pixels of a run with the best that is here. */
  fill(level: number, run: Run): void {
    const tile = this.tiles.at([this.signal, level, run.index]);
    if (tile) this.#copy(tile, run);
    else if (!this.#fillFiner(level, run)) this.#fillCoarser(level, run);
  }

  #fillFiner(level: number, { from, to }: Run): boolean {
    for (let finer = level - 1; finer >= Math.max(0, level - MOST_FINER); finer--) {
      const runs = this.columns.runs(finer, from, to);
      const tiles = runs.map(({ index }) => this.tiles.at([this.signal, finer, index]));
      if (!tiles.every(Boolean)) continue;
      for (const [i, run] of runs.entries()) this.#copy(tiles[i] as Tile, run);
      return true;
    }
    return false;
  }

  #fillCoarser(level: number, run: Run): void {
    const coarser = Array.from({ length: this.tiles.grid.levels - level - 1 }, (_, i) => i + 1);
    const found = coarser.map((up) => this.tiles.at([this.signal, level + up, run.index >> up])).find(Boolean);
    const source = found ?? this.tiles.overview(this.signal);
    if (source) this.#copy(source, run);
    else this.#clear(run);
  }

  #copy(tile: Tile, run: Run): void {
    const { bytes, width } = this;
    const mapped = this.rows.map(tile);
    const { firsts, lasts } = this.columns.of(tile, run);
    for (let row = 0; row < this.rows.height; row++) {
      const [source, target] = [row * tile.columns, row * width + run.from];
      for (let x = 0; x < firsts.length; x++) {
        let column = firsts[x] as number;
        const last = lasts[x] as number;
        let highest = mapped[source + column] as number;
        while (++column <= last) {
          const value = mapped[source + column] as number;
          if (value > highest) highest = value;
        }
        bytes[target + x] = highest;
      }
    }
  }

  #clear({ from, to }: Run): void {
    for (let row = 0; row < this.rows.height; row++) this.bytes.fill(0, row * this.width + from, row * this.width + to);
  }

  get width(): number {
    return this.bytes.length / this.rows.height;
  }
}

/** Look up the colour of each byte of one plane, or of two planes together. */
function colour(pixels: Uint32Array, [one, other]: readonly Uint8Array[], table: Uint32Array): void {
  if (!one) return;
  if (other) {
    for (let i = 0; i < pixels.length; i++)
      pixels[i] = table[((one[i] as number) << 8) | (other[i] as number)] as number;
  } else {
    for (let i = 0; i < pixels.length; i++) pixels[i] = table[one[i] as number] as number;
  }
}
