import { columnsOf, gridIn } from "../src/data/grid";
import type { SpectrogramState } from "../src/data/state";
import { FakeModel, type Kernel } from "./fake-model";

/** Traits of a comparison without an overview; `signals` are called a, b, … */
export function tileTraits(signals: number, changes: Partial<SpectrogramState> = {}): Partial<SpectrogramState> {
  return {
    signals: Array.from({ length: signals }, (_, i) => String.fromCharCode(97 + i)),
    sample_rate: 8000,
    frames: 64 * 99,
    n_fft: 256,
    hop_length: 64,
    tile_columns: 16,
    full_db: 3,
    overview: new DataView(new ArrayBuffer(0)),
    overview_level: 0,
    overview_pool: 0,
    ...changes,
  };
}

/** Spectrograms in memory: for each signal its columns x bins of level 0. */
export class FakeSpectrograms {
  readonly model: FakeModel;
  readonly #levels: Uint8Array[][];

  constructor(
    readonly signals: readonly Uint8Array[],
    traits: Partial<SpectrogramState>,
  ) {
    this.model = new FakeModel(traits);
    this.#levels = signals.map((level0) => [level0]);
  }

  get grid() {
    return gridIn(this.model);
  }

  /** Columns x bins of one level. */
  level(signal: number, level: number): Uint8Array {
    const levels = this.#levels[signal] as Uint8Array[];
    levels[level] ??= halved(this.level(signal, level - 1), this.grid.bins);
    return levels[level];
  }

  /** Columns x bins of one tile. */
  tile(signal: number, level: number, index: number): Uint8Array {
    const { tileColumns, bins } = this.grid;
    return this.level(signal, level).subarray(index * tileColumns * bins, (index + 1) * tileColumns * bins);
  }

  /** Send a tile as the kernel does. */
  async send([signal, level, index]: readonly [number, number, number], exact = true): Promise<void> {
    const bytes = await deflated(this.tile(signal, level, index));
    this.model.receive({ type: "tile", signal, level, index, exact } as never, [bytes]);
  }

  /** Answers all that is wanted, at once and exactly. */
  readonly kernel: Kernel = async ({ tiles }) => {
    for (const name of tiles as [number, number, number][]) await this.send(name);
  };

  /** The overview trait of these signals. */
  overview(level: number, pool: number): DataView {
    const { bins } = this.grid;
    const rows = Math.ceil(bins / 2 ** pool);
    const columns = columnsOf(this.grid, level);
    const bytes = new Uint8Array(this.signals.length * columns * rows);
    for (const signal of this.signals.keys()) {
      const fine = this.level(signal, level);
      for (let i = 0; i < columns * bins; i++) {
        const at = (signal * columns + Math.floor(i / bins)) * rows + ((i % bins) >> pool);
        bytes[at] = Math.max(bytes[at] ?? 0, fine[i] ?? 0);
      }
    }
    return new DataView(bytes.buffer);
  }
}

export async function deflated(bytes: Uint8Array): Promise<ArrayBuffer> {
  const stream = new CompressionStream("deflate");
  const writer = stream.writable.getWriter();
  void writer.write(bytes as Uint8Array<ArrayBuffer>);
  void writer.close();
  return new Response(stream.readable).arrayBuffer();
}

/** Any bytes, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function halved(columns: Uint8Array, bins: number): Uint8Array {
  const count = columns.length / bins;
  const result = new Uint8Array(Math.ceil(count / 2) * bins);
  for (let i = 0; i < columns.length; i++) {
    const at = Math.floor(i / bins / 2) * bins + (i % bins);
    result[at] = Math.max(result[at] ?? 0, columns[i] ?? 0);
  }
  return result;
}
