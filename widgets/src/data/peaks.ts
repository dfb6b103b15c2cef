/** Lowest and highest samples, int8 pairs, of one signal; columns of any width are read from it. */
export interface PeakPyramid {
  /** Lowest and highest of each of `columns` equal parts of [first, stop), interleaved; 0 outside the song. */
  read(first: number, stop: number, columns: number): Int8Array;
  /** Samples a bin of the best level that is here. */
  readonly finest: number;
}

interface Level {
  readonly samplesPerBin: number;
  readonly pairs: Int8Array;
}

/** Each level has one bin for so many of the finer one. */
const FACTOR = 4;

/**
 * Peaks of one signal: first the overview that came with the traits, then the fine level. Coarser levels are made from
 * the finest when they are first needed.
 */
export class Peaks implements PeakPyramid {
  #levels: [Level, ...Level[]];

  /** The overview's bins share the song evenly. */
  constructor(
    readonly frames: number,
    overview: Int8Array,
  ) {
    this.#levels = [{ samplesPerBin: Math.max(1, (2 * frames) / Math.max(2, overview.length)), pairs: overview }];
  }

  get finest(): number {
    return this.#levels[0].samplesPerBin;
  }

  /** Take a finer level in place of what is here. */
  refine(samplesPerBin: number, pairs: Int8Array): void {
    if (samplesPerBin > 0 && samplesPerBin < this.finest) this.#levels = [{ samplesPerBin, pairs }];
  }

  read(first: number, stop: number, columns: number): Int8Array {
    const width = (stop - first) / columns;
    const level = this.#levelFor(width);
    const result = new Int8Array(2 * columns);
    for (let column = 0; column < columns; column++) {
      const from = Math.max(0, first + column * width);
      const to = Math.min(this.frames, first + (column + 1) * width);
      if (from < to) result.set(extremes(level, from, to), 2 * column);
    }
    return result;
  }

  /** The coarsest level with several bins for a column: what a bin has beyond the column's edges counts too. */
  #levelFor(width: number): Level {
    for (let i = 0; ; i++) {
      const level = this.#levels[i] as Level;
      if (level.samplesPerBin * FACTOR ** 2 > width || level.pairs.length <= 2) return level;
      this.#levels[i + 1] ??= coarser(level);
    }
  }
}

/** Lowest and highest of the bins that hold some of the samples [from, to). */
function extremes({ samplesPerBin, pairs }: Level, from: number, to: number): [number, number] {
  const last = Math.min(Math.ceil(to / samplesPerBin), pairs.length / 2);
  const first = Math.min(Math.floor(from / samplesPerBin), last - 1);
  let [low, high] = [pairs[2 * first] ?? 0, pairs[2 * first + 1] ?? 0];
  for (let bin = first + 1; bin < last; bin++) {
    low = Math.min(low, pairs[2 * bin] ?? 0);
    high = Math.max(high, pairs[2 * bin + 1] ?? 0);
  }
  return [low, high];
}

function coarser({ samplesPerBin, pairs }: Level): Level {
  const bins = Math.ceil(pairs.length / 2 / FACTOR);
  const pooled = new Int8Array(2 * bins);
  const one = { samplesPerBin: 1, pairs };
  for (let bin = 0; bin < bins; bin++) pooled.set(extremes(one, bin * FACTOR, (bin + 1) * FACTOR), 2 * bin);
  return { samplesPerBin: samplesPerBin * FACTOR, pairs: pooled };
}
