import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { ModelRow, ModelsState } from "../../src/data/state";
import { ModelsSession, renderModels } from "../../src/ui/models";
import "../../src/ui/theme.css";
import "../../src/ui/controls.css";
import "../../src/ui/models.css";
import { PAYLOADS, View } from "../show";

const row = (name: string, more: Partial<ModelRow> = {}): ModelRow => ({
  name,
  stems: ["vocals", "accompaniment"],
  band_limit: 11025,
  weights: name,
  installed: false,
  size: null,
  download_size: 73_109_797,
  problem: null,
  ...more,
});

const TRAITS: ModelsState = {
  value: "two",
  models: [
    row("two", { installed: true, size: 79_000_000 }),
    row("wide", { weights: "shared", band_limit: 16537.5 }),
    row("four", { weights: "shared", download_size: null }),
  ],
  downloads: {},
  errors: {},
  estimates: {},
  duration: null,
  measuring: "",
};

let view: View<ModelsSession>;
const show = (traits: Partial<ModelsState> = {}, width = 860) => {
  const widget = { initialize: (...given: ConstructorParameters<typeof ModelsSession>) => new ModelsSession(...given) };
  view = new View({ ...widget, render: renderModels }, { ...TRAITS, ...traits }, width);
};
const texts = (selector: string) => [...view.root.querySelectorAll(selector)].map(({ textContent }) => textContent);
afterEach(() => {
  view.scope.dispose();
  document.body.removeAttribute("style");
});

test("shows which models there are, and which are here", () => {
  show();
  expect(texts(".snb-model-name")).toEqual(["two", "wide", "four"]);
  expect(texts(".snb-model-detail").slice(0, 2)).toEqual([
    "vocals, accompaniment · up to 11 kHz",
    "vocals, accompaniment · up to 16.5 kHz",
  ]);
  expect(texts(".snb-model-state")).toEqual(["installed, 79 MB", "not installed, 73 MB to fetch", "not installed"]);
  expect(view.one<HTMLInputElement>("input:checked").value).toBe("two");
  expect([view.button("Download two"), view.button("Download wide")?.textContent]).toEqual([null, "Download"]);
});

test("a model is chosen by keyboard", async () => {
  show();
  await userEvent.tab();
  expect(document.activeElement).toBe(view.one("input:checked"));
  await userEvent.keyboard("{ArrowDown}");
  expect(view.model.saved).toEqual([{ value: "wide" }]);
  view.model.change({ value: "four" });
  expect(view.one<HTMLInputElement>("input:checked").value).toBe("four");
  expect(view.one("[data-chosen=true] .snb-model-name").textContent).toBe("four");
});

test("a download is begun, watched and cancelled, in all models of its weights", async () => {
  show();
  view.button("Download wide")?.focus();
  await userEvent.keyboard("{Enter}");
  expect(view.model.sent.at(-1)?.content).toEqual({ type: "download_model", name: "wide" });
  view.model.change({ downloads: { shared: { fraction: null, message: "Trying the archive" } } });
  expect(texts(".snb-model-state").slice(1)).toEqual(["Trying the archive", "Trying the archive"]);
  expect(document.activeElement).toBe(view.button("Cancel the download of wide"));
  view.model.change({ downloads: { shared: { fraction: 0.416, message: "Trying the archive" } } });
  expect(texts(".snb-model-state").slice(1)).toEqual(["fetching: 42 %", "fetching: 42 %"]);
  expect(view.one("[aria-label='Download of wide']").getAttribute("aria-valuenow")).toBe("42");
  await userEvent.keyboard("{Enter}");
  expect(view.model.sent.at(-1)?.content).toEqual({ type: "cancel_download", name: "wide" });
  view.model.change({ downloads: {}, errors: { wide: "No source gave it.\nPut it there." } });
  expect(document.activeElement).toBe(view.one("input[value=wide]"));
  expect(view.text("[role=status]")).toBe("wide was not installed");
  expect(texts("[role=alert]")).toEqual(["", "No source gave it.\nPut it there.", ""]);
});

test("a download that ends well is told", () => {
  show({ downloads: { shared: { fraction: 1, message: "" } } });
  view.model.change({ models: TRAITS.models.map((one) => ({ ...one, installed: true })) });
  view.model.change({ downloads: {} });
  expect(view.text("[role=status]")).toBe("wide is installed");
});

test("the time of a song is told with what it is taken from", async () => {
  show({ duration: 240 });
  expect(texts(".snb-model-time")).toEqual(["time unknown until the first separation", "", ""]);
  view.button("Measure how fast two is here, with the demonstration song")?.focus();
  await userEvent.keyboard("{Enter}");
  expect(view.model.sent.at(-1)?.content).toEqual({ type: "measure_model", name: "two" });
  view.model.change({ measuring: "two" });
  expect(texts(".snb-model-time")[0]).toBe("measuring…");
  expect(document.activeElement).toBe(view.one("input[value=two]"));
  view.model.change({
    measuring: "",
    estimates: { two: { seconds: 12.3, basis: "measured" }, four: { seconds: 130, basis: "scaled" } },
  });
  expect(texts(".snb-model-time")).toEqual([
    "about 12 s for 4:00 of sound",
    "",
    "about 2 min 10 s for 4:00 of sound, from other models",
  ]);
  expect(view.button("Measure how fast two is here, with the demonstration song")).toBeNull();
  expect(view.text("[role=status]")).toBe("two was measured");
});

test("two views are two groups of radio buttons", () => {
  show();
  const other = new View({ initialize: () => view.shared, render: renderModels }, TRAITS);
  expect(view.one<HTMLInputElement>("input").name).not.toBe(other.one<HTMLInputElement>("input").name);
  expect(view.root.querySelectorAll("input:checked").length).toBe(1);
  other.scope.dispose();
});

test("names and messages are text", () => {
  for (const text of PAYLOADS) {
    show({
      models: [row(text, { stems: [text], problem: text })],
      value: text,
      downloads: Object.fromEntries([[text, { fraction: null, message: text }]]),
    });
    expect([texts(".snb-model-name"), texts(".snb-model-state"), texts("[role=alert]")]).toEqual([
      [text],
      [text],
      [text],
    ]);
    view.model.change({ errors: Object.fromEntries([[text, `${text}!`]]), downloads: {} });
    expect(texts("[role=alert]")).toEqual([`${text}!`]);
    expect(view.root.querySelector("img, script, iframe, svg, a, style, audio, details")).toBeNull();
    view.scope.dispose();
  }
});

for (const background of ["white", "rgb(20, 20, 20)"])
  test.each([360, 860])(`axe finds nothing on ${background}, %d pixels wide`, async (width) => {
    document.body.style.background = background;
    const downloads = { shared: { fraction: 0.4, message: "" } };
    show({ downloads, errors: { two: "It failed." }, duration: 100 }, width);
    const { violations } = await axe.run(view.root);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

test("every target is 24 pixels high at least", () => {
  show({ duration: 100 });
  for (const one of view.root.querySelectorAll("button, label")) {
    const { width, height } = one.getBoundingClientRect();
    if (width) expect([one.outerHTML, width >= 24 && height >= 24]).toEqual([one.outerHTML, true]);
  }
});

test("nothing is left when it goes", () => {
  show();
  view.scope.dispose();
  expect(view.model.listenerCount).toBe(0);
});
