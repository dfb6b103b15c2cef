import { afterEach, expect, test } from "vitest";
import type { SpectrogramState } from "../../src/data/state";
import { COLORMAPS, type ColormapName, gradient } from "../../src/draw/colormaps";
import type { Look, Pane } from "../../src/draw/spectrogram";
import { ShownPane } from "../pane";
import { FakeSpectrograms, noise, tileTraits } from "../tiles";

const BINS = 129;
const COLUMNS = 100;
const HOP = 64;
const LOOK: Look = {
  ...{ yAxis: "linear", fmin: 0, fmax: 4000, cmap: "gray" },
  ...{ gainDb: 0, topDb: 127.5, peakDb: 3, differenceDb: 24 },
};
const PANE: Pane = { kind: "level", signal: 0 };

let shown: ShownPane;
afterEach(() => shown.scope.dispose());

/** One pixel a column and a bin, less half a bin at either edge. */
function show(signals: readonly Uint8Array[], traits: Partial<SpectrogramState> = {}, size = [100, 128]): ShownPane {
  const all = tileTraits(signals.length, { frames: HOP * (COLUMNS - 1) + HOP - 1, ...traits });
  shown = new ShownPane(new FakeSpectrograms(signals, all), size as [number, number]);
  return shown;
}

const SIGNAL = noise(COLUMNS * BINS);

/** Gray of a pixel, which is the byte of the tile where the range is 127.5 dB. */
const byteAt = (x: number, y: number) => Number(shown.colour(x, y).split(",")[0]);

test("a view of one column a pixel wants level 0, tiles in sight first, then one on either side", async () => {
  show([SIGNAL]);
  shown.viewport.show(HOP * 40, HOP * 60);
  expect((await shown.draw(PANE, LOOK)).map((name) => name.join())).toEqual(["0,0,2", "0,0,3", "0,0,1", "0,0,4"]);
  shown.viewport.fit();
  expect(await shown.draw(PANE, LOOK)).toHaveLength(7);
});

test.each([
  [40, 2],
  [60, 1],
  [12, 3],
  [4, 3],
])("%d pixels for 100 columns: level %d", async (width, level) => {
  show([SIGNAL], {}, [width, 128]);
  for (const [, wanted] of await shown.draw(PANE, LOOK)) expect(wanted).toBe(level);
});

test("a loud column is never left out, however far one zooms out", async () => {
  const click = new Uint8Array(COLUMNS * BINS);
  for (const width of [3, 7, 13, 29, 47, 99, 350]) {
    for (const at of [0, 37, 99]) {
      click.fill(0).fill(200, at * BINS, (at + 1) * BINS);
      show([click.slice()], {}, [width, 30]);
      await shown.drawSharp(PANE, LOOK);
      const row = shown.pixels.subarray(4 * 15 * width, 4 * 16 * width).filter((_, i) => i % 4 === 0);
      expect(Math.max(...row), `${at} in ${width} pixels`).toBe(200);
      shown.scope.dispose();
    }
  }
});

test("tiles meet without a seam at any zoom", async () => {
  show([new Uint8Array(COLUMNS * BINS).fill(200)], {}, [233, 30]);
  for (const [first, stop] of [
    [0, 100],
    [3.3, 71.7],
    [12.01, 17.02],
    [30, 33.3],
  ] as const) {
    shown.viewport.show(first * HOP, stop * HOP);
    await shown.drawSharp(PANE, LOOK);
    expect(new Set(shown.pixels)).toEqual(new Set([200, 255]));
  }
});

test("before anything comes, the overview is drawn", async () => {
  const fake = new FakeSpectrograms([noise(COLUMNS * BINS, 3), SIGNAL], tileTraits(2));
  show(fake.signals, { overview: fake.overview(2, 3), overview_level: 2, overview_pool: 3 });
  expect(await shown.draw({ kind: "level", signal: 1 }, LOOK)).toHaveLength(7);
  const loudest = Math.max(...Array.from({ length: 8 }, (_, i) => fake.level(1, 2)[12 * BINS + 64 + i] ?? 0));
  expect(byteAt(50, 128 - 68)).toBe(loudest);
});

test("without anything, it is dark", async () => {
  show([SIGNAL]);
  await shown.draw(PANE, LOOK);
  expect(new Set(shown.pixels)).toEqual(new Set([0, 255]));
});

test("where a tile is missing, a coarser one is drawn", async () => {
  show([SIGNAL]);
  await shown.draw(PANE, LOOK);
  await shown.receive([0, 3, 0]);
  await shown.receive([0, 2, 1]);
  await shown.receive([0, 0, 0]);
  expect(await shown.draw(PANE, LOOK)).toHaveLength(6);
  // Bin 64 is in the middle of the pane.
  const row = 63;
  expect(byteAt(10, row)).toBe(SIGNAL[10 * BINS + 64]);
  expect(byteAt(50, row)).toBe(shown.fake.level(0, 3)[6 * BINS + 64]);
  expect(byteAt(70, row)).toBe(shown.fake.level(0, 2)[17 * BINS + 64]);
});

test("where finer tiles are all here, they are drawn as sharp as the missing one", async () => {
  show([SIGNAL], {}, [50, 128]);
  await shown.draw(PANE, LOOK);
  for (let index = 0; index < 7; index++) await shown.receive([0, 0, index]);
  expect(await shown.draw(PANE, LOOK)).toHaveLength(4);
  const drawn = byteAt(20, 63);
  expect(drawn).toBeGreaterThanOrEqual(shown.fake.level(0, 1)[20 * BINS + 64] ?? 0);
});

