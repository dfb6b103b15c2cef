import { expect, test } from "vitest";
import { frameAt } from "../../src/audio/clock";
import { chunkCount, chunksAhead, frameAfter, segmentAt, signalCount } from "../../src/audio/song";
import { songOf } from "../audio";

const song = songOf(1050, 2, { chunkFrames: 100 });

test("signals and chunks are counted", () => {
  expect([signalCount(song), signalCount({ ...song, hasMixture: false }), chunkCount(song)]).toEqual([3, 2, 11]);
});

test("a segment ends with its chunk, the song or the loop", () => {
  expect(segmentAt(0, song, null)).toEqual({ chunk: 0, first: 0, stop: 100 });
  expect(segmentAt(1049, song, null)).toEqual({ chunk: 10, first: 1049, stop: 1050 });
  expect(segmentAt(1050, song, null)).toBe(null);
  const loop = { first: 120, stop: 250 };
  expect(segmentAt(20, song, loop)).toEqual({ chunk: 0, first: 20, stop: 100 });
  expect(segmentAt(200, song, loop)).toEqual({ chunk: 2, first: 200, stop: 250 });
  expect(segmentAt(250, song, loop)).toEqual({ chunk: 2, first: 250, stop: 300 });
});

test("after the end of a loop comes its start", () => {
  const loop = { first: 120, stop: 250 };
  expect(frameAfter({ chunk: 2, first: 200, stop: 250 }, loop)).toBe(120);
  expect(frameAfter({ chunk: 1, first: 120, stop: 200 }, loop)).toBe(200);
  expect(frameAfter({ chunk: 2, first: 200, stop: 250 }, null)).toBe(250);
});

test("chunks are needed in the order in which they sound", () => {
  expect(chunksAhead(250, 200, song, null)).toEqual([2, 3, 4]);
  expect(chunksAhead(1000, 500, song, null)).toEqual([10]);
  expect(chunksAhead(150, 1000, song, { first: 50, stop: 250 })).toEqual([1, 2, 0]);
  expect(chunksAhead(1050, 500, song, null)).toEqual([]);
});

test("the clock follows what was scheduled, stands still in gaps, and jumps where the sound does", () => {
  const stretches = [
    { start: 1, stop: 2, first: 100, last: 200 },
    { start: 2, stop: 4, first: 50, last: 150 },
    { start: 6, stop: 7, first: 150, last: 250 },
  ];
  const at = (time: number) => frameAt(stretches, time);
  expect([at(0), at(1.5), at(2), at(3), at(5), at(6.1), at(9)]).toEqual([
    100,
    150,
    50,
    100,
    150,
    expect.closeTo(160),
    250,
  ]);
  expect(frameAt([], 1)).toBe(null);
});
