import type { Model } from "../afm/model";
import type { ChunkStore } from "../data/chunks";
import { Peaks } from "../data/peaks";
import type { PlayerState } from "../data/state";
import { Codec } from "./codec";
import type { Encoded } from "./decoded";
import { MIX_TRAITS, type MixState } from "./mixer";
import { type Loop, type Song, signalCount } from "./song";

export const SHORTEST_LOOP_S = 0.05;

export function songIn(model: Model<PlayerState>): Song {
  return {
    title: model.get("title"),
    sampleRate: model.get("sample_rate"),
    frames: model.get("frames"),
    chunkFrames: model.get("chunk_frames"),
    stems: model.get("stems"),
    hasMixture: model.get("has_mixture"),
    fullScale: model.get("full_scale"),
  };
}

/** Peaks of each signal, coarse as they came with the traits. */
export function overviewsIn(model: Model<PlayerState>, song: Song): Peaks[] {
  const { buffer, byteOffset, byteLength } = model.get("overview");
  const signals = signalCount(song);
  const bytes = Math.floor(byteLength / signals / 2) * 2;
  return Array.from(
    { length: signals },
    (_, signal) => new Peaks(song.frames, new Int8Array(buffer, byteOffset + signal * bytes, bytes).slice()),
  );
}

export function encodedIn(store: ChunkStore, song: Song): Encoded {
  const codec = new Codec(song.sampleRate);
  return {
    has: (chunk) => store.complete[chunk] ?? false,
    async decode(signal, chunk) {
      const blob = store.blob(signal, chunk);
      if (!blob) throw new RangeError(`Chunk ${chunk} of signal ${signal} is not here.`);
      return codec.decode(blob);
    },
  };
}

export function mixStateIn({ any }: Model<PlayerState>): MixState {
  const names = [...MIX_TRAITS, "stems", "has_mixture", "powers"] as const;
  return Object.fromEntries(names.map((name) => [name, any.get(name)])) as unknown as MixState;
}

/** The loop in samples; none where it is outside the song or too short to be heard as one. */
export function loopIn(model: Model<PlayerState>, { sampleRate, frames }: Song): Loop | null {
  const loop = model.get("loop");
  if (!loop) return null;
  const [first, stop] = [Math.round(loop[0] * sampleRate), Math.min(Math.round(loop[1] * sampleRate), frames)];
  // Both edges were rounded to samples.
  const shortest = Math.min(SHORTEST_LOOP_S * sampleRate - 1, frames);
  return first >= 0 && stop - first >= shortest ? { first, stop } : null;
}
