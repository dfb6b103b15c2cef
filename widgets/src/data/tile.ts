/** A coarser step of a column has the maxima of so many values of the one before. */
const FACTOR = 4;

interface Shape {
  readonly level: number;
  /** Of the level; the tile has this and the following ones. */
  readonly firstColumn: number;
  readonly columns: number;
  /** A row is the maximum of 2 ** this bins. */
  readonly pool: number;
  readonly rows: number;
  readonly isExact: boolean;
}

/**
 * Columns of one signal's spectrogram. Each column holds its values and behind them the maxima of 4, 16, … neighbours,
 * so that the maximum of any range is found in few steps.
 */
export class Tile implements Shape {
  readonly level: number;
  readonly firstColumn: number;
  readonly columns: number;
  readonly pool: number;
  readonly rows: number;
  readonly isExact: boolean;
  /** From one column's first value to that of the next. */
  readonly stride: number;
  readonly values: Uint8Array;

  /** `bytes`: columns x rows. */
  constructor(shape: Shape, bytes: Uint8Array) {
    ({ level: this.level, firstColumn: this.firstColumn, columns: this.columns } = shape);
    ({ pool: this.pool, rows: this.rows, isExact: this.isExact } = shape);
    this.stride = strideOf(this.rows);
    this.values = new Uint8Array(this.columns * this.stride);
    for (let column = 0; column < this.columns; column++) {
      const start = column * this.stride;
      this.values.set(bytes.subarray(column * this.rows, (column + 1) * this.rows), start);
      addMaxima(this.values, start, this.rows);
    }
  }

  /** The value at a column of the tile's level and a bin; those outside are taken for the nearest inside. */
  at(column: number, bin: number): number {
    const inside = clamp(column - this.firstColumn, this.columns);
    return this.values[inside * this.stride + clamp(bin >> this.pool, this.rows)] ?? 0;
  }
}

/** Where in a column of `rows` rows those values are, the maximum of which is that of the rows [first, stop). */
export function placesOf(rows: number, first: number, stop: number): number[] {
  const places: number[] = [];
  let [offset, length] = [0, rows];
  while (first < stop) {
    const coarseFirst = Math.ceil(first / FACTOR);
    // The last value of a step has what is left.
    const coarseStop = stop === length ? Math.ceil(length / FACTOR) : Math.floor(stop / FACTOR);
    const isCoarse = coarseFirst < coarseStop && length > 1;
    const edges = isCoarse ? [coarseFirst * FACTOR, coarseStop * FACTOR] : [stop, stop];
    for (let at = first; at < (edges[0] ?? 0); at++) places.push(offset + at);
    for (let at = edges[1] ?? 0; at < stop; at++) places.push(offset + at);
    if (!isCoarse) break;
    offset += length;
    [first, stop, length] = [coarseFirst, coarseStop, Math.ceil(length / FACTOR)];
  }
  return places;
}

/** Inflate what zlib deflated; null if that is damaged, or not of the size that is expected. */
export async function inflate(bytes: DataView, size: number): Promise<Uint8Array | null> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // What is wrong with it is told by the reader, too.
  writer.write(bytes as DataView<ArrayBuffer>).catch(() => undefined);
  writer.close().catch(() => undefined);
  const result = new Uint8Array(size);
  const reader = stream.readable.getReader();
  let length = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (length + read.value.length > size) {
        await reader.cancel();
        return null;
      }
      result.set(read.value, length);
      length += read.value.length;
    }
  } catch {
    return null;
  }
  return length === size ? result : null;
}

function strideOf(rows: number): number {
  let stride = rows;
  for (let length = rows; length > 1; stride += length) length = Math.ceil(length / FACTOR);
  return stride;
}

/** Put behind `length` values their maxima, and behind these theirs. */
function addMaxima(values: Uint8Array, start: number, length: number): void {
  let [from, to] = [start, start + length];
  for (let stop = to; stop - from > 1; stop = to) {
    while (from < stop) {
      let highest = 0;
      for (const end = Math.min(from + FACTOR, stop); from < end; from++) {
        const value = values[from] as number;
        if (value > highest) highest = value;
      }
      values[to++] = highest;
    }
  }
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}
