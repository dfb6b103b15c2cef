import { afterEach, expect, test, vi } from "vitest";
import { until } from "../player";
import { comparisonModel, level, RATE, ShownSpectrogram } from "../spectrogram";
import { drawn, press } from "../view";

let shown: ShownSpectrogram;
afterEach(() => {
  vi.unstubAllGlobals();
  shown.scope.dispose();
});

const VOCALS_MASK = ["mask", "vocals", "mixture"] as const;
const APART = ["difference", "vocals", "drums"] as const;
const box = (name: string, part = 0) =>
  shown.root.querySelectorAll<HTMLInputElement>(`input[aria-label="${name}"]`)[part];
const panes = () => shown.model.get("panes");

/** Put the cross-hair at a second and a frequency. */
function cross(seconds: number, hz: number): void {
  for (const [name, value] of [
    ["time", seconds * RATE],
    ["frequency", Math.round((hz * 1024) / RATE)],
  ] as const) {
    const slider = shown.named<HTMLInputElement>(`Cross-hair, ${name}`);
    slider.value = String(value);
    slider.dispatchEvent(new Event("input"));
  }
}

/** The colour in the middle of a pane, at a frequency of a linear axis. */
function colourAt(pane: number, hz: number): string {
  const canvas = shown.lane(pane).querySelector("canvas") as HTMLCanvasElement;
  const y = Math.floor((1 - hz / (RATE / 2)) * canvas.height);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  return [...context.getImageData(canvas.width / 2, y, 1, 1).data].join();
}

test("a mask is read from 0 to 1, a difference with what it is made of", async () => {
  shown = new ShownSpectrogram(comparisonModel({ panes: [level("vocals"), VOCALS_MASK, APART] }));
  cross(5, 2000);
  await shown.sharp();
  expect(shown.readings).toEqual(["-20.0 dB", "1.00", "+70.0 dB"]);
  expect(shown.root.querySelectorAll(".snb-detail")[2]?.textContent).toBe("-20.0 dB against -90.0 dB");
  cross(5, 1000);
  await drawn();
  expect(shown.readings).toEqual(["-90.0 dB", "0.00", "0.0 dB"]);
  cross(5, 3000);
  await drawn();
  expect(shown.readings[2]).toBe("-70.0 dB");
});

test.each([
  [8000, 64, 0.2],
  [8000, 1024, 0.05],
  [192_000, 64, 0.5],
  [192_000, 65_536, 0.5],
])("at %d Hz, with frames of %d samples, %f s are drawn and read", async (sampleRate, nFft, seconds) => {
  const [frames, columns] = [Math.round(seconds * sampleRate), nFft > 60_000 ? 16 : 256];
  // A tone in bin 12, whatever its frequency is.
  const scene = (signal: number, _: number, hz: number) => (Math.round((hz * nFft) / RATE) === 12 ? -20 : -90 - signal);
  const model = comparisonModel(
    {
      signals: ["mixture", "vocals"],
      sample_rate: sampleRate,
      fmax: sampleRate / 2,
      n_fft: nFft,
      tile_columns: columns,
    },
    { frames, level: scene, nFft },
  );
  shown = new ShownSpectrogram(model);
  await shown.sharp();
  for (const [bin, readings] of [
    [12, ["-20.0 dB", "-20.0 dB"]],
    [13, ["-90.0 dB", "-91.0 dB"]],
    [nFft / 2, ["-90.0 dB", "-91.0 dB"]],
  ] as const) {
    const slider = shown.named<HTMLInputElement>("Cross-hair, frequency");
    slider.value = String(bin);
    slider.dispatchEvent(new Event("input"));
    await drawn();
    expect([shown.readings, slider.max]).toEqual([readings, String(nFft / 2)]);
  }
  for (const y_axis of ["log", "mel", "linear"] as const) {
    shown.model.change({ y_axis, fmin: 0, fmax: 50 });
    shown.named("Zoom in").click();
    press(shown.home, "0");
    expect(shown.model.get("fmax")).toBe(sampleRate / 2);
    await drawn();
    const [red = 0, green = 0, blue = 0] = colourAt(0, RATE / 2)
      .split(",")
      .map(Number);
    expect(red + green + blue).toBeGreaterThan(0);
  }
});

