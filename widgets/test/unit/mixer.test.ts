import { describe, expect, test } from "vitest";
import { type MixState, matchingGain, mixOf } from "../../src/audio/mixer";

const STATE: MixState = {
  stems: ["vocals", "drums", "other"],
  has_mixture: true,
  powers: [0.04, 0.02, 0.01, 0.08],
  gains_db: { vocals: 0, drums: 0, other: 0 },
  pans: { vocals: 0, drums: 0, other: 0 },
  muted: [],
  soloed: "",
  master_db: 0,
  original: false,
  match_loudness: false,
};

const gains = (changes: Partial<MixState>) => mixOf({ ...STATE, ...changes }).gains;

describe("what is heard", () => {
  test("is everything, as it is", () => {
    expect(mixOf(STATE)).toEqual({ gains: [1, 1, 1], pans: [0, 0, 0], master: 1, isOriginal: false, originalGain: 1 });
  });
  test("is not what is muted", () => expect(gains({ muted: ["drums", "other"] })).toEqual([1, 0, 0]));
  test("is what is soloed alone, muted or not", () =>
    expect(gains({ muted: ["drums", "other"], soloed: "drums" })).toEqual([0, 1, 0]));
  test("is as loud as the volume says", () =>
    expect(gains({ gains_db: { vocals: -20, drums: 12 } }).map((gain) => gain.toFixed(3))).toEqual([
      "0.100",
      "3.981",
      "1.000",
    ]));
  test("stems that no setting names are as they are", () =>
    expect(mixOf({ ...STATE, gains_db: {}, pans: {} })).toEqual(mixOf(STATE)));
  test("is not the original where there is none", () =>
    expect(mixOf({ ...STATE, original: true, has_mixture: false }).isOriginal).toBe(false));
});

describe("the original is as loud as what is heard", () => {
  const { powers } = STATE;
  test("exactly, for all stems alike", () => expect(matchingGain([0.5, 0.5, 0.5], powers)).toBeCloseTo(0.5, 12));
  test("exactly, for one stem alone", () => expect(matchingGain([0, 1, 0], powers)).toBeCloseTo(0.5, 12));
  test("within bounds", () => {
    expect(matchingGain([1e-6, 0, 0], powers)).toBe(1 / 8);
    expect(matchingGain([1000, 0, 0], powers)).toBe(8);
  });
  test("or as it is, where there is nothing to compare", () => {
    expect(matchingGain([0, 0, 0], powers)).toBe(1);
    expect(matchingGain([1, 1, 1], [0.1, 0.1, 0.1])).toBe(1);
    expect(matchingGain([1], [0, 0])).toBe(1);
  });
  test("on request only", () => {
    const solo = { ...STATE, soloed: "drums" };
    expect([mixOf(solo).originalGain, mixOf({ ...solo, match_loudness: true }).originalGain]).toEqual([1, 0.5]);
  });
});
