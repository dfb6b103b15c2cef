import { expect, test } from "vitest";
import {
  formatDecibels,
  formatDuration,
  formatPan,
  formatSize,
  formatSpeed,
  formatTime,
  parseHertz,
  parseTime,
  spokenExactTime,
  spokenPan,
  spokenTime,
} from "../../src/ui/format";

test.each([
  [0, 3, "0:00.000"],
  [65.25, 3, "1:05.250"],
  [59.9996, 3, "1:00.000"],
  [-1, 0, "0:00"],
  [600, 0, "10:00"],
  [3725.5, 1, "1:02:05.5"],
])("%d s with %d digits is %s", (seconds, digits, text) => {
  expect(formatTime(seconds, digits)).toBe(text);
});

test.each([0, 0.001, 9.5, 63.25, 3599.999, 3600, 7325.125])("%d s is read back", (seconds) => {
  expect(parseTime(formatTime(seconds))).toBeCloseTo(seconds, 6);
});

test.each([
  ["65.25", 65.25],
  [" 1:05,5 ", 65.5],
  ["", null],
  ["-1", null],
  ["1:x", null],
  ["1.5:00", null],
  ["1:2:3:4", null],
])("%j is read as %s", (text, seconds) => {
  expect(parseTime(text)).toBe(seconds);
});

test.each([
  ["8000", 8000],
  [" 8k ", 8000],
  ["0,5 kHz", 500],
  ["62.5 Hz", 62.5],
  ["", null],
  ["-1", null],
  ["low", null],
  ["8 000", null],
])("%j is read as %s Hz", (text, hz) => {
  expect(parseHertz(text)).toBe(hz);
});

test.each([
  [0, "0 seconds"],
  [1.9, "1 second"],
  [63, "1 minute 3 seconds"],
  [240, "4 minutes"],
  [3661, "1 hour 1 minute 1 second"],
])("%d s is spoken as %s", (seconds, text) => {
  expect(spokenTime(seconds)).toBe(text);
});

test.each([
  [0.5, "0.500 seconds"],
  [63.25, "1 minute 3.250 seconds"],
  [3661, "1 hour 1 minute 1.000 seconds"],
  [119.9996, "2 minutes 0.000 seconds"],
])("%d s is spoken exactly as %s", (seconds, text) => {
  expect(spokenExactTime(seconds)).toBe(text);
});

test("levels, pans and speeds", () => {
  expect([-6, 0, -0.01, 1.5].map(formatDecibels)).toEqual(["-6 dB", "0 dB", "0 dB", "+1.5 dB"]);
  expect([-0.3, 0, 1].map(formatPan)).toEqual(["L30", "C", "R100"]);
  expect([-0.3, 0, 1].map(spokenPan)).toEqual(["30 % left", "centre", "100 % right"]);
  expect(formatSpeed(1.25)).toBe("1.25x");
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1500, "2 kB"],
  [73_109_797, "73 MB"],
  [1_250_000_000, "1.3 GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [0, "less than 1 s"],
  [0.6, "1 s"],
  [59.4, "59 s"],
  [59.6, "1 min 0 s"],
  [125, "2 min 5 s"],
  [3700, "1 h 1 min"],
])("%d s take %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
