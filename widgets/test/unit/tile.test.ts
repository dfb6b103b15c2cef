import { expect, test } from "vitest";
import { inflate, placesOf, Tile } from "../../src/data/tile";
import { deflated, noise } from "../tiles";

test.each([1, 2, 4, 5, 16, 17, 129, 2049])("the maximum of any range of %d rows is found behind the column", (rows) => {
  const bytes = noise(3 * rows);
  const tile = new Tile({ level: 0, firstColumn: 0, columns: 3, pool: 0, rows, isExact: true }, bytes);
  const step = rows > 200 ? 61 : 1;
  for (let first = 0; first < rows; first += step) {
    for (let stop = first + 1; stop <= rows; stop += step) {
      const places = placesOf(rows, first, stop);
      const found = Math.max(...places.map((at) => tile.values[2 * tile.stride + at] ?? -1));
      expect(found).toBe(Math.max(...bytes.subarray(2 * rows + first, 2 * rows + stop)));
    }
    expect(Math.max(...placesOf(rows, first, rows))).toBeLessThan(tile.stride);
  }
});

test("long ranges take few steps and little memory", () => {
  expect(placesOf(2049, 0, 2049)).toHaveLength(1);
  expect(placesOf(2049, 1, 2047).length).toBeLessThan(35);
  const tile = new Tile({ level: 0, firstColumn: 0, columns: 1, pool: 0, rows: 2049, isExact: true }, noise(2049));
  expect(tile.values.length).toBeLessThan(1.35 * 2049);
});

test("an empty range has no places", () => {
  expect(placesOf(10, 4, 4)).toEqual([]);
});

test("values are found by column and bin, at the edges the nearest", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const tile = new Tile({ level: 2, firstColumn: 10, columns: 2, pool: 1, rows: 3, isExact: true }, bytes);
  expect([tile.at(10, 0), tile.at(10, 1), tile.at(10, 2), tile.at(11, 5)]).toEqual([1, 1, 2, 6]);
  expect([tile.at(9, 0), tile.at(12, 99)]).toEqual([1, 6]);
});

test("what was deflated is inflated, and nothing else", async () => {
  const bytes = noise(100_000);
  const sent = await deflated(bytes);
  expect(await inflate(new DataView(sent), bytes.length)).toEqual(bytes);
  expect(await inflate(new DataView(sent), bytes.length - 1)).toBeNull();
  expect(await inflate(new DataView(sent), bytes.length + 1)).toBeNull();
  expect(await inflate(new DataView(sent, 0, sent.byteLength / 2), bytes.length)).toBeNull();
  expect(await inflate(new DataView(noise(50).buffer as ArrayBuffer), 10)).toBeNull();
  expect(await inflate(new DataView(new ArrayBuffer(0)), 10)).toBeNull();
});
