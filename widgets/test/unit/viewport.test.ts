import { beforeEach, expect, test, vi } from "vitest";
import { VIEW_CHANGED, Viewport } from "../../src/draw/viewport";

const FRAMES = 44_100;
let view = new Viewport(FRAMES);
beforeEach(() => {
  view = new Viewport(FRAMES);
});

test("at first it shows the whole song", () => {
  expect([view.first, view.stop, view.isWhole]).toEqual([0, FRAMES, true]);
});

test.each([0, 1, 333.25, 799, 800])("pixel %d and its sample are inverse", (pixel) => {
  view.show(10_000, 20_000);
  expect(view.toPixel(view.toFrame(pixel, 800), 800)).toBeCloseTo(pixel, 6);
});

test("zoom keeps a sample where it is, and its inverse brings back what was", () => {
  view.show(10_000, 20_000);
  const before = view.toPixel(13_000, 800);
  view.zoom(3, 13_000);
  expect(view.toPixel(13_000, 800)).toBeCloseTo(before, 6);
  expect(view.span).toBeCloseTo(10_000 / 3, 6);
  view.zoom(1 / 3, 13_000);
  expect([view.first, view.stop].map(Math.round)).toEqual([10_000, 20_000]);
});

test("it never leaves the song, and never shows less than 32 samples", () => {
  view.zoom(1e9, FRAMES);
  expect([view.span, view.stop]).toEqual([32, FRAMES]);
  view.pan(1e9);
  expect(view.stop).toBe(FRAMES);
  view.pan(-1e9);
  expect(view.first).toBe(0);
  view.zoom(1e-9, 0);
  expect(view.isWhole).toBe(true);
  expect([view.toFrame(-5, 800), view.toFrame(805, 800)]).toEqual([0, FRAMES]);
});

test("a song shorter than the smallest view is shown whole", () => {
  const short = new Viewport(5);
  short.zoom(100, 2);
  expect([short.first, short.stop]).toEqual([0, 5]);
});

test("reveal turns the page only where it has to", () => {
  view.show(0, 1000);
  view.reveal(1000);
  expect(view.first).toBe(0);
  view.reveal(1001);
  expect([view.first, view.span]).toEqual([951, 1000]);
  view.reveal(950);
  expect(view.first).toBe(951);
});

test("changes are told of, what changes nothing is not", () => {
  const changed = vi.fn();
  view.addEventListener(VIEW_CHANGED, changed);
  view.fit();
  view.pan(10);
  expect(changed).not.toHaveBeenCalled();
  view.show(1, 1000);
  expect(changed).toHaveBeenCalledOnce();
});