test("from an overview only, values are provisional; with the kernel's tiles they are not", async () => {
  const model = comparisonModel();
  const { kernel } = model;
  model.kernel = null;
  shown = new ShownSpectrogram(model);
  cross(5, 1000);
  await drawn();
  expect(shown.readings[0]).toBe("≈ -20.0 dB");
  expect(shown.one(".snb-readout").textContent).toContain("max of 0.37 sprovisional");
  await until(() => model.sent.length > 0);
  kernel?.(model.sentOf("want_tiles").at(-1)?.content as never, model, []);
  await until(() => shown.readings.join() === "-20.0 dB,-90.0 dB");
  expect(shown.one(".snb-readout").textContent).not.toContain("provisional");
});

test("panes are ticked, moved and removed; the model tells, and is told", async () => {
  shown = new ShownSpectrogram(comparisonModel());
  shown.named("Panes").click();
  box("drums")?.click();
  box("vocals", 1)?.click();
  expect(panes()).toEqual([level("mixture"), level("vocals"), level("drums"), VOCALS_MASK]);
  const down = shown.named("Move mixture down");
  down.focus();
  down.click();
  expect(document.activeElement).toBe(shown.named("Move mixture down"));
  shown.named("Remove drums").click();
  expect(shown.paneNames).toEqual(["vocals", "mixture", "mask of vocals"]);
  expect(box("drums")?.checked).toBe(false);
  box("vocals")?.click();
  expect(panes()).toEqual([level("mixture"), VOCALS_MASK]);
  shown.model.change({ panes: [level("residual")] });
  expect(shown.paneNames).toEqual(["residual"]);
  expect([box("residual")?.checked, box("mixture")?.checked]).toEqual([true, false]);
  // One stays.
  expect(shown.named<HTMLButtonElement>("Remove residual").disabled).toBe(true);
  box("residual")?.click();
  expect([panes(), box("residual")?.checked]).toEqual([[level("residual")], true]);
  box("drums")?.click();
  shown.named("Remove residual").focus();
  shown.named("Remove residual").click();
  expect(document.activeElement).toBe(box("mixture"));
});

test("masks are shares of the mixture, whatever it is called; without one there are none", () => {
  const signals = ["mixture", "drums", "mixture (2)"];
  shown = new ShownSpectrogram(comparisonModel({ signals, mixture: "mixture (2)" }));
  box("mixture", 1)?.click();
  expect(panes()).toContainEqual(["mask", "mixture", "mixture (2)"]);
  expect(box("mixture (2)", 1)).toBeUndefined();
  shown.scope.dispose();
  shown = new ShownSpectrogram(comparisonModel({ signals, mixture: "" }));
  expect(box("drums", 1)).toBeUndefined();
});

test("a difference of any two signals is added; its range is there while one is shown", async () => {
  shown = new ShownSpectrogram(comparisonModel());
  const range = shown.named("Range of differences");
  shown.named("Panes").click();
  expect(range.checkVisibility()).toBe(false);
  shown.named<HTMLSelectElement>("Difference of").value = "drums";
  shown.named("Add the difference").click();
  expect(shown.paneNames.at(-1)).toBe("drums − vocals");
  expect(range.checkVisibility()).toBe(true);
  expect(shown.one(".snb-legend").textContent).toContain("Difference-24 dB+24 dB");
  shown.model.change({ difference_db: 12 });
  expect(shown.one(".snb-legend").textContent).toContain("-12 dB+12 dB");
});

