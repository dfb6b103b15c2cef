import type { Encoded } from "./decoded";
import type { Song } from "./song";

export interface Sound {
  readonly left: Float32Array<ArrayBuffer>;
  readonly right: Float32Array<ArrayBuffer>;
}

/** Decoded chunks of one signal that are kept for the next look. */
const MOST_KEPT = 8;

/** Reads stretches of samples for the eye; the ear has the engine. */
export class SampleReader {
  readonly #kept = new Map<string, Promise<AudioBuffer>>();

  constructor(
    readonly song: Song,
    readonly encoded: Encoded,
  ) {}

  /** Samples [first, stop) of one signal; null while some of it is not here. */
  async read(signal: number, first: number, stop: number): Promise<Sound | null> {
    const { chunkFrames, fullScale } = this.song;
    for (let chunk = Math.floor(first / chunkFrames); chunk * chunkFrames < stop; chunk++)
      if (!this.encoded.has(chunk)) return null;
    const sound = { left: new Float32Array(stop - first), right: new Float32Array(stop - first) };
    for (let chunk = Math.floor(first / chunkFrames); chunk * chunkFrames < stop; chunk++) {
      const buffer = await this.#chunk(signal, chunk);
      const begin = chunk * chunkFrames;
      const [from, to] = [Math.max(first, begin), Math.min(stop, begin + chunkFrames)];
      for (const [channel, target] of [sound.left, sound.right].entries()) {
        const samples = buffer.getChannelData(Math.min(channel, buffer.numberOfChannels - 1));
        target.set(samples.subarray(from - begin, to - begin), from - first);
      }
    }
    for (const target of [sound.left, sound.right])
      for (const i of target.keys()) target[i] = (target[i] ?? 0) * fullScale;
    return sound;
  }

  clear(): void {
    this.#kept.clear();
  }

  #chunk(signal: number, chunk: number): Promise<AudioBuffer> {
    const key = `${signal}/${chunk}`;
    const buffer = this.#kept.get(key) ?? this.encoded.decode(signal, chunk);
    this.#kept.delete(key);
    this.#kept.set(key, buffer);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value ?? "");
    return buffer;
  }
}
