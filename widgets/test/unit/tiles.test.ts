import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Scope } from "../../src/afm/scope";
import { type TileName, Tiles } from "../../src/data/tiles";
import { deflated, FakeSpectrograms, noise, tileTraits } from "../tiles";

const COLUMNS = 100;
const BINS = 129;

let scope: Scope;
let fake: FakeSpectrograms;
let tiles: Tiles;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  scope = new Scope();
  fake = new FakeSpectrograms([noise(COLUMNS * BINS, 1), noise(COLUMNS * BINS, 2)], tileTraits(2));
  tiles = new Tiles(fake.model, scope);
});

afterEach(() => {
  scope.dispose();
  expect(fake.model.listenerCount).toBe(0);
  vi.useRealTimers();
});

const view = {};
const asked = () => fake.model.sentOf("want_tiles").map(({ content }) => content.tiles);

/** Wait for tiles, which are inflated elsewhere. */
async function here(...names: TileName[]): Promise<void> {
  await vi.waitFor(() => expect(names.every((name) => tiles.at(name))).toBe(true), 10_000);
}

test("the last level fits into one tile", () => {
  expect(tiles.grid).toMatchObject({ bins: BINS, levels: 4, tileColumns: 16 });
});

test("what views want is asked for together, in turns, each tile once", () => {
  tiles.want(view, [
    [0, 1, 0],
    [0, 1, 1],
  ]);
  tiles.want({}, [
    [1, 1, 0],
    [0, 1, 0],
  ]);
  expect(asked()).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(asked()).toEqual([
    [
      [0, 1, 0],
      [1, 1, 0],
      [0, 1, 1],
    ],
  ]);
  expect(tiles.pending).toBe(3);
});

test("it is asked at most every 60 ms, and only when there is news", async () => {
  for (let index = 0; index < 10; index++) {
    tiles.want(view, [[0, 0, index % 7]]);
    vi.advanceTimersByTime(10);
  }
  expect(asked()).toHaveLength(2);
  vi.advanceTimersByTime(100);
  expect(asked().at(-1)).toEqual([[0, 0, 2]]);
  const before = asked().length;
  tiles.want(view, [[0, 0, 2]]);
  vi.advanceTimersByTime(100);
  await fake.send([0, 0, 2]);
  await here([0, 0, 2]);
  tiles.want(view, [[0, 0, 2]]);
  vi.advanceTimersByTime(100);
  expect(asked()).toHaveLength(before);
  expect(tiles.pending).toBe(0);
});

test("what is not wanted any more is called off", () => {
  tiles.want(view, [[0, 0, 1]]);
  vi.advanceTimersByTime(100);
  tiles.want(view, []);
  vi.advanceTimersByTime(100);
  expect(asked()).toEqual([[[0, 0, 1]], []]);
  expect(tiles.waitingSince).toBeNull();
});

test("exact tiles replace sampled ones, never the reverse", async () => {
  tiles.want(view, [[0, 1, 0]]);
  await fake.send([0, 1, 0], false);
  await here([0, 1, 0]);
  expect([tiles.at([0, 1, 0])?.isExact, tiles.pending]).toEqual([false, 1]);
  await fake.send([0, 1, 0]);
  await fake.send([0, 1, 0], false);
  await fake.send([0, 1, 1]);
  await here([0, 1, 1]);
  expect([tiles.at([0, 1, 0])?.isExact, tiles.pending]).toEqual([true, 0]);
});

test("what is damaged, of another size, or of no place is ignored", async () => {
  tiles.want(view, [[0, 0, 0]]);
  const bytes = await deflated(fake.tile(0, 0, 0));
  const receive = (place: object, buffers: ArrayBuffer[]) =>
    fake.model.receive({ type: "tile", signal: 0, level: 0, index: 0, exact: true, ...place } as never, buffers);
  receive({}, []);
  receive({}, [noise(60).buffer as ArrayBuffer]);
  // The last tile of a level is shorter.
  for (const index of [6, 7, -1, 0.5]) receive({ index }, [bytes]);
  for (const place of [{ signal: 2 }, { level: 4 }, { level: -1 }]) receive(place, [bytes]);
  expect(tiles.at([0, 0, 0])).toBeUndefined();
  receive({}, [bytes]);
  await here([0, 0, 0]);
  expect(tiles.at([0, 0, 6])).toBeUndefined();
});

