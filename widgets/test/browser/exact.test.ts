import { describe, expect, test } from "vitest";
import { decibels, encode, flatMix, noise, peakDifference, Rendering, type Stereo, songOf } from "../audio";

const song = songOf(5 * 44100, 1, { hasMixture: false });
const signal: Stereo = [noise(song.frames, 1, 0.5), noise(song.frames, 2, 0.5)];

/** The first sample that is not silent, less the fade-in, and what is heard from there on. */
function begin({ engine }: Rendering, rendered: Float32Array): number {
  expect(engine.state).toBe("paused");
  return rendered.findIndex((value) => value !== 0) - 1;
}

const FADE = Math.ceil(0.015 * 44100) + 1;

async function render(seconds: number, steps: (rendering: Rendering) => Record<number, () => void>, extra = 1) {
  const rendering = new Rendering(song, encode(song, [signal], { extra }), seconds);
  const [left] = await rendering.run(steps(rendering));
  return { left, start: begin(rendering, left) };
}

/** What is heard must be these samples of the song one after another, after a fade-in. */
function expectFrames(left: Float32Array, start: number, frameOf: (n: number) => number): void {
  const expected = new Float32Array(left.length - start - FADE).map((_, n) => signal[0][frameOf(n + FADE)] ?? 0);
  expect(peakDifference(left.subarray(start + FADE), expected)).toBeLessThan(1e-6);
}

test("chunks follow each other without a seam, to the end of the song", async () => {
  const { left, start } = await render(6, () => ({}));
  expectFrames(left, start, (n) => n);
});

test("a loop goes on at its first sample right after its last one, inside a chunk and across chunks", async () => {
  for (const [first, stop] of [
    [1000, 12_345],
    [20_001, 99_999],
    [22_050, 44_100],
  ] as const) {
    const { left, start } = await render(4, ({ engine }) => ({
      0: () => engine.setLoop({ first, stop }),
    }));
    expectFrames(left, start, (n) => (n < stop ? n : first + ((n - stop) % (stop - first))));
  }
});

test("a loop that is set while it plays holds without a break, and lets go without one", async () => {
  const [first, stop] = [22_000, 66_000];
  const { left, start } = await render(5, ({ engine }) => ({
    1: () => engine.setLoop({ first, stop }),
    4.25: () => engine.setLoop(null),
  }));
  const rounds = 4;
  const length = stop - first;
  expectFrames(left, start, (n) =>
    n < stop ? n : n < stop + (rounds - 1) * length ? first + ((n - stop) % length) : n - (rounds - 1) * length,
  );
});

test("very short loops go on and on", async () => {
  const { left, start } = await render(3, ({ engine }) => ({ 0: () => engine.setLoop({ first: 0, stop: 2205 }) }));
  expectFrames(left, start, (n) => n % 2205);
});

test("a seek begins at the very sample", async () => {
  const { left } = await render(3, ({ engine }) => ({ 1: () => engine.seek(123_456) }));
  const silent = left.findIndex((value, i) => i > 44_100 && value === 0 && left[i + 1] === 0);
  const start = left.findIndex((value, i) => i > silent && value !== 0) - 1;
  expectFrames(left, start, (n) => n + 123_456);
});

describe("at other speeds chunks have no seams", () => {
  for (const speed of [0.5, 0.87, 1.1, 1.25, 1.731, 2])
    test(`${speed}`, async ({ annotate }) => {
      const exact = Math.round(speed * 1024) / 1024;
      const { left, start } = await render(2.4, ({ engine }) => ({ 0: () => engine.setSpeed(speed) }));
      const whole = await playWhole(exact, start, left.length);
      const difference = decibels(peakDifference(left.subarray(start + FADE), whole.subarray(start + FADE)));
      await annotate(`chunks against the whole: ${difference.toFixed(0)} dB`);
      expect(difference).toBeLessThan(-90);
    });
});

async function playWhole(speed: number, start: number, length: number): Promise<Float32Array> {
  const context = new OfflineAudioContext(2, length, 44_100);
  const buffer = new AudioBuffer({ numberOfChannels: 2, length: song.frames, sampleRate: 44_100 });
  for (const [channel, samples] of signal.entries()) buffer.copyToChannel(samples, channel);
  const source = new AudioBufferSourceNode(context, { buffer, playbackRate: speed });
  source.connect(context.destination);
  source.start(start / 44_100);
  return (await context.startRendering()).getChannelData(0);
}

test("the position is the sample that sounds", async () => {
  const rendering = new Rendering(song, encode(song, [signal]), 3, flatMix(song));
  const seen: number[] = [];
  const look = () => seen.push(rendering.engine.position);
  const { engine } = rendering;
  await rendering.run({
    0: look,
    1: look,
    1.5: () => engine.setSpeed(0.5),
    2.5: look,
    2.75: () => engine.seek(1000),
    2.9: look,
  });
  const lead = 0.04 * 44_100;
  const change = 44_100 * 0.05;
  const expected = [
    0,
    44_100 - lead,
    1.5 * 44_100 - lead + change + (44_100 - change) / 2,
    1000 + (0.15 * 44_100 - lead) / 2,
  ];
  for (const [i, frame] of expected.entries()) expect(Math.abs((seen[i] ?? 0) - frame)).toBeLessThan(200);
});

test("a change in the last half sample of a loop does not leave it", async () => {
  // At half the speed, the loop ends one sample of the context after the change that is made at 12,800 of them.
  const loop = { first: 0, stop: (12_800 + 0.05 * 44_100 + 1 - 0.04 * 44_100) / 2 };
  const { left, start } = await render(2, ({ engine }) => ({
    0: () => {
      engine.setSpeed(0.5);
      engine.setLoop(loop);
    },
    [12_800 / 44_100]: () => engine.setSpeed(1),
  }));
  const change = 12_800 + 0.05 * 44_100 - start;
  expectFrames(left.subarray(start + change), 0, (n) => n % loop.stop);
});

test("what is beyond the end of a loop plays on", async () => {
  const { left, start } = await render(3, ({ engine }) => ({ 2: () => engine.setLoop({ first: 5000, stop: 9000 }) }));
  expectFrames(left, start, (n) => n);
});
