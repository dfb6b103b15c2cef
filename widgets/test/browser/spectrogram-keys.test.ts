import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { until } from "../player";
import { comparisonModel, level, RATE, ShownSpectrogram } from "../spectrogram";
import { drawn, press } from "../view";

let shown: ShownSpectrogram;
const escaped = vi.fn();
beforeEach(async () => {
  shown = new ShownSpectrogram(comparisonModel());
  await drawn();
  escaped.mockReset();
  document.body.addEventListener("keydown", escaped);
});
afterEach(() => {
  document.body.removeEventListener("keydown", escaped);
  shown.scope.dispose();
});

const line = () => shown.one(".snb-readout").textContent ?? "";
const hz = () => Number(shown.one(".snb-read-hz").textContent?.replace(" Hz", ""));
const seconds = () => Number(shown.one(".snb-read-time").textContent?.slice(2));
const slider = (name: string) => shown.named<HTMLInputElement>(`Cross-hair, ${name}`);
const BIN = RATE / 1024;

test("arrows move the cross-hair by a pixel and a bin, with Shift by ten", async () => {
  expect(line()).toContain("Point at a picture");
  const column = 10 / shown.lane(0).clientWidth;
  press(shown.home, "ArrowRight");
  await drawn();
  const [time, frequency] = [seconds(), hz()];
  expect(time).toBeCloseTo(5 + column, 2);
  press(shown.home, "ArrowRight", { shiftKey: true });
  press(shown.home, "ArrowUp");
  await drawn();
  expect(seconds()).toBeCloseTo(time + 10 * column, 2);
  expect(hz()).toBeCloseTo(frequency + BIN, 0);
  press(shown.home, "ArrowDown", { shiftKey: true });
  press(shown.home, "ArrowLeft");
  await drawn();
  expect(hz()).toBeCloseTo(frequency - 9 * BIN, 0);
  press(shown.home, "End");
  await drawn();
  expect(seconds()).toBe(10);
  press(shown.home, "Home");
  await drawn();
  expect(seconds()).toBe(0);
  expect(escaped).not.toHaveBeenCalled();
});

test("what is under the cross-hair is said with every value, and when it is of more than one column", async () => {
  for (const [name, value] of [
    ["time", 5 * RATE],
    ["frequency", Math.round(1000 / BIN)],
  ] as const) {
    slider(name).value = String(value);
    slider(name).dispatchEvent(new Event("input"));
  }
  await shown.sharp();
  expect(shown.readings).toEqual(["-20.0 dB", "-90.0 dB"]);
  const spoken = "5.000 seconds; 990.5 Hz, B5 +5; mixture -20.0 dB; vocals -90.0 dB; max of 0.023 s";
  expect(slider("time").getAttribute("aria-valuetext")).toBe(spoken);
  expect(slider("frequency").getAttribute("aria-valuetext")).toMatch(/^990\.5 Hz, B5 \+5; 5\.000 seconds; mixture/);
  expect(line()).toBe("0:05.000990.5 HzB5 +5max of 0.023 smixture -20.0 dBvocals -90.0 dB");
  press(shown.home, "+");
  press(shown.home, "+");
  await until(() => line() === "0:05.000990.5 HzB5 +5mixture -20.0 dBvocals -90.0 dB");
});

test("zoom, fit, help and the region by keys", async () => {
  press(shown.home, "Home");
  press(shown.home, "[");
  expect(shown.model.get("region")).toEqual([0, 10]);
  for (let i = 0; i < 30; i++) press(shown.home, "ArrowRight", { shiftKey: true });
  press(shown.home, "]");
  const [start, stop] = shown.model.get("region") as [number, number];
  expect([start, stop]).toEqual([0, expect.closeTo((300 * 10) / shown.lane(0).clientWidth, 1)]);
  press(shown.home, "l");
  expect(shown.model.get("region")).toBeNull();
  press(shown.home, "L", { shiftKey: true });
  expect(shown.model.get("region")).toEqual([start, stop]);
  press(shown.home, "+");
  expect(shown.one('[aria-live="polite"]').textContent).toBe("0:05.000 in view");
  shown.model.change({ fmin: 100, fmax: 1000 });
  press(shown.home, "0");
  expect([shown.model.get("fmin"), shown.model.get("fmax")]).toEqual([0, RATE / 2]);
  press(shown.home, "?");
  expect(shown.one<HTMLElement>(".snb-help").hidden).toBe(false);
  expect(escaped).not.toHaveBeenCalled();
});

