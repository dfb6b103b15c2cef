import { expect, test } from "vitest";
import makeSpectrogram from "../../src/entries/spectrogram";
import { collected } from "../collected";
import { until } from "../player";
import { comparisonModel, level, ShownSpectrogram } from "../spectrogram";
import { drawn, mouse, press } from "../view";

test("views that were closed leave no listener and no element behind", async () => {
  const refs: WeakRef<object>[] = [];
  const model = comparisonModel();
  const spectrogram = makeSpectrogram();
  const end = spectrogram.initialize({ model });
  const before = model.listenerCount;
  // A function of its own: nothing of the last round stays in this one's variables.
  const show = async (stem: string) => {
    const el = document.createElement("div");
    document.body.append(el);
    const close = spectrogram.render({ model, el });
    await drawn();
    el.querySelector<HTMLElement>('[aria-label="Panes"]')?.click();
    el.querySelector<HTMLElement>('[aria-label^="Blink:"]')?.click();
    model.change({ panes: [level("mixture"), ["mask", "vocals", "mixture"], level(stem)] });
    await drawn();
    refs.push(new WeakRef(el.firstElementChild as Element));
    close();
    expect(el.childElementCount).toBe(0);
    el.remove();
  };
  for (let i = 0; i < 10; i++) await show(i % 2 ? "drums" : "vocals");
  expect(model.listenerCount).toBe(before);
  end();
  expect(model.listenerCount).toBe(0);
  await collected(refs);
});

test("two comparisons of a page do not disturb each other", async () => {
  const [one, other] = [comparisonModel(), comparisonModel({ panes: [level("drums")] })].map(
    (model) => new ShownSpectrogram(model),
  ) as [ShownSpectrogram, ShownSpectrogram];
  await one.sharp();
  await other.sharp();
  const sent = other.model.sent.length;
  mouse(one.lane(0), [0.2, 0.3, 0.6], { shiftKey: true });
  press(one.home, "+");
  press(one.home, "b");
  press(one.home, "ArrowUp");
  await one.sharp();
  expect([other.model.get("region"), other.model.sent.length]).toEqual([null, sent]);
  expect(other.one(".snb-readout").textContent).toContain("Point at a picture");
  one.scope.dispose();
  press(other.home, "ArrowRight");
  await drawn();
  expect(other.readings).toEqual(["-90.0 dB"]);
  other.scope.dispose();
});

test("views of one model share tiles, and each has its own zoom and cross-hair", async () => {
  const model = comparisonModel();
  const spectrogram = makeSpectrogram();
  const end = spectrogram.initialize({ model });
  const els = [0, 1].map(() => document.createElement("div"));
  document.body.append(...els);
  const closes = els.map((el) => spectrogram.render({ model, el }));
  const [one, other] = els.map((el) => () => el.querySelector(".snb-readout")?.textContent);
  press(els[0]?.querySelector(".snb-seek input") as Element, "ArrowRight");
  await until(() => one?.()?.includes("-90.0 dB") === true);
  expect(other?.()).toContain("Point at a picture");
  // Both asked for the same, once.
  const asked = model.sentOf("want_tiles").flatMap(({ content }) => (content.tiles as number[][]).map(String));
  expect(new Set(asked).size).toBe(asked.length);
  for (const close of closes) close();
  for (const el of els) el.remove();
  end();
});

test("the axes and marks have the colours of the theme in force", async () => {
  document.body.style.backgroundColor = "white";
  const shown = new ShownSpectrogram(comparisonModel());
  await drawn();
  const ink = () => {
    const canvas = shown.one(".snb-gutter").querySelector("canvas") as HTMLCanvasElement;
    const { data } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const opaque = Array.from({ length: data.length / 4 }, (_, i) => 4 * i).filter((at) => (data[at + 3] ?? 0) > 250);
    return opaque.length && opaque.reduce((sum, at) => sum + (data[at] ?? 0), 0) / opaque.length;
  };
  expect(ink()).toBeGreaterThan(0);
  expect(ink()).toBeLessThan(140);
  document.body.style.backgroundColor = "black";
  await until(() => shown.root.dataset.snbTheme === "dark");
  await drawn();
  expect(ink()).toBeGreaterThan(110);
  shown.scope.dispose();
  document.body.removeAttribute("style");
});

test("in another width, pictures fill it at the screen's own resolution", async () => {
  const shown = new ShownSpectrogram(comparisonModel());
  await drawn();
  shown.root.style.width = "500px";
  await drawn();
  for (const canvas of shown.root.querySelectorAll("canvas"))
    expect(canvas.width).toBe(Math.round(canvas.getBoundingClientRect().width * devicePixelRatio));
  shown.scope.dispose();
});
