import { describe, expect, test } from "vitest";
import { decibels, encode, noisySong, Rendering, rms, songOf, subtractMixture } from "../audio";

const SECONDS = 6;
const STEMS = 5;
const song = songOf(SECONDS * 44100, STEMS);
const signals = noisySong(song.frames, STEMS);

type Steps = (rendering: Rendering) => Record<number, () => void>;

const USES: Record<string, Steps> = {
  "straight play": () => ({}),
  "after a seek": ({ engine }) => ({ 1.5: () => engine.seek(4.21 * 44100), 3: () => engine.seek(777) }),
  "across a loop": ({ engine }) => ({ 0: () => engine.setLoop({ first: 10_001, stop: 54_321 }) }),
  "at another speed": ({ engine }) => ({ 0: () => engine.setSpeed(0.87) }),
  "with changes of speed": ({ engine }) => ({ 1: () => engine.setSpeed(1.31), 2.2: () => engine.setSpeed(0.5) }),
  "with all of it": ({ engine }) => ({
    0.5: () => engine.setSpeed(1.1),
    1: () => engine.setLoop({ first: 44_100, stop: 70_007 }),
    2.3: () => engine.seek(60_000),
    3: () => engine.pause(),
    3.3: () => void engine.play(),
    4: () => engine.setLoop(null),
  }),
};

/** Stems minus mixture in dB of full scale, and what the stems alone are. */
async function residual(steps: Steps, given = signals): Promise<number> {
  const rendering = new Rendering(song, encode(song, given), SECONDS - 0.5);
  subtractMixture(rendering.engine);
  const [left, right] = await rendering.run(steps(rendering));
  return decibels(Math.max(rms(left), rms(right)));
}

async function loudness(steps: Steps): Promise<number> {
  const rendering = new Rendering(song, encode(song, signals), SECONDS - 0.5);
  const [left] = await rendering.run(steps(rendering));
  return decibels(rms(left));
}

describe("stems minus mixture are below -90 dB", () => {
  for (const [name, steps] of Object.entries(USES)) {
    test(name, async ({ annotate }) => {
      const [silent, loud] = [await residual(steps), await loudness(steps)];
      await annotate(`stems minus mixture ${silent.toFixed(1)} dB, stems ${loud.toFixed(1)} dB`);
      expect(silent).toBeLessThan(-90);
      expect(loud).toBeGreaterThan(-16);
    });
  }

  test("of full scale, with sound of 16 bits whose full scale is 2", async ({ annotate }) => {
    const loud = { ...song, fullScale: 2 };
    const rendering = new Rendering(loud, encode(loud, signals, { bits: 16 }), SECONDS - 0.5);
    subtractMixture(rendering.engine);
    const [left] = await rendering.run();
    const silent = decibels(rms(left) / loud.fullScale);
    await annotate(`stems minus mixture ${silent.toFixed(1)} dB`);
    expect(silent).toBeLessThan(-90);
  });
});

test("one stem that is one sample late is found", async ({ annotate }) => {
  const late = await residual(() => ({}), noisySong(song.frames, STEMS, [0, 0, 1]));
  await annotate(`stems minus mixture ${late.toFixed(1)} dB`);
  expect(late).toBeGreaterThan(-40);
});
