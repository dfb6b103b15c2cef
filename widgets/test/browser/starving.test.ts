import { expect, test } from "vitest";
import type { Encoded } from "../../src/audio/decoded";
import {
  decibels,
  encode,
  noisySong,
  peakDifference,
  Rendering,
  rms,
  type Stereo,
  songOf,
  subtractMixture,
} from "../audio";

const RATE = 44_100;

/** Chunks from `first` on are missing until `arrive` is called. */
function slow(encoded: Encoded, first: number): Encoded & { arrive(): void } {
  let isHere = false;
  return {
    has: (chunk) => isHere || chunk < first,
    decode: (signal, chunk) => encoded.decode(signal, chunk),
    arrive: () => {
      isHere = true;
    },
  };
}

test("sound that comes late stops all signals, and they go on together where they stopped", async ({ annotate }) => {
  const song = songOf(4 * RATE, 4);
  const signals = noisySong(song.frames, 4);
  const render = async (isResidual: boolean) => {
    const encoded = slow(encode(song, signals), 3);
    const rendering = new Rendering(song, encoded, 4);
    if (isResidual) subtractMixture(rendering.engine);
    const positions: number[] = [];
    const look = () => positions.push(rendering.engine.position);
    const [left] = await rendering.run({ 1.75: look, 2.25: look, 2.5: encoded.arrive, 3.5: look });
    return { left, positions, states: rendering.states };
  };
  const { left: residual, positions, states } = await render(true);
  const { left } = await render(false);
  await annotate(`stems minus mixture ${decibels(rms(residual)).toFixed(1)} dB`);
  expect(decibels(rms(residual))).toBeLessThan(-90);
  expect(states).toEqual(["buffering", "playing", "buffering", "playing", "paused"]);
  expect(positions.slice(0, 2)).toEqual([3 * 22_050, 3 * 22_050]);
  expect(rms(left, 1.7 * RATE, 2.4 * RATE)).toBe(0);
  const begin = left.findIndex((value, i) => i > 2 * RATE && value !== 0) - 1;
  expect(
    peakDifference(left.subarray(begin + 700, begin + 9000), signals[4]?.[0].subarray(66_850, 75_150) ?? []),
  ).toBeLessThan(1e-5);
});

test("before it starves it fades out, and does not where sound comes just in time", async () => {
  const song = songOf(3 * RATE, 1);
  const steady: Stereo = [new Float32Array(song.frames).fill(0.5), new Float32Array(song.frames).fill(0.5)];
  const play = async (arrival: number, speed = 1) => {
    const encoded = slow(encode(song, [steady, steady]), 2);
    const rendering = new Rendering(song, encoded, 2);
    const [left] = await rendering.run({
      0.85: () => rendering.engine.setSpeed(speed),
      [arrival]: encoded.arrive,
    });
    return left;
  };
  const steepest = (samples: Float32Array) => peakDifference(samples.subarray(1), samples.subarray(0, -1));
  for (const speed of [1, 0.8, 1.5]) expect(steepest(await play(1.75, speed))).toBeLessThan(0.002);
  const inTime = await play(0.9);
  expect(inTime.subarray(0.1 * RATE, 1.9 * RATE).every((value) => value === 0.5)).toBe(true);
});

test("a computer that is too slow to begin all signals at once begins again, and they are in step", async () => {
  const song = songOf(3 * RATE, 3);
  const rendering = new Rendering(song, encode(song, noisySong(song.frames, 3)), 3);
  subtractMixture(rendering.engine);
  let delay = 0;
  const { context } = rendering;
  const time = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "currentTime")?.get;
  Object.defineProperty(context, "currentTime", { get: () => time?.call(context) + delay });
  // Time passes between the decision when to begin and the beginning.
  const { start } = AudioBufferSourceNode.prototype;
  let stalls = 1;
  AudioBufferSourceNode.prototype.start = function (...given) {
    if (context.currentTime > 1 && stalls-- > 0) delay = 0.3;
    start.apply(this, given);
  };
  const [left] = await rendering.run({
    1: () => rendering.engine.seek(RATE),
    1.25: () => {
      delay = 0;
    },
  });
  AudioBufferSourceNode.prototype.start = start;
  expect(rendering.states).toEqual(["buffering", "playing", "buffering", "playing", "buffering", "playing", "paused"]);
  expect(decibels(rms(left))).toBeLessThan(-90);
});

test("decoded sound stays bounded for 10 minutes of 5 stems and mixture", async ({ annotate }) => {
  const song = songOf(600 * RATE, 5, { chunkFrames: 5 * RATE });
  const options = { numberOfChannels: 2, length: song.chunkFrames + 1, sampleRate: RATE };
  const silence = { has: () => true, decode: async () => new AudioBuffer(options) };
  const rendering = new Rendering(song, silence, 600);
  const { engine } = rendering;
  await rendering.run({ 200: () => engine.seek(30 * RATE), 300: () => engine.setSpeed(2), 350: () => engine.seek(0) });
  const [peak, whole] = [engine.peakDecodedBytes / 1e6, (song.frames * 2 * 4 * 6) / 1e6];
  await annotate(`at most ${peak.toFixed(1)} MB decoded at once; the whole song is ${whole.toFixed(0)} MB`);
  expect(peak).toBeLessThan(75);
  expect(engine.decodedBytes).toBe(0);
}, 120_000);

test("sound that cannot be decoded stops the player, and tells why", async () => {
  const song = songOf(RATE, 1);
  const encoded = { has: () => true, decode: () => Promise.reject(new Error("no sound in it")) };
  const rendering = new Rendering(song, encoded, 1);
  await rendering.run();
  expect(rendering.engine.error).toEqual(new Error("no sound in it"));
  expect(rendering.states).toEqual(["buffering", "paused"]);
});
