import { expect, test } from "vitest";
import type { Tiles } from "../../src/data/tiles";
import { caveats, valueAt } from "../../src/ui/spectrogram-values";

/** Signals of one level each, everywhere. */
const tilesOf = (levels: readonly (number | null)[]) =>
  ({
    read: (signal: number) => ({ db: levels[signal] ?? null, seconds: 0.02, isExact: signal < 2 }),
  }) as unknown as Tiles;

const at = { frame: 0, hz: 100 };

test.each([
  [[-20.25], { kind: "level", signal: 0 }, "-20.3 dB", ""],
  [[null], { kind: "level", signal: 0 }, "silent", ""],
  [[-26, -20], { kind: "mask", signal: 0, other: 1 }, "0.50", ""],
  [[-19, -20], { kind: "mask", signal: 0, other: 1 }, "1.00", ""],
  [[null, -20], { kind: "mask", signal: 0, other: 1 }, "0.00", ""],
  [[-20, null], { kind: "mask", signal: 0, other: 1 }, "–", ""],
  [[-20, -32.5], { kind: "difference", signal: 0, other: 1 }, "+12.5 dB", "-20.0 dB against -32.5 dB"],
  [[null, -32.5], { kind: "difference", signal: 0, other: 1 }, "–", "silent against -32.5 dB"],
] as const)("levels %j as %j", (levels, pane, text, detail) => {
  expect(valueAt(tilesOf(levels), pane, at)).toMatchObject({ text, detail });
});

test("what comes from a sampled tile makes the whole value provisional", () => {
  const pane = { kind: "difference", signal: 0, other: 2 } as const;
  expect(valueAt(tilesOf([-20, -20, -20]), pane, at)?.isExact).toBe(false);
});

test.each([
  [[], []],
  [[{ seconds: 0.02, isExact: true }], []],
  [
    [
      { seconds: 0.02, isExact: true },
      { seconds: 0.3715, isExact: true },
    ],
    ["max of 0.37 s"],
  ],
  [[{ seconds: 0.02, isExact: false }], ["provisional"]],
])("of %j it is to be known %j", (values, known) => {
  expect(
    caveats(
      values.map((value) => ({ text: "", detail: "", ...value })),
      0.02,
    ),
  ).toEqual(known);
});
