import { afterEach, expect, test } from "vitest";
import { noisySong, songOf } from "../audio";
import { playerModel, until } from "../player";
import { drawn, overviewOf, RATE, Shown, SONG, silentModel } from "../view";

let shown: Shown;
afterEach(() => {
  shown.scope.dispose();
  document.body.removeAttribute("style");
});

/** Rows of a canvas that are opaque, at a share of its width. */
function heightAt(box: Element, share: number): number {
  const canvas = box.querySelector("canvas") as HTMLCanvasElement;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const { data } = context.getImageData(Math.floor(share * canvas.width), 0, 1, canvas.height);
  return data.filter((_, i) => i % 4 === 3).filter((alpha) => alpha > 200).length / canvas.height;
}

function colourAt(box: Element, share: number): string {
  const canvas = box.querySelector("canvas") as HTMLCanvasElement;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  return [...context.getImageData(Math.floor(share * canvas.width), canvas.height / 2, 1, 1).data].join();
}

test("each lane is drawn where its signal is loud, before any audio is here", async () => {
  shown = new Shown(silentModel());
  await drawn();
  for (const [signal, share] of [0.1, 0.3, 0.5, 0.7].entries()) {
    expect(heightAt(shown.lane(signal), share)).toBeGreaterThan(0.8);
    expect(heightAt(shown.lane(signal), (share + 0.4) % 1)).toBeLessThan(0.1);
  }
  expect(heightAt(shown.one(".snb-minimap"), 0.7)).toBeGreaterThan(0.6);
});

test("canvases have the screen's own resolution, and are never wider than the view", async () => {
  shown = new Shown(silentModel());
  await drawn();
  press("+");
  await drawn();
  for (const canvas of shown.root.querySelectorAll("canvas"))
    expect(canvas.width).toBe(Math.round(canvas.getBoundingClientRect().width * devicePixelRatio));
});

test("zoomed in, only what is in view is drawn", async () => {
  shown = new Shown(silentModel());
  shown.session.seek(RATE);
  for (let i = 0; i < 3; i++) press("+");
  await drawn();
  for (const share of [0.05, 0.5, 0.95]) expect(heightAt(shown.lane(0), share)).toBeGreaterThan(0.8);
  for (const share of [0.05, 0.5, 0.95]) expect(heightAt(shown.lane(1), share)).toBeLessThan(0.1);
});

test("a switch of the theme draws in other colours", async () => {
  document.body.style.backgroundColor = "white";
  shown = new Shown(silentModel());
  await drawn();
  const light = colourAt(shown.lane(0), 0.1);
  document.body.style.backgroundColor = "black";
  await until(() => shown.root.dataset.snbTheme === "dark");
  await drawn();
  expect(light).toBe("0,114,178,255");
  expect(colourAt(shown.lane(0), 0.1)).toBe("86,180,233,255");
});

test("a view that gets another width is drawn anew", async () => {
  shown = new Shown(silentModel());
  await drawn();
  shown.root.style.width = "380px";
  await drawn();
  expect(heightAt(shown.lane(0), 0.1)).toBeGreaterThan(0.8);
  expect(shown.root.scrollWidth).toBeLessThanOrEqual(380);
  expect(shown.lane(0).getBoundingClientRect().top).toBeGreaterThan(
    shown.named("Mute vocals").getBoundingClientRect().top,
  );
});

test("long names take no room from the controls", async () => {
  const stems = ["a name ".repeat(25), "drums"];
  const song = { ...SONG, stems, title: "a title ".repeat(25) };
  shown = new Shown(silentModel({}, song));
  for (const width of [900, 380]) {
    shown.root.style.width = `${width}px`;
    await drawn();
    const { right } = shown.root.getBoundingClientRect();
    for (const control of shown.root.querySelectorAll("button, input, select"))
      if (control.checkVisibility()) expect(control.getBoundingClientRect().right).toBeLessThanOrEqual(right);
  }
});

test("zoomed to samples, they are drawn as they sound", async () => {
  const song = songOf(2 * RATE, 1);
  const steps = new Float32Array(song.frames).map((_, i) => (i >= RATE && i < RATE + 10 ? 0.5 : 0));
  const model = playerModel(song, [[steps, steps], ...noisySong(song.frames, 1).slice(1)]);
  model.change({ overview: overviewOf(song) });
  shown = new Shown(model);
  await until(() => shown.session.loaded.every(Boolean));
  shown.session.seek(RATE);
  for (let i = 0; i < 20; i++) press("+");
  const canvas = () => shown.lane(0).querySelector("canvas") as HTMLCanvasElement;
  const topRow = () => {
    const { width, height } = canvas();
    const context = canvas().getContext("2d") as CanvasRenderingContext2D;
    const { data } = context.getImageData(0, 0, width, height);
    return Math.floor(data.findIndex((value, i) => i % 4 === 3 && value > 128) / 4 / width) / height;
  };
  await until(() => Math.abs(topRow() - 0.5) > 0.1);
  expect(topRow()).toBeLessThan(0.5);
});

test("a stem that is not heard is dimmed", async () => {
  shown = new Shown(silentModel({ muted: ["drums"] }));
  const dimmed = () => SONG.stems.map((_, i) => getComputedStyle(shown.lane(i).firstElementChild as Element).opacity);
  expect(dimmed()).toEqual(["1", "0.4", "1"]);
  shown.model.change({ soloed: "drums" });
  expect(dimmed()).toEqual(["0.4", "1", "0.4"]);
  shown.model.change({ original: true });
  expect(dimmed()).toEqual(["0.4", "0.4", "0.4"]);
});

function press(key: string): void {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  shown.named("Position").dispatchEvent(event);
}