test("a tile that there is no memory for is told, and the next one is taken", async () => {
  tiles.want(view, [
    [0, 0, 0],
    [0, 0, 1],
  ]);
  vi.stubGlobal(
    "DecompressionStream",
    class {
      constructor() {
        throw new RangeError("Out of memory");
      }
    },
  );
  await fake.send([0, 0, 0]);
  await vi.waitFor(() => expect(tiles.error).toContain("Out of memory"));
  vi.unstubAllGlobals();
  await fake.send([0, 0, 1]);
  await here([0, 0, 1]);
  expect([tiles.error, tiles.at([0, 0, 0])]).toEqual([null, undefined]);
});

test("listeners hear of what has come", async () => {
  const heard = vi.fn();
  const own = scope.child();
  tiles.on(heard, own);
  tiles.want(view, [[1, 3, 0]]);
  await fake.send([1, 3, 0]);
  await here([1, 3, 0]);
  expect(heard).toHaveBeenCalledOnce();
  own.dispose();
  await fake.send([1, 2, 0]);
  await here([1, 2, 0]);
  expect(heard).toHaveBeenCalledOnce();
});

test("a kernel that says nothing for 20 s is asked again", async () => {
  tiles.want(view, [
    [0, 0, 1],
    [0, 0, 2],
  ]);
  vi.advanceTimersByTime(0);
  const since = tiles.waitingSince;
  expect(since).not.toBeNull();
  vi.advanceTimersByTime(19_900);
  expect(tiles.waitingSince).toBe(since);
  expect(asked()).toHaveLength(1);
  vi.advanceTimersByTime(200);
  expect(asked()).toHaveLength(2);
  expect(tiles.waitingSince).toBe(since);
  await fake.send([0, 0, 1]);
  await here([0, 0, 1]);
  expect(tiles.waitingSince).toBeGreaterThan(since ?? 0);
  await fake.send([0, 0, 2]);
  await here([0, 0, 2]);
  expect(tiles.waitingSince).toBeNull();
  vi.advanceTimersByTime(60_000);
  expect(asked()).toHaveLength(2);
});

test("a failure is told, until something comes", async () => {
  tiles.want(view, [[0, 0, 1]]);
  fake.model.receive({ type: "failure", id: null, message: "No memory.", error: "MemoryError" } as never);
  expect([tiles.error, tiles.waitingSince]).toEqual(["No memory.", null]);
  await fake.send([0, 0, 1]);
  await here([0, 0, 1]);
  expect(tiles.error).toBeNull();
});

test("without a kernel, what is here stays, and it is not asked again and again", async () => {
  tiles.want(view, [[0, 0, 1]]);
  await fake.send([0, 0, 1]);
  await here([0, 0, 1]);
  const send = vi.spyOn(fake.model, "send").mockImplementation(() => {
    throw new Error("Cannot send");
  });
  tiles.on(() => tiles.want(view, [[0, 0, 2]]), scope);
  tiles.want(view, [[0, 0, 2]]);
  vi.advanceTimersByTime(5000);
  expect(tiles.error).toContain("run the cell again");
  expect(send).toHaveBeenCalledOnce();
  expect(tiles.read(0, 64 * 20, 1000)?.isExact).toBe(true);
});

test("values are read at the nearest column and bin of the finest tile", async () => {
  tiles.want(view, [[0, 0, 0]]);
  expect(tiles.read(0, 100, 100)).toBeNull();
  await fake.send([0, 2, 0]);
  await here([0, 2, 0]);
  const value = (level: number, column: number, bin: number) => fake.level(0, level)[column * BINS + bin] ?? 0;
  const db = (byte: number) => (byte ? 3 - (255 - byte) / 2 : null);
  // Column 18 of level 0, bin 32.
  expect(tiles.read(0, 64 * 18 + 31, 1014)).toEqual({ db: db(value(2, 4, 32)), seconds: 0.032, isExact: true });
  await fake.send([0, 0, 1], false);
  await here([0, 0, 1]);
  expect(tiles.read(0, 64 * 18 - 31, 986)).toEqual({ db: db(value(0, 18, 32)), seconds: 0.008, isExact: false });
  expect(tiles.read(0, -500, -10)?.db).toBe(db(value(2, 0, 0)));
  expect(tiles.read(1, 0, 0)).toBeNull();
});

test("silence is no number", async () => {
  fake = new FakeSpectrograms([new Uint8Array(COLUMNS * BINS)], tileTraits(1));
  tiles = new Tiles(fake.model, scope);
  tiles.want(view, [[0, 0, 0]]);
  await fake.send([0, 0, 0]);
  await here([0, 0, 0]);
  expect(tiles.read(0, 0, 0)).toEqual({ db: null, seconds: 0.008, isExact: true });
});

