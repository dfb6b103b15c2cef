import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { JobState } from "../../src/data/state";
import { JobSession, renderJob } from "../../src/ui/job";
import "../../src/ui/theme.css";
import "../../src/ui/controls.css";
import "../../src/ui/job.css";
import { PAYLOADS, View } from "../show";

const RUNNING: JobState = {
  title: "song.wav",
  model: "spleeter:2stems",
  state: "running",
  stage: "separate",
  fraction: 0.25,
  elapsed: 3,
  remaining: 9,
  message: "",
  x_realtime: null,
  cache_level: "",
  error: "",
  error_class: "",
  removable: false,
};

let view: View<JobSession>;
const show = (traits: Partial<JobState> = {}) => {
  const widget = { initialize: (...given: ConstructorParameters<typeof JobSession>) => new JobSession(...given) };
  view = new View({ ...widget, render: renderJob }, { ...RUNNING, ...traits });
};
afterEach(() => {
  view.scope.dispose();
  document.body.removeAttribute("style");
});

test("shows how far a job is, and for how long it goes on", () => {
  show();
  const bar = view.one("[role=progressbar]");
  expect([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-valuetext")]).toEqual(["25", "Separating"]);
  expect(view.text(".snb-job-stage")).toBe("Separating");
  expect(view.text(".snb-job-times")).toBe("25 % · 3 s · about 9 s left");
  view.model.change({ stage: "load", fraction: null, remaining: null, elapsed: 4 });
  expect(bar.hasAttribute("aria-valuenow")).toBe(false);
  expect(view.text(".snb-job-stage")).toBe("Loading the model");
  expect(view.text(".snb-job-times")).toBe("4 s");
  view.model.change({ stage: "download", message: "Trying the archive", fraction: 0.5 });
  expect(view.text(".snb-job-stage")).toBe("Trying the archive");
});

test("the time goes on between what the kernel tells", async () => {
  show({ remaining: null, fraction: null });
  await expect.poll(() => view.text(".snb-job-times"), { timeout: 5000 }).toBe("4 s");
});

test.each([
  [{ state: "done", elapsed: 2.345, x_realtime: 24.4 }, "Done, 24 × real time", "in 2.3 s"],
  [{ state: "done", elapsed: 0.04, cache_level: "disk" }, "Done, taken from the cache (disk)", "in 0.0 s"],
  [{ state: "done", elapsed: 75 }, "Done, the stems were there already", "in 1 min 15 s"],
  [{ state: "cancelled", elapsed: 3.1 }, "Cancelled", "in 3.1 s"],
  [{ state: "cancelled", elapsed: 0 }, "Cancelled", ""],
  [{ state: "failed", error: "No sound.", error_class: "EmptyAudioError" }, "Failed: EmptyAudioError", ""],
] as const)("shows the end: %o", (end, text, times) => {
  show();
  view.model.change({ remaining: null, ...end });
  expect([view.text(".snb-job-stage"), view.text(".snb-job-times")]).toEqual([text, times]);
  expect(view.one(".snb-job").dataset.state).toBe(end.state);
  expect(view.text("[role=status]")).toBe(`song.wav: ${text}`);
  expect(view.text("[role=alert]")).toBe("error" in end ? end.error : "");
  expect(view.button("Cancel the separation of song.wav")).toBeNull();
});

test("cancels and removes by keyboard, and the focus stays", async () => {
  show({ removable: true });
  expect(view.button("Remove song.wav")).toBeNull();
  await userEvent.tab();
  await userEvent.keyboard("{Enter}");
  expect(view.model.sent.map(({ content }) => content)).toEqual([{ type: "cancel_job" }]);
  view.model.change({ state: "cancelled" });
  expect(document.activeElement).toBe(view.one(".snb-job"));
  await userEvent.tab();
  await userEvent.keyboard(" ");
  expect(view.model.sent.at(-1)?.content).toEqual({ type: "remove_job" });
});

test("keys of the buttons are not the notebook's, all others are", async () => {
  show();
  const heard: string[] = [];
  view.scope.listen(document, "keydown", (event: KeyboardEvent) => heard.push(event.key));
  await userEvent.tab();
  await userEvent.keyboard("{Enter} b{Escape}{Shift>}{Enter}{/Shift}");
  expect(heard).toEqual(["Tab", "b", "Escape", "Shift", "Enter"]);
  expect(view.one("button").hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
});

test("names and messages are text", () => {
  for (const text of PAYLOADS) {
    show({ title: text, model: text, stage: text, message: text });
    expect(view.text(".snb-job-title")).toBe(text + text);
    expect(view.text(".snb-job-stage")).toBe(text);
    view.model.change({ state: "failed", error: text, error_class: text });
    expect(view.text("[role=alert]")).toBe(text);
    expect(view.text("[role=status]")).toContain(text);
    expect(view.root.querySelector("img, script, iframe, svg, a, style, audio, details, input")).toBeNull();
    view.scope.dispose();
  }
  expect(PAYLOADS.length).toBeGreaterThanOrEqual(60);
});

for (const background of ["white", "rgb(20, 20, 20)"])
  test(`axe finds nothing on ${background}`, async () => {
    document.body.style.background = background;
    for (const state of ["running", "failed", "done"] as const) {
      show({ state, error: "No sound.", error_class: "EmptyAudioError", removable: true });
      const { violations } = await axe.run(view.root);
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      view.scope.dispose();
    }
  });

test("nothing is left when it goes", () => {
  show();
  view.scope.dispose();
  expect(view.model.listenerCount).toBe(0);
  expect(view.root.isConnected).toBe(false);
});
