import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { press, RATE, Shown, silentModel } from "../view";

let shown: Shown;
const escaped = vi.fn();
beforeEach(() => {
  shown = new Shown(silentModel());
  escaped.mockReset();
  document.body.addEventListener("keydown", escaped);
});
afterEach(() => {
  document.body.removeEventListener("keydown", escaped);
  shown.scope.dispose();
});

const seconds = () => shown.session.position / RATE;
const home = () => shown.named("Position");

test("keys do what they say, and the notebook hears of none", () => {
  press(home(), "ArrowRight");
  expect(seconds()).toBe(2);
  press(home(), "ArrowRight", { shiftKey: true });
  expect(seconds()).toBe(7);
  press(home(), "ArrowLeft");
  expect(seconds()).toBe(5);
  press(home(), "[");
  press(home(), "End");
  expect(seconds()).toBe(20);
  press(home(), "Home");
  expect(seconds()).toBe(0);
  expect(shown.mix.loop).toEqual([5, 20]);
  press(home(), "l");
  expect(shown.mix.loop).toBeNull();
  press(home(), "L", { shiftKey: true });
  expect(shown.mix.loop).toEqual([5, 20]);
  press(home(), "2");
  press(home(), "m");
  press(home(), "3");
  press(home(), "s");
  press(home(), "x");
  expect(shown.mix).toMatchObject({ muted: ["drums"], soloed: "bass", original: true });
  expect(shown.named("bass").getAttribute("aria-current")).toBe("true");
  press(home(), "?", { shiftKey: true });
  expect(shown.one<HTMLElement>(".snb-help").hidden).toBe(false);
  expect(escaped).not.toHaveBeenCalled();
});

test("all other keys pass", () => {
  const held = [["Enter", { shiftKey: true }], ["s", { ctrlKey: true }], ["Escape"], ["Tab"], ["b"], ["a"]] as const;
  for (const [key, init] of held) expect(press(home(), key, init).defaultPrevented).toBe(false);
  expect(escaped).toHaveBeenCalledTimes(held.length);
});

test("keys act only while the focus is inside", () => {
  press(document.body, "m");
  press(document.body, "ArrowRight");
  expect(shown.mix.muted).toEqual([]);
  expect(seconds()).toBe(0);
});

test("everything that takes keys tells JupyterLab so", () => {
  const focusable = shown.root.querySelectorAll("button, input, select, summary, [tabindex='0']");
  expect(focusable.length).toBeGreaterThan(20);
  for (const one of focusable) expect(one.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
});

test("sliders keep their arrows; Delete puts them back", async () => {
  const volume = shown.named<HTMLInputElement>("Volume of vocals");
  volume.focus();
  await userEvent.keyboard("{ArrowLeft}{ArrowLeft}");
  expect(shown.mix.gains_db).toMatchObject({ vocals: -1 });
  expect(volume.getAttribute("aria-valuetext")).toBe("-1 dB");
  expect(seconds()).toBe(0);
  await userEvent.keyboard("{Delete}");
  expect(shown.mix.gains_db).toMatchObject({ vocals: 0 });
  expect(escaped).not.toHaveBeenCalled();
});

test("Space presses a button reached by keyboard; after a click it plays", async () => {
  const mute = shown.named("Mute vocals");
  const toggle = vi.spyOn(shown.session, "toggle").mockResolvedValue();
  mute.focus();
  await userEvent.keyboard(" ");
  expect([shown.mix.muted, toggle.mock.calls.length]).toEqual([["vocals"], 0]);
  await userEvent.click(mute);
  await userEvent.keyboard(" ");
  expect([shown.mix.muted, toggle.mock.calls.length]).toEqual([[], 1]);
});

test("the details open by Space and Enter", async () => {
  const toggle = vi.spyOn(shown.session, "toggle").mockResolvedValue();
  shown.one("summary").focus();
  await userEvent.keyboard(" ");
  expect(shown.one<HTMLDetailsElement>("details").open).toBe(true);
  await userEvent.keyboard("{Enter}");
  expect(shown.one<HTMLDetailsElement>("details").open).toBe(false);
  expect([toggle.mock.calls.length, escaped.mock.calls.length]).toEqual([0, 0]);
});

test("a key that is held down switches once, and skips on", () => {
  for (const repeat of [false, true, true]) {
    press(home(), "m", { repeat });
    press(home(), "ArrowRight", { repeat });
  }
  expect([shown.mix.muted, seconds()]).toEqual([["vocals"], 6]);
});

test("a toolbar is one stop of Tab; arrows go along its buttons", async () => {
  shown.named("Stop, and go to the start").focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(document.activeElement).toBe(shown.named("Play"));
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  expect(document.activeElement).toBe(shown.named("Stop, and go to the start"));
  expect(seconds()).toBe(0);
  const stops = [...shown.one('[aria-label="View"]').querySelectorAll("button")].filter((one) => one.tabIndex === 0);
  expect(stops).toHaveLength(1);
});

test("a click on a waveform leaves the keys with the player", async () => {
  await userEvent.click(shown.lane(1));
  expect(document.activeElement).toBe(home());
  await userEvent.keyboard("m");
  expect(shown.mix.muted).toEqual(["drums"]);
});

test("what keys have done is said", () => {
  press(home(), "m");
  expect(shown.one('[aria-live="polite"]').textContent).toBe("vocals muted");
});
