import { expect, test } from "vitest";
import { FrequencyAxis, noteOf } from "../../src/draw/frequency";
import librosa from "../fixtures/librosa.json";

const AXES = ["linear", "log", "mel"] as const;
const NYQUIST = 22_050;

test("mel is librosa's", () => {
  const axis = new FrequencyAxis({ yAxis: "mel", fmin: 0, fmax: NYQUIST });
  const whole = librosa.mel["22050.0"];
  for (const [hz, mel] of Object.entries(librosa.mel)) expect(axis.toFraction(Number(hz)) * whole).toBeCloseTo(mel, 9);
});

test("notes are librosa's", () => {
  for (const [hz, note] of Object.entries(librosa.notes)) expect(noteOf(Number(hz))).toBe(note);
});

test.each([0, -1, Number.NaN, 1, 15.8])("%d Hz is no note", (hz) => {
  expect(noteOf(hz)).toBe("");
});

test("a note is at most 50 cents off", () => {
  for (let hz = 16.5; hz < NYQUIST; hz *= 1.0113) {
    const cents = Number(noteOf(hz).split(" ")[1] ?? 0);
    expect(Math.abs(cents)).toBeLessThanOrEqual(50);
  }
});

test.each(AXES)("on a %s axis, places and frequencies are inverse and grow together", (yAxis) => {
  const axis = new FrequencyAxis({ yAxis, fmin: 100, fmax: 11_000 });
  expect(axis.toFraction(100)).toBeCloseTo(0, 12);
  expect(axis.toFraction(11_000)).toBeCloseTo(1, 12);
  let before = 0;
  for (let i = -2; i <= 12; i++) {
    const hz = axis.toHz(i / 10);
    expect(axis.toFraction(hz)).toBeCloseTo(i / 10, 9);
    if (i > -2) expect(hz).toBeGreaterThan(before);
    before = hz;
  }
});

test("a logarithmic axis starts at 20 Hz at the lowest", () => {
  const axis = new FrequencyAxis({ yAxis: "log", fmin: 0, fmax: NYQUIST });
  expect(axis.fmin).toBe(20);
  expect(axis.toHz(0)).toBeCloseTo(20, 9);
});

const RANGES = [
  [0, NYQUIST],
  [20, 20_000],
  [1000, 1100],
  [440, 490],
  [0, 4000],
] as const;
const CASES = AXES.flatMap((yAxis) => RANGES.map(([fmin, fmax]) => ({ yAxis, fmin, fmax })));

test.each(CASES)("ticks of $yAxis from $fmin to $fmax Hz are in sight and do not overlap", (look) => {
  const axis = new FrequencyAxis(look);
  for (const height of [60, 140, 250, 600]) {
    for (const noteNames of [false, true]) {
      const ticks = axis.ticks(height, noteNames);
      for (const { hz } of ticks) {
        expect(axis.toFraction(hz)).toBeGreaterThanOrEqual(-1e-6);
        expect(axis.toFraction(hz)).toBeLessThanOrEqual(1 + 1e-6);
      }
      // Those of the pane below are no nearer.
      const labels = ticks.map(({ hz }) => axis.labelAt(hz, height));
      const all = [...labels.map((label) => label + height), ...labels];
      for (const [i, label] of all.slice(1).entries()) expect((all[i] ?? 0) - label).toBeGreaterThanOrEqual(13 - 1e-6);
      expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
      if (!noteNames) expect(ticks.length).toBeGreaterThanOrEqual(2);
    }
  }
});

test("labels are round numbers", () => {
  const labels = (yAxis: (typeof AXES)[number], height: number, [fmin, fmax] = [0, NYQUIST]) =>
    new FrequencyAxis({ yAxis, fmin, fmax }).ticks(height, false).map(({ label }) => label);
  expect(labels("linear", 140)).toEqual(["0", "5k", "10k", "15k", "20k"]);
  expect(labels("log", 140)).toEqual(["50", "100", "200", "500", "1k", "2k", "5k", "10k"]);
  expect(labels("mel", 140)).toEqual(["0", "1k", "2k", "5k", "10k", "20k"]);
  expect(labels("log", 120, [1000, 1100])).toEqual(["1k", "1.02k", "1.04k", "1.06k", "1.08k", "1.1k"]);
});

test("notes: the C of each octave, and more where there is room", () => {
  const axis = new FrequencyAxis({ yAxis: "log", fmin: 60, fmax: 2100 });
  const labels = (height: number) => axis.ticks(height, true).map(({ label }) => label);
  expect(labels(140)).toEqual(["C2", "C3", "C4", "C5", "C6", "C7"]);
  expect(labels(300)).toContain("G4");
  expect(labels(300)).not.toContain("D4");
  expect(new FrequencyAxis({ yAxis: "log", fmin: 400, fmax: 500 }).ticks(100, true)).toHaveLength(4);
});