test("without a player Space does nothing, and is kept from the notebook all the same", () => {
  expect(press(shown.home, " ").defaultPrevented).toBe(true);
  expect(escaped).not.toHaveBeenCalled();
});

test("all other keys pass", () => {
  const held = [["Enter", { shiftKey: true }], ["s", { ctrlKey: true }], ["Escape"], ["Tab"], ["a"], ["m"]] as const;
  for (const [key, init] of held) expect(press(shown.home, key, init).defaultPrevented).toBe(false);
  expect(escaped).toHaveBeenCalledTimes(held.length);
});

test("everything that takes keys tells JupyterLab so", () => {
  const focusable = shown.root.querySelectorAll("button, input, select, summary, [tabindex='0']");
  expect(focusable.length).toBeGreaterThan(25);
  for (const one of focusable) expect([one.outerHTML, one.hasAttribute("data-lm-suppress-shortcuts")][1]).toBe(true);
});

test("native sliders keep their arrows, fields and lists all keys", async () => {
  const gain = shown.named<HTMLInputElement>("Gain");
  gain.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  expect([shown.model.get("gain_db"), gain.getAttribute("aria-valuetext")]).toEqual([2, "+2 dB"]);
  await userEvent.keyboard("{Delete}");
  expect(shown.model.get("gain_db")).toBe(0);
  slider("frequency").focus();
  const before = Number(slider("frequency").value);
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  expect(hz()).toBeCloseTo((before + 1) * BIN, 0);
  await userEvent.fill(shown.named("Highest frequency, Hz"), "5000{Tab}");
  expect(escaped).not.toHaveBeenCalled();
});

test("a click on a picture leaves the keys with the comparison", async () => {
  // Its middle is out of the page's sight.
  await userEvent.click(shown.lane(1), { position: { x: 60, y: 60 } });
  expect(document.activeElement).toBe(shown.home);
  await userEvent.keyboard("l");
  expect(shown.model.get("region")).toEqual([0, 10]);
});

/** Where the Tab key stops in a toolbar. */
const stops = () => [...shown.named("View").querySelectorAll("button")].filter((one) => one.tabIndex === 0);

test("a toolbar has one stop of the Tab key, also when the last one is hidden", async () => {
  shown.model.change({ region: [1, 2] });
  shown.named("Zoom to the region").focus();
  expect(stops()).toEqual([shown.named("Zoom to the region")]);
  shown.home.focus();
  press(shown.home, "l");
  await drawn();
  expect(stops()).toEqual([shown.named("Zoom out")]);
  shown.named("Blink: two panes in one place (B)").focus();
  shown.home.focus();
  shown.model.change({ panes: [level("mixture")] });
  await drawn();
  expect(stops()).toEqual([shown.named("Zoom out")]);
});

test("in a narrow view Settings shows and hides how it is drawn; in a wide one that is always there", async () => {
  const settings = shown.named("Settings");
  const gain = shown.named("Gain");
  expect([settings.checkVisibility(), gain.checkVisibility()]).toEqual([false, true]);
  shown.root.style.width = "500px";
  await drawn();
  expect([settings.checkVisibility(), gain.checkVisibility()]).toEqual([true, false]);
  expect(settings.getAttribute("aria-expanded")).toBe("false");
  expect(settings.getAttribute("aria-controls")).toBe(shown.named("Picture").id);
  settings.focus();
  await userEvent.keyboard("{Enter}");
  expect([settings.getAttribute("aria-expanded"), gain.checkVisibility()]).toEqual(["true", true]);
  await userEvent.keyboard("{ArrowLeft}");
  expect(document.activeElement).toBe(shown.named("Panes"));
  settings.focus();
  await userEvent.keyboard(" ");
  expect(gain.checkVisibility()).toBe(false);
  expect(stops()).toEqual([settings]);
  shown.root.style.width = "900px";
  await drawn();
  expect([settings.checkVisibility(), gain.checkVisibility()]).toEqual([false, true]);
  expect(stops()).toEqual([shown.named("Zoom out")]);
  expect(escaped).not.toHaveBeenCalled();
});

test("a key that is held down switches once, and moves on", async () => {
  for (const repeat of [false, true, true]) {
    press(shown.home, "l", { repeat });
    press(shown.home, "ArrowRight", { repeat });
  }
  await drawn();
  expect(shown.model.get("region")).toEqual([0, 10]);
  expect(seconds()).toBeCloseTo(5 + 30 / shown.lane(0).clientWidth, 2);
});
