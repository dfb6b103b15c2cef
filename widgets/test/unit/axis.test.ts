import { expect, test } from "vitest";
import { tickStep, ticks } from "../../src/draw/axis";

test.each([
  [0.3, 0.5],
  [0.5, 0.5],
  [0.0011, 0.002],
  [7, 10],
  [11, 15],
  [45, 60],
  [301, 600],
  [20_000, 21_600],
])("at least %d s apart are %d s", (least, step) => {
  expect(tickStep(least)).toBeCloseTo(step, 9);
});

test("ticks are on whole multiples, with as many digits as they need", () => {
  expect(ticks(0.9, 2.1, 0.4).map(({ label }) => label)).toEqual(["0:01.0", "0:01.5", "0:02.0"]);
  expect(ticks(0, 61, 25).map(({ label }) => label)).toEqual(["0:00", "0:30", "1:00"]);
  expect(ticks(1, 1.0003, 0.0001).map(({ label }) => label)).toEqual([
    "0:01.0000",
    "0:01.0001",
    "0:01.0002",
    "0:01.0003",
  ]);
});

test("no tick lies in a stretch between two", () => {
  expect(ticks(0.1, 0.2, 5)).toEqual([]);
});

test.each([0.001, 0.1, 3, 77, 4000])("ticks of a view of %d s are far enough apart and all inside", (span) => {
  const all = ticks(12.34, 12.34 + span, span / 8).map(({ seconds }) => seconds);
  expect(all.length).toBeGreaterThan(2);
  expect(all.length).toBeLessThanOrEqual(9);
  for (const seconds of all) expect(seconds >= 12.34 - 1e-6 && seconds <= 12.34 + span + 1e-6).toBe(true);
});
