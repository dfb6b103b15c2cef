import type { Song } from "../src/audio/song";
import type { PlayerState } from "../src/data/state";
import type { Hello } from "../src/data/wire";
import { type Stereo, wav } from "./audio";
import { FakeModel, type Kernel } from "./fake-model";

/** The traits of a StemPlayer, as Python would send them. */
export function traitsOf(song: Song, changes: Partial<PlayerState> = {}): PlayerState {
  const signals = song.stems.length + Number(song.hasMixture);
  return {
    title: song.title,
    link: "",
    stems: song.stems,
    has_mixture: song.hasMixture,
    sample_rate: song.sampleRate,
    frames: song.frames,
    chunk_frames: song.chunkFrames,
    full_scale: song.fullScale,
    overview: new DataView(new ArrayBuffer(signals * 10 * 2)),
    powers: new Array(signals).fill(0.01),
    table: [
      ["Stem", "Peak"],
      ["vocals", "-1.0 dB"],
    ],
    notes: [],
    gains_db: Object.fromEntries(song.stems.map((stem) => [stem, 0])),
    pans: Object.fromEntries(song.stems.map((stem) => [stem, 0])),
    muted: [],
    soloed: "",
    master_db: 0,
    original: false,
    match_loudness: false,
    speed: 1,
    loop: null,
    ...changes,
  } as PlayerState;
}

/** A kernel that answers `hello` as Python does: peaks, chunks in the order of need, the end. */
export function playerKernel(song: Song, signals: readonly Stereo[]): Kernel {
  const count = Math.ceil(song.frames / song.chunkFrames);
  const part = (channel: Float32Array, chunk: number) =>
    channel.subarray(chunk * song.chunkFrames, (chunk + 1) * song.chunkFrames + 1);
  const numbers = Array.from({ length: count }, (_, chunk) => chunk);
  const files = signals.map((stereo) =>
    numbers.map((chunk) =>
      wav(
        stereo.map((channel) => part(channel, chunk)),
        song.sampleRate,
      ),
    ),
  );
  return (content, model) => {
    if (content.type !== "hello") return;
    const { frame, has_peaks, held } = content as unknown as Hello;
    if (!has_peaks) sendPeaks(model, signals.length, song);
    const first = Math.floor(frame / song.chunkFrames);
    const order = Array.from({ length: count }, (_, i) => (first + i) % count);
    const missing = order.filter((chunk) => !held.some(([from, stop]) => chunk >= from && chunk < stop));
    for (const chunk of missing)
      for (const [signal, chunks] of files.entries())
        model.receive({ type: "chunk", signal, chunk, part: 0, parts: 1 } as never, [chunks[chunk] as ArrayBuffer]);
    model.receive({ type: "sent_all" });
  };
}

function sendPeaks(model: FakeModel, signals: number, song: Song): void {
  const bins = Math.ceil(song.frames / 256);
  for (let signal = 0; signal < signals; signal++) {
    const message = { type: "peaks", signal, samples_per_bin: 256, full_scale: song.fullScale };
    model.receive(message, [new Int8Array(2 * bins).map((_, i) => (i % 2 ? 50 : -50) + signal).buffer]);
  }
}

/** A model of a player over sound that is here. */
export function playerModel(song: Song, signals: readonly Stereo[], changes: Partial<PlayerState> = {}) {
  const model = new FakeModel(traitsOf(song, changes));
  model.kernel = playerKernel(song, signals);
  return model;
}

/** Resolves when `isTrue` is, and rejects when that takes too long. */
export async function until(isTrue: () => boolean, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`This has not come true in ${ms} ms: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
