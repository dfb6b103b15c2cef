import { Scope } from "../src/afm/scope";
import { Codec } from "../src/audio/codec";
import type { Encoded } from "../src/audio/decoded";
import { Engine } from "../src/audio/engine";
import type { Mix } from "../src/audio/mixer";
import type { Song } from "../src/audio/song";

/** Two channels. */
export type Stereo = readonly [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];

/** A song of `frames` samples, in chunks of half a second. */
export function songOf(frames: number, stems: number, changes: Partial<Song> = {}): Song {
  return {
    title: "noise",
    sampleRate: 44100,
    frames,
    chunkFrames: 22050,
    stems: Array.from({ length: stems }, (_, i) => `stem ${i}`),
    hasMixture: true,
    fullScale: 1,
    ...changes,
  };
}

/** The same pseudorandom numbers every time, -1 to 1. */
export function noise(frames: number, seed: number, amplitude = 1): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 + 1;
  return new Float32Array(frames).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * amplitude;
  });
}

/** Stems of noise of about 0.3 RMS all together, and their sum; the stems are `late` samples behind it. */
export function noisySong(frames: number, stems: number, late: readonly number[] = []): Stereo[] {
  const amplitude = (0.3 * Math.sqrt(3)) / Math.sqrt(stems);
  const signals = Array.from(
    { length: stems },
    (_, i): Stereo => [noise(frames, 2 * i + 1, amplitude), noise(frames, 2 * i + 2, amplitude)],
  );
  const sum = (channel: 0 | 1) =>
    new Float32Array(frames).map((_, at) => signals.reduce((all, stereo) => all + (stereo[channel][at] ?? 0), 0));
  const mixture: Stereo = [sum(0), sum(1)];
  return [...signals.map((stereo, i) => delayed(stereo, late[i] ?? 0)), mixture];
}

function delayed(stereo: Stereo, samples: number): Stereo {
  const shift = (channel: Float32Array) =>
    channel.map((_, i) => channel[i - samples] ?? 0) as Float32Array<ArrayBuffer>;
  return samples ? [shift(stereo[0]), shift(stereo[1])] : stereo;
}

/** A WAV file of 32-bit floats, which browsers decode without a change, or of 16 bits. */
export function wav(channels: readonly Float32Array[], sampleRate: number, bits: 16 | 32 = 32): ArrayBuffer {
  const [first] = channels;
  const frames = first?.length ?? 0;
  const align = (channels.length * bits) / 8;
  const view = new DataView(new ArrayBuffer(44 + frames * align));
  const text = (at: number, letters: string) => {
    for (const [i, letter] of [...letters].entries()) view.setUint8(at + i, letter.charCodeAt(0));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + frames * align, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, bits === 32 ? 3 : 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * align, true);
  view.setUint16(32, align, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, frames * align, true);
  for (let i = 0; i < frames; i++)
    for (const [channel, samples] of channels.entries()) {
      const at = 44 + i * align + (channel * bits) / 8;
      const value = samples[i] ?? 0;
      if (bits === 32) view.setFloat32(at, value, true);
      else view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value * 32768))), true);
    }
  return view.buffer;
}

/** What a kernel would send, as it would be stored; chunks hold `extra` samples of the next one. */
export function encode(song: Song, signals: readonly Stereo[], { bits = 32 as 16 | 32, extra = 1 } = {}): Encoded {
  const codec = new Codec(song.sampleRate);
  return {
    has: () => true,
    decode(signal, chunk) {
      const [from, to] = [chunk * song.chunkFrames, (chunk + 1) * song.chunkFrames + extra];
      const part = (channel: Float32Array) => channel.subarray(from, Math.min(to, song.frames));
      const channels = (signals[signal] ?? []).map((channel) => part(channel).map((value) => value / song.fullScale));
      return codec.decode(new Blob([wav(channels, song.sampleRate, bits)]));
    },
  };
}

export function flatMix(song: Song, changes: Partial<Mix> = {}): Mix {
  const { stems } = song;
  return {
    gains: stems.map(() => 1),
    pans: stems.map(() => 0),
    master: 1,
    isOriginal: false,
    originalGain: 1,
    ...changes,
  };
}

/** An engine that renders as fast as it can; `steps` tells what happens at which seconds. */
export class Rendering {
  readonly scope = new Scope();
  readonly context: OfflineAudioContext;
  readonly engine: Engine;
  readonly states: string[] = [];

  constructor(
    readonly song: Song,
    encoded: Encoded,
    seconds: number,
    mix = flatMix(song),
  ) {
    const { sampleRate } = song;
    this.context = new OfflineAudioContext({
      numberOfChannels: 2,
      length: Math.ceil(seconds * sampleRate),
      sampleRate,
    });
    const start = { context: this.context, destination: this.context.destination, song, encoded, mix };
    this.engine = new Engine(start, this.scope, () => this.states.push(this.engine.state));
  }

  /** Render; the engine gets its turn every quarter of a second, as it would from its timer. */
  async run(steps: Record<number, () => void> = {}): Promise<Stereo> {
    const seconds = this.context.length / this.song.sampleRate;
    const times = new Set([...Object.keys(steps).map(Number), ...Array.from({ length: seconds * 4 }, (_, i) => i / 4)]);
    times.delete(0);
    for (const time of times) {
      if (time < seconds)
        void this.context.suspend(time).then(async () => {
          steps[time]?.();
          await this.engine.tick();
          await this.context.resume();
        });
    }
    steps[0]?.();
    await this.engine.play();
    const rendered = await this.context.startRendering();
    const result: Stereo = [rendered.getChannelData(0), rendered.getChannelData(1)];
    this.scope.dispose();
    return result;
  }
}

/** Have the engine play stems minus mixture, both all the way through it. */
export function subtractMixture({ mixer }: Engine): void {
  mixer.stems.gain.value = 1;
  mixer.original.gain.value = -1;
}

export function rms(samples: ArrayLike<number>, from = 0, stop = samples.length): number {
  let sum = 0;
  for (let i = from; i < stop; i++) sum += (samples[i] ?? 0) ** 2;
  return Math.sqrt(sum / (stop - from));
}

export function decibels(value: number): number {
  return 20 * Math.log10(Math.max(value, 1e-15));
}

export function peakDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return most;
}
