import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import type { SpectrogramState } from "../../src/data/state";
import { PAYLOADS } from "../show";
import { comparisonModel, level, ShownSpectrogram } from "../spectrogram";
import { drawn, press } from "../view";

let shown: ShownSpectrogram;
afterEach(() => {
  shown.scope.dispose();
  document.body.removeAttribute("style");
});

const ALL: Partial<SpectrogramState> = {
  panes: [level("mixture"), level("vocals"), ["mask", "vocals", "mixture"], ["difference", "vocals", "drums"]],
  region: [1, 2],
  band_limit: 11_025,
  segments: [0, 3, 6, 9],
  show_band_limit: true,
  show_segments: true,
  note_names: true,
  table: [
    ["Signal", "Level"],
    ["mixture", "-18.2 dB"],
  ],
  notes: ["What is not there, and why."],
};

/** A view in which all that can be opened is. */
async function showAll(width: number): Promise<void> {
  shown = new ShownSpectrogram(comparisonModel(ALL), width);
  press(shown.home, "?");
  press(shown.home, "ArrowRight");
  shown.named("Panes").click();
  shown.named("Settings").click();
  shown.one<HTMLDetailsElement>("details").open = true;
  await drawn();
}

for (const background of ["white", "black"])
  test.each([360, 600, 900, 1200])(`axe finds nothing on ${background}, %d pixels wide`, async (width) => {
    document.body.style.backgroundColor = background;
    await showAll(width);
    const { violations } = await axe.run(shown.root);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

test("axe finds nothing in a narrow view whose settings are closed", async () => {
  shown = new ShownSpectrogram(comparisonModel(ALL), 360);
  await drawn();
  expect(shown.named("Gain").checkVisibility()).toBe(false);
  expect((await axe.run(shown.root)).violations).toEqual([]);
});

test.each([360, 480, 900])(
  "nothing is wider than %d pixels, and every target is 24 pixels high at least",
  async (width) => {
    await showAll(width);
    const { right } = shown.root.getBoundingClientRect();
    for (const one of shown.root.querySelectorAll("button, input, select, summary, label, .snb-lane, .snb-label > *")) {
      if (!one.checkVisibility()) continue;
      const box = one.getBoundingClientRect();
      expect([one.outerHTML, box.right <= right]).toEqual([one.outerHTML, true]);
      // A box to tick is ticked by its name, too.
      const isTarget = one.matches("button, input:not([type=checkbox]), select, summary, label");
      expect([one.outerHTML, !isTarget || (box.width >= 24 && box.height >= 24)]).toEqual([one.outerHTML, true]);
    }
    expect(shown.one(".snb-spectrogram").scrollWidth).toBeLessThanOrEqual(width);
  },
);

test("controls have roles, names and values", async () => {
  await showAll(900);
  expect(shown.one('[role="group"]').ariaLabel).toBe("Spectrograms: A song");
  expect(shown.named("vocals, level").getAttribute("role")).toBe("group");
  expect(shown.named("mask of vocals, mask, 0 to 1")).toBeTruthy();
  expect(shown.named("Picture").getAttribute("role")).toBe("toolbar");
  expect(shown.named("Band limit, 11025 Hz").getAttribute("aria-pressed")).toBe("true");
  expect(shown.named("Panes").getAttribute("aria-expanded")).toBe("true");
  for (const canvas of shown.root.querySelectorAll("canvas")) expect(canvas.ariaHidden).toBe("true");
});

test("the pointer is not followed by speech: actions, and a kernel that is busy, are all that is announced", async () => {
  await showAll(900);
  const live = shown.root.querySelectorAll('output, [aria-live], [role="status"]');
  expect([...live].map(({ className }) => className)).toEqual(["snb-busy-kernel", "snb-hidden"]);
});

test("names that others chose are text", async () => {
  for (const text of ["__proto__", ...PAYLOADS]) {
    shown?.scope.dispose();
    const panes = [level(text), ["mask", text, "mixture"], ["difference", text, "mixture"]] as const;
    const traits = { title: text, signals: [text, "mixture"], panes, notes: [text], table: [[text], [text]] };
    shown = new ShownSpectrogram(comparisonModel(traits, { frames: 4000 }));
    press(shown.home, "ArrowRight");
    await drawn();
    expect(shown.paneNames).toEqual([text, `mask of ${text}`, `${text} − mixture`]);
    expect(shown.one(".snb-title").textContent).toBe(text);
    expect(shown.root.querySelector("img, script, iframe, a, style, audio, math")).toBeNull();
  }
});

test("a song of one sample, or without signals, is shown too; panes of what is not there are not", async () => {
  for (const [traits, frames] of [
    [{}, 1],
    [{ signals: [] }, 4000],
    [{ panes: [level("nobody"), ["mask", "vocals", "nobody"]] as const }, 4000],
  ] as const) {
    shown?.scope.dispose();
    shown = new ShownSpectrogram(comparisonModel(traits, { frames }));
    for (const key of ["ArrowRight", "ArrowUp", "End", "+", "-", "0", "l", "b", "b"]) press(shown.home, key);
    await drawn();
    expect(shown.paneNames).toEqual(frames === 1 ? ["mixture", "vocals"] : []);
  }
  expect(shown.one(".snb-empty").textContent).toContain("no pane");
});