test("settings are shown in every view, and change what is drawn", async () => {
  shown = new ShownSpectrogram(comparisonModel());
  const second = new ShownSpectrogram(shown.model);
  await drawn();
  const before = colourAt(0, 1000);
  const cmap = shown.named<HTMLSelectElement>("Colour map");
  cmap.value = "viridis";
  cmap.dispatchEvent(new Event("change"));
  shown.named("Names of notes").click();
  await drawn();
  expect(colourAt(0, 1000)).not.toBe(before);
  expect(shown.model.saved).toEqual([{ cmap: "viridis" }, { note_names: true }]);
  shown.model.change({ y_axis: "mel", gain_db: 6, top_db: 60, pane_height: 200, fmin: 100, fmax: 8000 });
  for (const view of [shown, second]) {
    expect(view.named<HTMLSelectElement>("Colour map").value).toBe("viridis");
    expect(view.named<HTMLSelectElement>("Frequency scale").value).toBe("mel");
    expect(view.named("Gain").getAttribute("aria-valuetext")).toBe("+6 dB");
    expect(view.named<HTMLInputElement>("Highest frequency, Hz").value).toBe("8000");
    expect(view.named("Names of notes").getAttribute("aria-pressed")).toBe("true");
    expect(view.one(".snb-legend").textContent).toBe("Level-86 dB-26 dB");
    expect(view.one(".snb-unit").textContent).toBe("Note");
    expect(view.lane(0).clientHeight).toBe(200);
  }
  second.scope.dispose();
});

test("blink: one place shows two panes by turns, with their names; B swaps by hand", async () => {
  shown = new ShownSpectrogram(comparisonModel());
  const toggle = shown.named("Blink: two panes in one place (B)");
  await shown.sharp();
  toggle.click();
  await drawn();
  expect(shown.paneNames).toEqual(["vocals", "vocals"]);
  expect(colourAt(0, 2000)).toBe(colourAt(1, 2000));
  expect(toggle.getAttribute("aria-pressed")).toBe("true");
  await until(() => shown.paneNames[0] === "mixture");
  await until(() => shown.paneNames[0] === "vocals");
  toggle.click();
  await drawn();
  expect(shown.paneNames).toEqual(["mixture", "vocals"]);
  press(shown.home, "b");
  await drawn();
  expect(shown.paneNames).toEqual(["vocals", "vocals"]);
  expect(shown.one('[aria-live="polite"]').textContent).toBe("vocals");
  press(shown.home, "b");
  await drawn();
  expect(shown.paneNames).toEqual(["mixture", "vocals"]);
});

test("the two that blink are chosen; when one is gone, the first two are", async () => {
  shown = new ShownSpectrogram(comparisonModel({ panes: [level("mixture"), level("vocals"), level("drums")] }));
  shown.named("Panes").click();
  const other = shown.named<HTMLSelectElement>("Blink, with");
  other.value = JSON.stringify(level("drums"));
  other.dispatchEvent(new Event("change"));
  press(shown.home, "b");
  await drawn();
  expect(shown.paneNames).toEqual(["drums", "vocals", "drums"]);
  shown.model.change({ panes: [level("mixture"), level("vocals")] });
  await drawn();
  expect(shown.paneNames).toEqual(["vocals", "vocals"]);
  shown.model.change({ panes: [level("mixture")] });
  await drawn();
  expect(shown.paneNames).toEqual(["mixture"]);
  expect(shown.named<HTMLButtonElement>("Blink: two panes in one place (B)").disabled).toBe(true);
});

test("who asked for less motion swaps by hand only", async () => {
  const asked = Object.assign(new EventTarget(), { matches: true }) as unknown as MediaQueryList;
  const real = matchMedia;
  vi.stubGlobal("matchMedia", (query: string) => (query.includes("motion") ? asked : real(query)));
  shown = new ShownSpectrogram(comparisonModel());
  shown.named("Blink: two panes in one place (B)").click();
  await drawn();
  expect(shown.paneNames).toEqual(["vocals", "vocals"]);
  await new Promise((resolve) => setTimeout(resolve, 800));
  expect(shown.paneNames).toEqual(["vocals", "vocals"]);
  shown.named("Blink: two panes in one place (B)").click();
  await drawn();
  expect(shown.paneNames).toEqual(["mixture", "vocals"]);
});

