import { describe, expect, test } from "vitest";
import { Peaks } from "../../src/data/peaks";

const FRAMES = 100_003;
const BIN = 256;

/** One sample in each bin stands out, upwards and downwards. */
function fine(): Int8Array {
  return new Int8Array(2 * Math.ceil(FRAMES / BIN)).map((_, i) => (i % 2 ? 1 : -1) * ((i * 37) % 127));
}

function peaksOf(pairs = fine(), bin = BIN): Peaks {
  const peaks = new Peaks(FRAMES, new Int8Array(20));
  peaks.refine(bin, pairs);
  return peaks;
}

/** Lowest and highest of the bins that hold samples [from, to). */
function slowly(pairs: Int8Array, bin: number, from: number, to: number): [number, number] {
  const some = Array.from(pairs.subarray(2 * Math.floor(from / bin), 2 * Math.ceil(to / bin)));
  return [Math.min(...some.filter((_, i) => i % 2 === 0)), Math.max(...some.filter((_, i) => i % 2 === 1))];
}

test("the overview shares the song evenly, until finer peaks come", () => {
  const peaks = new Peaks(1000, Int8Array.of(-1, 1, -2, 2, -3, 3, -4, 4));
  expect(peaks.finest).toBe(250);
  expect([...peaks.read(0, 1000, 4)]).toEqual([-1, 1, -2, 2, -3, 3, -4, 4]);
  expect([...peaks.read(0, 1000, 2)]).toEqual([-2, 2, -4, 4]);
  peaks.refine(500, new Int8Array(4));
  expect(peaks.finest).toBe(250);
  peaks.refine(100, new Int8Array(20));
  expect([peaks.finest, ...peaks.read(0, 1000, 1)]).toEqual([100, 0, 0]);
});

describe("columns are the extremes of their bins", () => {
  for (const [first, stop, columns] of [
    [0, 390 * BIN, 390],
    [0, 390 * BIN, 195],
    [17 * BIN, 81 * BIN, 16],
    [1024, 1024 + 4096 * 5, 5],
    [5, 700, 3],
    [300, 310, 10],
  ] as const)
    test(`${first} to ${stop} in ${columns}`, () => {
      const pairs = fine();
      const width = (stop - first) / columns;
      const read = peaksOf().read(first, stop, columns);
      for (let i = 0; i < columns; i++) {
        const expected = slowly(pairs, BIN, first + i * width, first + (i + 1) * width);
        expect([...read.subarray(2 * i, 2 * i + 2)]).toEqual(expected);
      }
    });
});

test("no extreme is lost at any zoom", () => {
  const pairs = new Int8Array(2 * Math.ceil(FRAMES / BIN));
  pairs[2 * 123] = -99;
  pairs[2 * 123 + 1] = 88;
  const peaks = peaksOf(pairs);
  for (let columns = 1; columns < 3000; columns = Math.ceil(columns * 1.7)) {
    const read = peaks.read(0, FRAMES, columns);
    expect([Math.min(...read), Math.max(...read)]).toEqual([-99, 88]);
  }
});

test("outside the song all is silent, at its edges what is inside counts", () => {
  const peaks = peaksOf(new Int8Array(2 * Math.ceil(FRAMES / BIN)).map((_, i) => (i % 2 ? 9 : -9)));
  expect([...peaks.read(-2000, 2000, 4)]).toEqual([0, 0, 0, 0, -9, 9, -9, 9]);
  expect([...peaks.read(FRAMES - 10, FRAMES + 10, 2)]).toEqual([-9, 9, 0, 0]);
});

test("a song without an overview reads as silence", () => {
  expect([...new Peaks(10, new Int8Array()).read(0, 10, 2)]).toEqual([0, 0, 0, 0]);
});
