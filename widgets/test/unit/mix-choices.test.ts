import { expect, test } from "vitest";
import { Model } from "../../src/afm/model";
import { isHeard } from "../../src/audio/mixer";
import { loopIn } from "../../src/audio/traits";
import { asLoop, startingAt, stoppingAt } from "../../src/ui/loop";
import { presetInForce, presetsOf } from "../../src/ui/presets";
import { songOf } from "../audio";
import { FakeModel } from "../fake-model";

const STEMS = ["vocals", "drums", "bass"];
const PRESETS = presetsOf(STEMS);

test("all, karaoke, and each stem alone", () => {
  expect(PRESETS.map(({ label }) => label)).toEqual([
    "All stems",
    "Karaoke (no vocals)",
    "Only vocals",
    "Only drums",
    "Only bass",
  ]);
});

test("karaoke is for songs with vocals and something else", () => {
  expect(presetsOf(["left", "right"]).map(({ label }) => label)).toEqual(["All stems", "Only left", "Only right"]);
  expect(presetsOf(["vocals"])).toHaveLength(2);
  expect(presetsOf([])).toHaveLength(1);
});

test.each(PRESETS.map((preset, i) => [preset.label, i] as const))("%s is known again", (_, i) => {
  expect(presetInForce(PRESETS, PRESETS[i] ?? { muted: [], soloed: "?" })).toBe(i);
});

test("another mix is none of them", () => {
  expect(presetInForce(PRESETS, { muted: ["drums"], soloed: "" })).toBe(-1);
});

test("solo is exclusive, and stronger than mute", () => {
  const heard = (muted: string[], soloed: string) => STEMS.filter((stem) => isHeard(stem, { muted, soloed }));
  expect(heard([], "")).toEqual(STEMS);
  expect(heard(["bass"], "")).toEqual(["vocals", "drums"]);
  expect(heard(["bass"], "bass")).toEqual(["bass"]);
});

test("loops are inside the song, in order, and long enough", () => {
  expect(asLoop(5, 2, 10)).toEqual([2, 5]);
  expect(asLoop(-5, 20, 10)).toEqual([0, 10]);
  const [start, stop] = asLoop(10, 10, 10);
  expect(start).toBeCloseTo(9.95, 5);
  expect(stop).toBe(10);
  expect(asLoop(0, 0, 0.01)).toEqual([0, 0.01]);
});

test("the shortest loops are long enough for Python and the engine, wherever they are and at any rate", () => {
  for (const sampleRate of [8000, 11_025, 22_050, 44_100, 192_000])
    for (let i = 0; i < 500; i++) {
      const song = songOf(10 * sampleRate + i, 1, { sampleRate });
      const duration = song.frames / sampleRate;
      const loop = asLoop((i / 499) * duration, (i / 499) * duration, duration);
      expect(loop[1] - loop[0]).toBeGreaterThanOrEqual(0.05);
      expect(loop[1]).toBeLessThanOrEqual(duration);
      expect(loopIn(new Model(new FakeModel({ loop })), song)).not.toBeNull();
    }
});

test("ends are set one by one", () => {
  expect(startingAt(3, null, 10)).toEqual([3, 10]);
  expect(startingAt(3, [1, 5], 10)).toEqual([3, 5]);
  expect(startingAt(7, [1, 5], 10)).toEqual([7, 10]);
  expect(stoppingAt(3, null, 10)).toEqual([0, 3]);
  expect(stoppingAt(3, [1, 5], 10)).toEqual([1, 3]);
  expect(stoppingAt(3, [4, 5], 10)).toEqual([0, 3]);
});