test("whoever asks for less motion while it blinks sees the button let go", async () => {
  const asked = Object.assign(new EventTarget(), { matches: false });
  const real = matchMedia;
  vi.stubGlobal("matchMedia", (query: string) => (query.includes("motion") ? asked : real(query)));
  shown = new ShownSpectrogram(comparisonModel());
  const toggle = shown.named("Blink: two panes in one place (B)");
  toggle.click();
  await until(() => shown.paneNames[0] === "vocals");
  await until(() => shown.paneNames[0] === "mixture");
  expect(toggle.getAttribute("aria-pressed")).toBe("true");
  asked.dispatchEvent(new Event("change"));
  expect(toggle.getAttribute("aria-pressed")).toBe("false");
});

test("the ends of the legend are half decibels, and never minus zero", () => {
  shown = new ShownSpectrogram(comparisonModel({ peak_db: 0.5, gain_db: 0.5, top_db: 60.5 }));
  expect(shown.one(".snb-legend").textContent).toBe("Level-60.5 dB0 dB");
  shown.model.change({ gain_db: 0.52 });
  expect(shown.one(".snb-legend").textContent).toBe("Level-60.5 dB0 dB");
});

test("the region's numbers come with it", () => {
  shown = new ShownSpectrogram(comparisonModel());
  expect(shown.one(".snb-facts").checkVisibility()).toBe(false);
  const summary = shown.one("summary");
  shown.model.change({
    table: [
      ["Signal", "Level"],
      ["vocals", "-20.0 dB"],
    ],
  });
  expect(shown.one("table").textContent).toBe("SignalLevelvocals-20.0 dB");
  expect(shown.one("summary")).toBe(summary);
});

test("that sharper pictures are to come is shown, that the kernel is busy is said, that it failed, too", async () => {
  const model = comparisonModel();
  const { kernel } = model;
  model.kernel = null;
  shown = new ShownSpectrogram(model);
  const state = () =>
    [...shown.one(".snb-state").children].map((one) => (one.checkVisibility() ? one.textContent : "")).join("");
  await until(() => state() === "sharpening …");
  await drawn();
  const [r = 0, g = 0, b = 0] = colourAt(0, 1000).split(",").map(Number);
  expect(r + g + b).toBeGreaterThan(600);
  await until(() => state() === "The kernel is busy: what was sent before is shown.");
  expect(shown.one('.snb-state [role="status"]').textContent).toBe(state());
  kernel?.(model.sentOf("want_tiles").at(-1)?.content as never, model, []);
  await until(() => state() === "");
  model.receive({ type: "failure", id: null, error: "MemoryError", message: "<b>no memory</b>" } as never);
  expect(shown.one('[role="alert"]').checkVisibility()).toBe(true);
  expect(shown.one('[role="alert"]').textContent).toBe("<b>no memory</b>");
  // Once only.
  const said = shown.one('[role="alert"]').firstChild;
  press(shown.home, "+");
  await until(() => model.sentOf("want_tiles").length > 1);
  await drawn();
  expect(shown.one('[role="alert"]').firstChild).toBe(said);
});

test.each(["a task", "a repaint"])("a view made in %s tells that sharper pictures are to come", async (when) => {
  await new Promise((resolve) => (when === "a task" ? setTimeout(resolve) : requestAnimationFrame(resolve)));
  const model = comparisonModel();
  model.kernel = null;
  shown = new ShownSpectrogram(model);
  expect(shown.one(".snb-sharpening").checkVisibility()).toBe(false);
  await until(() => shown.one(".snb-sharpening").checkVisibility(), 1000);
});

test("a kernel that becomes busy later is noticed, too", async () => {
  const model = comparisonModel({}, { frames: 40 * RATE });
  shown = new ShownSpectrogram(model);
  await shown.sharp();
  model.kernel = null;
  for (let i = 0; i < 3; i++) press(shown.home, "+");
  await until(() => shown.one('.snb-state [role="status"]').textContent !== "");
  press(shown.home, "0");
  await until(() => shown.one('.snb-state [role="status"]').textContent === "");
});
