import { expect, test } from "vitest";
import { ChunkStore } from "../../src/data/chunks";

const view = (...bytes: number[]) => new DataView(new Uint8Array(bytes).buffer);
const whole = (signal: number, chunk: number) => ({ type: "chunk", signal, chunk, part: 0, parts: 1 }) as const;
const size = (store: ChunkStore, signal: number, chunk: number) => store.blob(signal, chunk)?.size;

test("a chunk is complete when all signals have it", () => {
  const store = new ChunkStore(2, 3);
  expect(store.add(whole(0, 1), view(1, 2))).toBe(false);
  expect(store.complete).toEqual([false, false, false]);
  expect(store.add(whole(1, 1), view(3))).toBe(true);
  expect(store.complete).toEqual([false, true, false]);
  expect([store.bytes, size(store, 0, 1), size(store, 1, 1), store.isComplete]).toEqual([3, 2, 1, false]);
});

test("parts are joined in their order, whichever comes first", async () => {
  const store = new ChunkStore(1, 1);
  const part = (index: number) => ({ ...whole(0, 0), part: index, parts: 3 });
  expect(store.add(part(2), view(5, 6))).toBe(false);
  expect(store.add(part(0), view(1, 2))).toBe(false);
  expect(store.add(part(0), view(1, 2))).toBe(false);
  expect(store.add(part(1), view(3, 4))).toBe(true);
  const reader = new FileReader();
  reader.readAsArrayBuffer(store.blob(0, 0) as Blob);
  await new Promise((resolve) => reader.addEventListener("load", resolve));
  expect([...new Uint8Array(reader.result as ArrayBuffer)]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("what is held is told as ranges", () => {
  const store = new ChunkStore(1, 7);
  expect(store.held()).toEqual([]);
  for (const chunk of [5, 0, 2, 1, 6]) store.add(whole(0, chunk), view(1));
  expect(store.held()).toEqual([
    [0, 3],
    [5, 7],
  ]);
});

test("a message's bytes may be a part of a larger buffer", () => {
  const store = new ChunkStore(1, 1);
  store.add(whole(0, 0), new DataView(new ArrayBuffer(100), 10, 20));
  expect(store.bytes).toBe(20);
});

test("what was not asked for is dropped", () => {
  const store = new ChunkStore(2, 2);
  const odd = [whole(2, 0), whole(-1, 0), whole(0, 2), whole(0, -1), whole(0.5, 0), whole(0, 0.5)];
  for (const message of odd) expect(store.add(message, view(1))).toBe(false);
  for (const [part, parts] of [
    [0, 0],
    [2, 2],
    [-1, 2],
    [0, -1],
    [0, 1e12],
    [0, 1.5],
  ] as const)
    expect(store.add({ ...whole(0, 0), part, parts }, view(1))).toBe(false);
  expect(store.bytes).toBe(0);
  store.add(whole(0, 0), view(1));
  store.add(whole(0, 0), view(1, 2, 3));
  expect(store.bytes).toBe(1);
});

test("after clear nothing is held, parts neither", () => {
  const store = new ChunkStore(1, 2);
  store.add(whole(0, 0), view(1));
  store.add({ ...whole(0, 1), part: 0, parts: 2 }, view(1));
  store.clear();
  expect([store.bytes, store.held(), store.blob(0, 0), store.complete]).toEqual([0, [], undefined, [false, false]]);
  expect(store.add({ ...whole(0, 1), part: 1, parts: 2 }, view(1))).toBe(false);
});