test("before tiles come, the overview is read; one of another size is none", () => {
  const traits = { overview: fake.overview(2, 3), overview_level: 2, overview_pool: 3 };
  fake = new FakeSpectrograms(fake.signals, tileTraits(2, traits));
  tiles = new Tiles(fake.model, scope);
  const bins = Array.from({ length: 8 }, (_, i) => fake.level(1, 2)[7 * BINS + 24 + i] ?? 0);
  const byte = Math.max(...bins);
  expect(tiles.read(1, 64 * 29, 29 * 31.25)).toEqual({ db: 3 - (255 - byte) / 2, seconds: 0.032, isExact: false });
  fake = new FakeSpectrograms(fake.signals, tileTraits(2, { ...traits, overview_level: 1 }));
  tiles = new Tiles(fake.model, scope);
  expect(tiles.overview(0)).toBeUndefined();
});

test("a view lacks what it shows, first what it has nothing of, and then a tile on either side", async () => {
  const sight = { signals: [0, 1], level: 0, first: 1, stop: 3 };
  tiles.show(view, sight);
  await fake.send([0, 0, 1]);
  await fake.send([1, 0, 1], false);
  await fake.send([1, 0, 3], false);
  await here([0, 0, 1], [1, 0, 1], [1, 0, 3]);
  expect(tiles.show(view, sight)).toEqual([
    [0, 0, 2],
    [1, 0, 2],
    [1, 0, 1],
    [0, 0, 0],
    [1, 0, 0],
    [0, 0, 3],
    [1, 0, 3],
  ]);
  expect(tiles.show(view, { signals: [0], level: 3, first: 0, stop: 1 })).toEqual([[0, 3, 0]]);
});

test("a minute after the last view has left, tiles are dropped, and got again; one that comes back keeps them", async () => {
  tiles.want(view, [[0, 0, 1]]);
  tiles.show(view, { signals: [0], level: 0, first: 1, stop: 2 });
  vi.advanceTimersByTime(100);
  await fake.send([0, 0, 1]);
  await here([0, 0, 1]);
  tiles.want(view, []);
  vi.advanceTimersByTime(100_000);
  tiles.leave(view);
  vi.advanceTimersByTime(50_000);
  tiles.show(view, { signals: [0], level: 0, first: 1, stop: 2 });
  vi.advanceTimersByTime(100_000);
  expect(tiles.at([0, 0, 1])).toBeDefined();
  tiles.leave(view);
  vi.advanceTimersByTime(61_000);
  expect(tiles.at([0, 0, 1])).toBeUndefined();
  expect(fake.model.sentOf("forget_tiles")).toHaveLength(1);
  tiles.want(view, [[0, 0, 1]]);
  vi.advanceTimersByTime(100);
  expect(asked()).toEqual([[[0, 0, 1]], [[0, 0, 1]]]);
  tiles.leave(view);
  vi.advanceTimersByTime(61_000);
  // Nobody is there for what is still under way.
  await fake.send([0, 0, 1]);
  vi.useRealTimers();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(tiles.at([0, 0, 1])).toBeUndefined();
});

test("memory is bounded: what is far from what is shown goes first, what is shown never", async () => {
  // 256 columns of these are 11 MB.
  const traits = { n_fft: 2 ** 16, tile_columns: 256, frames: 64 * (256 * 24 - 1) };
  fake = new FakeSpectrograms([], tileTraits(2, traits));
  tiles = new Tiles(fake.model, scope);
  const bytes = await deflated(new Uint8Array(256 * tiles.grid.bins));
  const receive = async (index: number) => {
    fake.model.receive({ type: "tile", signal: 0, level: 0, index, exact: true } as never, [bytes]);
    await vi.waitFor(() => expect(tiles.at([0, 0, index])).toBeDefined(), 10_000);
  };
  tiles.show(view, { signals: [0], level: 0, first: 11, stop: 13 });
  tiles.want({}, [[0, 0, 0]]);
  for (let index = 0; index < 14; index++) await receive(index);
  expect(tiles.at([0, 0, 1])).toBeDefined();
  for (let index = 14; index < 17; index++) await receive(index);
  const held = Array.from({ length: 17 }, (_, i) => i).filter((index) => tiles.at([0, 0, index]));
  expect(held).toEqual([0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
}, 30_000);
