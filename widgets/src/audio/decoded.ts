import { type Song, signalCount } from "./song";

/** Where encoded sound is. */
export interface Encoded {
  /** Whether the chunk is here for all signals. */
  has(chunk: number): boolean;
  decode(signal: number, chunk: number): Promise<AudioBuffer>;
}

/** The few chunks that are decoded: those that will sound soon, of all signals; others are dropped. */
export class Decoded {
  #wanted: readonly number[] = [];
  #running: Promise<void> | null = null;
  readonly #buffers = new Map<number, readonly AudioBuffer[]>();

  /** `arrived` is called after each chunk. */
  constructor(
    readonly song: Song,
    readonly encoded: Encoded,
    readonly arrived: () => void,
  ) {}

  get(chunk: number): readonly AudioBuffer[] | undefined {
    return this.#buffers.get(chunk);
  }

  /** All that is held. */
  get buffers(): readonly AudioBuffer[] {
    return [...this.#buffers.values()].flat();
  }

  /** Drop all but these chunks. */
  keep(chunks: readonly number[]): void {
    this.#wanted = chunks;
    for (const chunk of this.#buffers.keys()) if (!chunks.includes(chunk)) this.#buffers.delete(chunk);
  }

  /** Have these chunks, in the order of need, and no others; resolves when all that are here are decoded. */
  want(chunks: readonly number[]): Promise<void> {
    this.keep(chunks);
    this.#running ??= this.#decodeAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #decodeAll(): Promise<void> {
    const isMissing = (chunk: number) => !this.#buffers.has(chunk) && this.encoded.has(chunk);
    for (let chunk = this.#wanted.find(isMissing); chunk !== undefined; chunk = this.#wanted.find(isMissing)) {
      const buffers = await this.#decode(chunk);
      // A seek may have come meanwhile.
      if (!this.#wanted.includes(chunk)) continue;
      this.#buffers.set(chunk, buffers);
      this.arrived();
    }
  }

  #decode(chunk: number): Promise<AudioBuffer[]> {
    const signals = Array.from({ length: signalCount(this.song) }, (_, signal) => signal);
    return Promise.all(signals.map((signal) => this.encoded.decode(signal, chunk)));
  }
}
