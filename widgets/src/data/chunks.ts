import type { Chunk } from "./wire";

/**
 * The encoded chunks of all signals. They are kept as blobs, which a browser may move out of memory, and only decoded
 * where sound is wanted.
 */
export class ChunkStore {
  /** By chunk number: whether all signals of it are here. */
  readonly complete: boolean[];
  /** Of what is kept, encoded. */
  bytes = 0;
  readonly #blobs: (Blob | undefined)[][];
  readonly #parts = new Map<string, Map<number, Blob>>();

  constructor(
    readonly signals: number,
    readonly chunks: number,
  ) {
    this.complete = new Array(chunks).fill(false);
    this.#blobs = Array.from({ length: chunks }, () => new Array(signals));
  }

  get isComplete(): boolean {
    return this.complete.every(Boolean);
  }

  /** Keep what a message brought; true if with it the chunk is here for all signals. Anything unasked is dropped. */
  add(message: Chunk, bytes: DataView): boolean {
    const { signal, chunk } = message;
    const blobs = this.#blobs[chunk];
    if (!blobs || !isIndex(signal, this.signals) || blobs[signal]) return false;
    const whole = this.#join(message, bytes);
    if (!whole) return false;
    blobs[signal] = whole;
    this.bytes += whole.size;
    this.complete[chunk] = Array.from(blobs).every(Boolean);
    return this.complete[chunk];
  }

  blob(signal: number, chunk: number): Blob | undefined {
    return this.#blobs[chunk]?.[signal];
  }

  /** The complete chunks as ranges [first, stop) of their numbers. */
  held(): [number, number][] {
    const ranges: [number, number][] = [];
    for (const [chunk, isHere] of this.complete.entries()) {
      const last = ranges.at(-1);
      if (!isHere) continue;
      if (last && last[1] === chunk) last[1] = chunk + 1;
      else ranges.push([chunk, chunk + 1]);
    }
    return ranges;
  }

  /** Forget all audio. */
  clear(): void {
    this.complete.fill(false);
    for (const blobs of this.#blobs) blobs.fill(undefined);
    this.#parts.clear();
    this.bytes = 0;
  }

  /** Return the whole file if no other part of it is missing. */
  #join({ signal, chunk, part, parts }: Chunk, bytes: DataView): Blob | null {
    if (!isIndex(part, parts)) return null;
    const key = `${signal}/${chunk}/${parts}`;
    const pieces = this.#parts.get(key) ?? new Map<number, Blob>();
    this.#parts.set(key, pieces);
    pieces.set(part, new Blob([bytes as DataView<ArrayBuffer>]));
    if (pieces.size !== parts) return null;
    this.#parts.delete(key);
    return new Blob([...pieces].sort(([one], [other]) => one - other).map(([, piece]) => piece));
  }
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}
