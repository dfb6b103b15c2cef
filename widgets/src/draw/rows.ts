import type { Grid } from "../data/grid";
import { placesOf, type Tile } from "../data/tile";
import { FrequencyAxis } from "./frequency";
import type { Look } from "./look";

type Axis = Pick<Look, "yAxis" | "fmin" | "fmax">;

/** Which values of a column one row of pixels after the other shows: `places` from `starts[row]` to the next one. */
interface RowMap {
  readonly starts: Int32Array;
  readonly places: Int32Array;
}

/** Two views may have different heights; panes of one view share what is made here. */
const MOST_PER_TILE = 2;
const MADE = new WeakMap<Tile, Map<string, Uint8Array>>();

/** Turns columns of bins into columns of pixels. */
export class RowMapper {
  readonly height: number;
  readonly #key: string;
  readonly #axis: FrequencyAxis;
  readonly #grid: Grid;
  readonly #maps = new Map<number, RowMap>();

  constructor(grid: Grid, axis: Axis, height: number) {
    this.height = height;
    this.#key = keyOf(axis, height);
    this.#axis = new FrequencyAxis(axis);
    this.#grid = grid;
  }

  isOf(axis: Axis, height: number): boolean {
    return this.#key === keyOf(axis, height);
  }

  /** What each row of pixels shows of a tile, from the top: bytes, height x the tile's columns. */
  map(tile: Tile): Uint8Array {
    const made = MADE.get(tile) ?? new Map<string, Uint8Array>();
    MADE.set(tile, made);
    const rows = made.get(this.#key) ?? mapped(tile, this.#mapFor(tile));
    // Those that were used last are kept.
    made.delete(this.#key);
    made.set(this.#key, rows);
    for (const key of made.keys()) if (made.size > MOST_PER_TILE) made.delete(key);
    return rows;
  }

  #mapFor({ pool, rows }: Tile): RowMap {
    const map = this.#maps.get(pool) ?? this.#makeMap(pool, rows);
    this.#maps.set(pool, map);
    return map;
  }

  #makeMap(pool: number, rows: number): RowMap {
    const starts = new Int32Array(this.height + 1);
    const places: number[] = [];
    for (let row = 0; row < this.height; row++) {
      const [first, stop] = this.#binsOf(row);
      places.push(...placesOf(rows, first >> pool, ((stop - 1) >> pool) + 1));
      starts[row + 1] = places.length;
    }
    return { starts, places: Int32Array.from(places) };
  }

  /** The bins [first, stop) whose frequencies lie within a row of pixels; where there is none, the nearest. */
  #binsOf(row: number): [number, number] {
    const { bins, nFft, sampleRate } = this.#grid;
    const binAt = (rows: number) => (this.#axis.toHz(1 - rows / this.height) * nFft) / sampleRate;
    const first = Math.max(0, Math.ceil(binAt(row + 1) - 1e-6));
    const highest = binAt(row);
    // The upper edge of the pane belongs to it.
    const stop = Math.min(bins, row === 0 ? Math.floor(highest + 1e-6) + 1 : Math.ceil(highest - 1e-6));
    if (first < stop) return [first, stop];
    const nearest = Math.min(Math.max(Math.round(binAt(row + 0.5)), 0), bins - 1);
    return [nearest, nearest + 1];
  }
}

function mapped({ values, columns, stride }: Tile, { starts, places }: RowMap): Uint8Array {
  const height = starts.length - 1;
  const result = new Uint8Array(height * columns);
  for (let column = 0; column < columns; column++) {
    const start = column * stride;
    let at = 0;
    for (let row = 0; row < height; row++) {
      const stop = starts[row + 1] as number;
      let highest = 0;
      for (; at < stop; at++) {
        const value = values[start + (places[at] as number)] as number;
        if (value > highest) highest = value;
      }
      result[row * columns + column] = highest;
    }
  }
  return result;
}

function keyOf({ yAxis, fmin, fmax }: Axis, height: number): string {
  return `${yAxis}/${fmin}/${fmax}/${height}`;
}