test("where finer tiles meet within a pixel, a loud column is not left out", async () => {
  for (const width of [11, 13, 15]) {
    for (let at = 12; at < 36; at++) {
      const click = new Uint8Array(COLUMNS * BINS);
      click.fill(200, at * BINS, (at + 1) * BINS);
      show([click], {}, [width, 30]);
      // Of level 3; those of level 1 are here.
      expect((await shown.draw(PANE, LOOK))[0]?.[1]).toBe(3);
      for (let index = 0; index < 4; index++) await shown.receive([0, 1, index]);
      await shown.draw(PANE, LOOK);
      const row = shown.pixels.subarray(4 * 15 * width, 4 * 16 * width).filter((_, i) => i % 4 === 0);
      expect(Math.max(...row), `${at} in ${width} pixels`).toBe(200);
      shown.scope.dispose();
    }
  }
});

test("a sampled tile is drawn, and wanted still", async () => {
  show([SIGNAL], {}, [13, 128]);
  await shown.draw(PANE, LOOK);
  await shown.receive([0, 3, 0], false);
  expect(await shown.draw(PANE, LOOK)).toEqual([[0, 3, 0]]);
  expect(byteAt(5, 63)).toBe(shown.fake.level(0, 3)[5 * BINS + 64]);
});

test("gain, range and colour map are drawn from what is here", async () => {
  show([SIGNAL]);
  await shown.drawSharp(PANE, LOOK);
  const byte = SIGNAL[50 * BINS + 64] ?? 0;
  const db = 3 - (255 - byte) / 2;
  for (const [cmap, gainDb, topDb] of [
    ["magma", 6, 80],
    ["viridis", -20, 60],
    ["inferno", 40, 127],
  ] as const) {
    expect(await shown.draw(PANE, { ...LOOK, cmap, gainDb, topDb, peakDb: -4 })).toEqual([]);
    const share = (db + gainDb - (-4 - topDb)) / topDb;
    expect(shown.colour(50, 63)).toBe(entry(cmap, share));
  }
});

test("another scale and another height are drawn from what is here", async () => {
  show([SIGNAL]);
  await shown.drawSharp(PANE, LOOK);
  const look = { ...LOOK, fmin: 1000, fmax: 2000 };
  expect(await shown.draw(PANE, look)).toEqual([]);
  // Four pixels a bin: the last row is of bin 32, the first of bin 64.
  expect(byteAt(10, 127)).toBe(SIGNAL[10 * BINS + 32]);
  expect(byteAt(10, 0)).toBe(SIGNAL[10 * BINS + 64]);
});

const OTHER = noise(COLUMNS * BINS, 9);

test("a mask is the share of the other signal", async () => {
  const one = SIGNAL.slice();
  const other = OTHER.slice();
  const at = (column: number) => column * BINS + 64;
  one.set([100], at(10));
  other.set([112], at(10));
  one.set([120], at(11));
  other.set([112], at(11));
  one.set([0], at(12));
  other.set([0], at(12));
  one.set([1], at(13));
  other.set([0], at(13));
  show([one, other]);
  await shown.drawSharp({ kind: "mask", signal: 0, other: 1 }, LOOK);
  const drawn = [10, 11, 12, 13].map((column) => shown.colour(column, 63));
  expect(drawn).toEqual([10 ** (-6 / 20), 1, 0, 1].map((share) => entry("viridis", share)));
});

test("a difference is in dB, above what is drawn at all", async () => {
  const one = SIGNAL.slice();
  const other = OTHER.slice();
  const at = (column: number) => column * BINS + 64;
  one.set([200, 180, 0, 255], at(10));
  for (const [i, byte] of [200, 180, 0, 255].entries()) one.set([byte], at(10 + i));
  for (const [i, byte] of [180, 200, 130, 0].entries()) other.set([byte], at(10 + i));
  show([one, other]);
  const look = { ...LOOK, topDb: 60, gainDb: -5 };
  await shown.drawSharp({ kind: "difference", signal: 0, other: 1 }, look);
  // The floor is 3 - 60 + 5 = -52 dB, byte 145.
  const differences = [10, -10, 0, 24];
  const drawn = differences.map((_, i) => shown.colour(10 + i, 63));
  expect(drawn).toEqual(differences.map((db) => entry("coolwarm", (db / 24 + 1) / 2)));
});

test("panes of two signals want both", async () => {
  show([SIGNAL, OTHER]);
  shown.viewport.show(HOP * 1, HOP * 10);
  const names = await shown.draw({ kind: "mask", signal: 1, other: 0 }, LOOK);
  expect(names.map((name) => name.join())).toEqual(["1,0,0", "0,0,0", "1,0,1", "0,0,1"]);
});

test("a pane that is released wants nothing, and can be drawn again", async () => {
  show([SIGNAL]);
  shown.tiles.want(shown.image, await shown.draw(PANE, LOOK));
  expect(shown.tiles.pending).toBe(7);
  shown.image.release();
  expect(shown.tiles.pending).toBe(0);
  await shown.drawSharp(PANE, LOOK);
});

test("legends have the colours of the maps", () => {
  expect(gradient("gray")).toMatch(/^linear-gradient\(to right, rgb\(0 0 0\), .*, rgb\(255 255 255\)\)$/);
  expect(CSS.supports("background-image", gradient("coolwarm"))).toBe(true);
  for (const map of Object.values(COLORMAPS)) expect(map).toHaveLength(768);
});

function entry(name: ColormapName, share: number): string {
  const at = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1));
  return `${COLORMAPS[name].subarray(at, at + 3).join()},255`;
}
