import { expect, onTestFinished, test } from "vitest";
import { mixOf } from "../../src/audio/mixer";
import { decibels, encode, flatMix, peakDifference, Rendering, rms, type Stereo, songOf } from "../audio";

const RATE = 44_100;
const song = songOf(4 * RATE, 2);

/** A slow sine: whatever clicks stands out from it by its slope. */
function sine(hertz: number, amplitude: number): Stereo {
  const wave = () =>
    new Float32Array(song.frames).map((_, i) => amplitude * Math.sin((2 * Math.PI * hertz * i) / RATE));
  return [wave(), wave()];
}

const low = sine(55, 0.4);
const high = sine(82, 0.3);
const sum: Stereo = [low[0].map((v, i) => v + (high[0][i] ?? 0)), low[1].map((v, i) => v + (high[1][i] ?? 0))];

/** The steepest step from one sample to the next. */
function steepest(samples: Float32Array): number {
  return peakDifference(samples.subarray(1), samples.subarray(0, -1));
}

/** What the steepest ramp of 8 ms adds to the slope of the sound, and a little. */
const SMOOTH = steepest(sum[0]) + 1.5 / (0.008 * RATE);

function render(steps: (rendering: Rendering) => Record<number, () => void>, signals = [low, high, sum]) {
  const rendering = new Rendering(song, encode(song, signals), 3);
  return rendering.run(steps(rendering));
}

test("A/B is a cross-fade without a click, and without a dip: stems and mixture are the same sound", async () => {
  const flip = (isOriginal: boolean) => (r: Rendering) => () => r.engine.mixer.apply(flatMix(song, { isOriginal }));
  const [changed] = await render((r) => ({ 1: flip(true)(r), 1.5: flip(false)(r), 2: flip(true)(r) }));
  const [same] = await render(() => ({}));
  expect(decibels(peakDifference(changed, same))).toBeLessThan(-90);
});

test("A/B of sounds that are not alike is over within 20 ms, and has no step", async () => {
  const [left] = await render(
    (r) => ({ 1: () => r.engine.mixer.apply(flatMix(song, { isOriginal: true })) }),
    [low, high, low],
  );
  expect(steepest(left)).toBeLessThan(SMOOTH);
  const from = Math.round(1.02 * RATE);
  const lead = Math.round(0.04 * RATE);
  expect(peakDifference(left.subarray(from), low[0].subarray(from - lead, 3 * RATE - lead))).toBeLessThan(1e-3);
});

test("mute, solo, volume and pan are ramps of 10 ms", async () => {
  const mixes = [
    flatMix(song, { gains: [0, 1] }),
    flatMix(song, { gains: [1, 0] }),
    flatMix(song, { gains: [0, 0] }),
    flatMix(song, { pans: [-1, 1], master: 0.5 }),
  ];
  const [left, right] = await render((r) =>
    Object.fromEntries(mixes.map((mix, i) => [1 + i / 2, () => r.engine.mixer.apply(mix)])),
  );
  expect(steepest(left)).toBeLessThan(SMOOTH);
  expect(steepest(right)).toBeLessThan(SMOOTH);
  expect(rms(left, 2.05 * RATE, 2.5 * RATE)).toBe(0);
  expect(rms(left, 1.05 * RATE, 1.5 * RATE)).toBeCloseTo(0.3 / Math.SQRT2, 2);
});

test("panned hard, a stem is on one side only, with both of its channels", async () => {
  const [left, right] = await render(
    (r) => ({ 0: () => r.engine.mixer.apply(flatMix(song, { gains: [1, 0], pans: [-1, 0] })) }),
    [low, high, sum],
  );
  expect(rms(right, RATE, 2 * RATE)).toBeLessThan(1e-6);
  expect(rms(left, RATE, 2 * RATE)).toBeCloseTo((2 * 0.4) / Math.SQRT2, 2);
});

test("play, pause and seek fade", async () => {
  const [left] = await render(({ engine }) => ({
    1: () => engine.pause(),
    1.25: () => void engine.play(),
    2: () => engine.seek(1234),
    2.5: () => engine.seek(50),
  }));
  expect(steepest(left)).toBeLessThan(SMOOTH);
});

test("nothing clicks in browsers that do not tell where a parameter is that moves", async () => {
  const value = Object.getOwnPropertyDescriptor(AudioParam.prototype, "value") as PropertyDescriptor;
  const first = new WeakMap<AudioParam, number>();
  const get = function (this: AudioParam) {
    if (!first.has(this)) first.set(this, value.get?.call(this));
    return first.get(this);
  };
  Object.defineProperty(AudioParam.prototype, "value", { ...value, get });
  onTestFinished(() => void Object.defineProperty(AudioParam.prototype, "value", value));
  const [left] = await render(({ engine }) => ({
    0.5: () => engine.mixer.apply(flatMix(song, { gains: [0, 1] })),
    1: () => engine.mixer.apply(flatMix(song, { gains: [1, 0], isOriginal: true })),
    1.5: () => engine.mixer.apply(flatMix(song)),
    2: () => engine.pause(),
    2.25: () => void engine.play(),
    2.5: () => engine.seek(50),
  }));
  expect(steepest(left)).toBeLessThan(SMOOTH);
});

test("what is heard is matched by the original's loudness", async () => {
  const powers = [low, high, sum].map(([left]) => rms(left) ** 2);
  const state = {
    stems: song.stems,
    has_mixture: true,
    powers,
    gains_db: { [song.stems[0] ?? ""]: -9 },
    pans: {},
    muted: [],
    soloed: "",
    master_db: 0,
    original: false,
    match_loudness: true,
  };
  const [left] = await render(({ engine }) => ({
    0: () => engine.mixer.apply(mixOf(state)),
    1.5: () => engine.mixer.apply(mixOf({ ...state, original: true })),
  }));
  const [stems, original] = [rms(left, 0.5 * RATE, 1.5 * RATE), rms(left, 1.6 * RATE, 2.6 * RATE)];
  expect(Math.abs(decibels(stems / original))).toBeLessThan(0.5);
});
