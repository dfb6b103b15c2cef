import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { DeskState } from "../../src/data/state";
import { DeskSession, renderDesk } from "../../src/ui/desk";
import "../../src/ui/theme.css";
import "../../src/ui/controls.css";
import "../../src/ui/desk.css";
import { PAYLOADS, View } from "../show";

const TRAITS: DeskState = { precision: "float32", output_dir: "", songs: 0, running: 0, error: "" };

let view: View<DeskSession>;
const show = (traits: Partial<DeskState> = {}) => {
  const widget = { initialize: (...given: ConstructorParameters<typeof DeskSession>) => new DeskSession(...given) };
  view = new View({ ...widget, render: renderDesk }, { ...TRAITS, ...traits });
};
afterEach(() => {
  view.scope.dispose();
  document.body.removeAttribute("style");
});

test("buttons do what they say, when there is something to do", () => {
  show();
  expect([view.button("Separate")?.disabled, view.button("Cancel all separations")?.disabled]).toEqual([true, true]);
  view.button("Try the demonstration song")?.click();
  view.model.change({ songs: 3, running: 1 });
  view.button("Separate 3 songs")?.click();
  view.button("Cancel all separations")?.click();
  const sent = view.model.sent.map(({ content }) => content.type);
  expect(sent).toEqual(["try_demo", "separate_songs", "cancel_all"]);
});

test("options are set by keyboard, and shown as the kernel has them", async () => {
  show();
  const folder = view.one<HTMLInputElement>("input");
  await userEvent.type(folder, "stems b{Tab}");
  await userEvent.selectOptions(view.one<HTMLSelectElement>("select"), "bfloat16");
  expect(view.model.saved).toEqual([{ output_dir: "stems b" }, { precision: "bfloat16" }]);
  view.model.change({ output_dir: "", precision: "float32" });
  expect([folder.value, view.one<HTMLSelectElement>("select").value]).toEqual(["", "float32"]);
});

test("what is being typed stays when a job ends", () => {
  show({ output_dir: "old" });
  const folder = view.one<HTMLInputElement>("input");
  folder.value = "new";
  view.model.change({ running: 0, songs: 1 });
  expect(folder.value).toBe("new");
});

test("the focus stays when there is nothing more to cancel", async () => {
  show({ running: 1 });
  view.button("Cancel all separations")?.focus();
  await userEvent.keyboard("{Enter}");
  view.model.change({ running: 0 });
  expect(document.activeElement).toBe(view.button("Try the demonstration song"));
});

test("arrows in the list of precisions are not the notebook's", async () => {
  show();
  const heard: string[] = [];
  view.scope.listen(document, "keydown", (event: KeyboardEvent) => heard.push(event.key));
  view.one("select").focus();
  await userEvent.keyboard("{ArrowDown}{Escape}");
  expect(heard).toEqual(["Escape"]);
});

test("errors are text", () => {
  show();
  for (const text of PAYLOADS) {
    view.model.change({ error: text, output_dir: text });
    expect(view.text("[role=alert]")).toBe(text);
    expect(view.one<HTMLInputElement>("input").value).toBe(text);
    expect(view.root.querySelector("img, script, iframe, svg, a, style, audio, details")).toBeNull();
  }
});

for (const background of ["white", "rgb(20, 20, 20)"])
  test(`axe finds nothing on ${background}`, async () => {
    document.body.style.background = background;
    show({ songs: 1, running: 1, error: "That folder is elsewhere." });
    const { violations } = await axe.run(view.root);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
