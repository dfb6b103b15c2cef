import axe from "axe-core";
import { afterEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { page as shared } from "../../src/afm/page";
import type { FilesState } from "../../src/data/state";
import { filesModel, ShownFiles, TREE, type Tree } from "../files";
import { press } from "../view";

let shown: ShownFiles;
afterEach(() => {
  shown.scope.dispose();
  document.body.removeAttribute("style");
  expect(shared().playing.size).toBe(0);
});

async function show(changes: Partial<FilesState> = {}, width = 900, tree: Tree = TREE): Promise<ShownFiles> {
  shown = new ShownFiles(filesModel(tree, changes), width);
  await vi.waitFor(() => expect(shown.names.length).toBeGreaterThan(0));
  return shown;
}

const UPLOADS: FilesState["uploads"] = [
  { id: "a", name: "here.wav", size: 1000, received: 1000, path: "/tmp/here.wav" },
  { id: "b", name: "half.wav", size: 1000, received: 400, path: "" },
];

for (const background of ["white", "black"])
  test.each([360, 1200])(`axe finds nothing on ${background}, %d pixels wide`, async (width) => {
    document.body.style.backgroundColor = background;
    await show({ value: ["/music/Bach.wav", "/music/gone.wav"], uploads: UPLOADS }, width);
    shown.session.uploads.add([new File(["sound"], "new.wav")]);
    shown.one<HTMLInputElement>("input[role=combobox]").focus();
    await userEvent.keyboard("B");
    await vi.waitFor(() => expect(shown.root.querySelectorAll("[role=option]").length).toBeGreaterThan(1));
    await vi.waitFor(() => expect(shown.root.querySelectorAll(".snb-upload-line").length).toBe(3));
    const { violations } = await axe.run(shown.root);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    expect(shown.root.scrollWidth).toBeLessThanOrEqual(width);
    for (const control of shown.root.querySelectorAll<HTMLElement>("button:not([hidden]), input, .snb-name")) {
      const { width: across, height } = control.getBoundingClientRect();
      if (across) expect(Math.min(across, height), control.outerHTML).toBeGreaterThanOrEqual(24);
    }
  });

test("a song is chosen and taken off with the mouse", async () => {
  await show();
  shown.cell("Bach.wav").click();
  shown.cell("Chopin.mp3").click();
  expect(shown.value).toEqual(["/music/Bach.wav", "/music/Chopin.mp3"]);
  expect(shown.cell("Bach.wav").closest("[role=row]")?.getAttribute("aria-selected")).toBe("true");
  await vi.waitFor(() => expect(shown.one(".snb-info").textContent).toBe("wav · Bach.wav"));
  shown.named("Take Bach.wav off").click();
  shown.cell("Chopin.mp3").click();
  expect(shown.value).toEqual([]);
  expect(shown.one(".snb-chips").hidden).toBe(true);
});

test("where one is wanted, another takes its place", async () => {
  await show({ multiple: false });
  shown.cell("Bach.wav").click();
  shown.cell("Chopin.mp3").click();
  expect(shown.value).toEqual(["/music/Chopin.mp3"]);
});

test("the list is used without a mouse", async () => {
  await show();
  shown.cell("album").focus();
  await userEvent.keyboard("{ArrowDown}{ArrowDown}{Enter}");
  expect(shown.value).toEqual(["/music/Bach.wav"]);
  await userEvent.keyboard("{ArrowDown} ");
  expect(shown.value).toEqual(["/music/Bach.wav", "/music/Brahms.flac"]);
  await userEvent.keyboard("{ArrowRight}");
  expect(document.activeElement).toBe(shown.named("Play Brahms.flac"));
  await userEvent.keyboard("{ArrowUp}");
  expect(document.activeElement).toBe(shown.named("Play Bach.wav"));
  await userEvent.keyboard("{ArrowLeft}{End}");
  expect(document.activeElement).toBe(shown.cell("Chopin.mp3"));
  await userEvent.keyboard("{ArrowDown}{Home}");
  expect(document.activeElement).toBe(shown.cell("album"));
  await userEvent.keyboard("b");
  expect(document.activeElement).toBe(shown.cell("Bach.wav"));
  await userEvent.keyboard("b");
  expect(document.activeElement).toBe(shown.cell("Brahms.flac"));
  // One stop in the order of Tab.
  expect(shown.root.querySelectorAll(".snb-grid [tabindex='0']").length).toBe(1);
});

test("folders are opened and left with keys, and the focus stays with the eye", async () => {
  await show();
  shown.cell("album").focus();
  await userEvent.keyboard("{Enter}");
  await vi.waitFor(() => expect(document.activeElement).toBe(shown.cell("track 0.mp3")));
  expect(shown.one("[role=grid]").getAttribute("aria-label")).toBe("album");
  await userEvent.keyboard("{Backspace}");
  await vi.waitFor(() => expect(document.activeElement).toBe(shown.cell("album")));
  await userEvent.keyboard("{ArrowDown}{Enter}");
  await vi.waitFor(() => expect(document.activeElement).toBe(shown.named("Up, to the folder above")));
  expect(shown.root.textContent).toContain("There are no songs here.");
  await userEvent.keyboard("{Enter}");
  await vi.waitFor(() => expect(document.activeElement).toBe(shown.cell("empty")));
  await userEvent.keyboard("{Backspace}");
  await vi.waitFor(() => expect(shown.names).toEqual(["/music"]));
  await userEvent.keyboard("{Backspace}{Enter}");
  await vi.waitFor(() => expect(shown.names).toContain("Bach.wav"));
});

test("a large folder comes in parts", async () => {
  await show();
  shown.cell("album").click();
  await vi.waitFor(() => expect(shown.names.length).toBe(200));
  expect(shown.root.textContent).toContain("200 of 250 are shown.");
  shown.named("Show more").click();
  await vi.waitFor(() => expect(shown.names.length).toBe(250));
  expect(document.activeElement).toBe(shown.cell("track 200.mp3"));
  expect(shown.named("Show more").hidden).toBe(true);
});

test("a path is typed, completed and chosen", async () => {
  await show();
  const input = shown.one<HTMLInputElement>("input[role=combobox]");
  input.focus();
  await userEvent.keyboard("Bra");
  await vi.waitFor(() => expect(input.getAttribute("aria-expanded")).toBe("true"));
  await userEvent.keyboard("{ArrowDown}");
  const marked = document.getElementById(input.getAttribute("aria-activedescendant") ?? "");
  expect([marked?.textContent, marked?.getAttribute("aria-selected")]).toEqual(["/music/Brahms.flac", "true"]);
  await userEvent.keyboard("{Enter}");
  expect(input.value).toBe("/music/Brahms.flac");
  await userEvent.keyboard("{Enter}");
  await vi.waitFor(() => expect(shown.value).toEqual(["/music/Brahms.flac"]));
  expect(input.value).toBe("");
  await userEvent.keyboard("nowhere{Enter}");
  await vi.waitFor(() => expect(shown.one(".snb-says").textContent).toBe("There is no file nowhere."));
  await userEvent.fill(input, "/music/album");
  await userEvent.keyboard("{Enter}");
  await vi.waitFor(() => expect(shown.names.length).toBe(200));
});

test("escape closes the completions, and is the notebook's when there are none", async () => {
  await show();
  const input = shown.one<HTMLInputElement>("input[role=combobox]");
  input.focus();
  await userEvent.keyboard("B");
  await vi.waitFor(() => expect(input.getAttribute("aria-expanded")).toBe("true"));
  const seen = vi.fn();
  shown.scope.listen(document, "keydown", seen);
  await userEvent.keyboard("{Escape}");
  expect([input.getAttribute("aria-expanded"), seen.mock.calls.length]).toEqual(["false", 0]);
  await userEvent.keyboard("{Escape}");
  expect(seen).toHaveBeenCalledTimes(1);
});

test("the notebook hears of no key that the list handles, and of all others", async () => {
  await show();
  const heard: string[] = [];
  shown.scope.listen(document, "keydown", (event: KeyboardEvent) => heard.push(event.key));
  for (const key of ["ArrowDown", "ArrowUp", " ", "Enter", "Home", "End", "b"]) press(shown.cell("Bach.wav"), key);
  expect(heard).toEqual([]);
  press(shown.cell("Bach.wav"), "Enter", { shiftKey: true });
  press(shown.cell("Bach.wav"), "s", { ctrlKey: true });
  press(shown.cell("Bach.wav"), "Tab");
  press(shown.cell("Bach.wav"), "Escape");
  expect(heard).toEqual(["Enter", "s", "Tab", "Escape"]);
  for (const cell of shown.root.querySelectorAll("button, input:not([hidden]), .snb-name"))
    expect(cell.hasAttribute("data-lm-suppress-shortcuts"), cell.outerHTML).toBe(true);
});

/** One second of silence as a WAV file. */
function wav(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + 16_000);
  const view = new DataView(bytes.buffer);
  for (const [at, text] of [
    [0, "RIFF"],
    [8, "WAVEfmt "],
    [36, "data"],
  ] as const)
    for (const [i, letter] of [...text].entries()) bytes[at + i] = letter.charCodeAt(0);
  for (const [at, value] of [
    [4, 16_036],
    [16, 16],
    [24, 8000],
    [28, 16_000],
    [40, 16_000],
  ] as const)
    view.setUint32(at, value, true);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    view.setUint16(at, value, true);
  return bytes;
}

test("one preview plays at a time, and stops what plays elsewhere", async () => {
  shown = new ShownFiles(filesModel(TREE, {}, wav()));
  await vi.waitFor(() => shown.cell("Bach.wav"));
  const other = { pause: vi.fn(() => void shared().playing.delete(other)) };
  shared().playing.add(other);
  shown.named("Play Bach.wav").click();
  await vi.waitFor(() => shown.named("Stop Bach.wav"));
  expect(other.pause).toHaveBeenCalledOnce();
  shown.named("Play Chopin.mp3").click();
  await vi.waitFor(() => shown.named("Stop Chopin.mp3"));
  shown.named("Play Bach.wav");
  await vi.waitFor(() => shown.named("Play Chopin.mp3"), 4000);
  shown.named("Play Bach.wav").click();
  shown.named("Stop Bach.wav").click();
  expect(shared().playing.size).toBe(0);
});

test("what cannot be played is said", async () => {
  await show();
  shown.named("Play Bach.wav").click();
  await vi.waitFor(() => expect(shown.one("[role=alert]").textContent).not.toBe(""));
  shown.named("Play Bach.wav");
});

test("uploads are shown: here, begun by a page that is gone, and under way", async () => {
  await show({ uploads: UPLOADS });
  const lines = () => [...shown.root.querySelectorAll(".snb-upload-line .snb-upload-text")].map((e) => e.textContent);
  expect(lines()).toEqual(["1 kB, uploaded", "40 % is here, choose the file again to go on"]);
  shown.named("Choose here.wav").click();
  expect(shown.value).toEqual(["/tmp/here.wav"]);
  expect(shown.named("Choose here.wav").hidden).toBe(true);
  shown.named("Delete the upload half.wav").click();
  expect(shown.model.sentOf("upload_remove").map(({ content }) => content.upload)).toEqual(["b"]);
  shown.named("Delete the upload half.wav").focus();
  shown.model.change({ uploads: UPLOADS.slice(0, 1) });
  await vi.waitFor(() => expect(lines()).toEqual(["1 kB, uploaded"]));
  expect(document.activeElement).toBe(shown.named("Upload files…"));
  shown.session.uploads.add([new File(["sound"], "new.wav")]);
  await vi.waitFor(() => expect(lines().at(-1)).toBe("0 bytes of 5 bytes"));
  shown.named("Cancel the upload of new.wav").click();
  await vi.waitFor(() => expect(lines()).toEqual(["1 kB, uploaded"]));
});

test("files are dropped anywhere on it, and the notebook does not get them", async () => {
  await show({ max_upload_bytes: 1e6 });
  expect(shown.one(".snb-drop").textContent).toContain("up to 1 MB each");
  const heard = vi.fn();
  shown.scope.listen(document, "drop", heard);
  const data = new DataTransfer();
  for (const name of ["one.wav", "two.wav"]) data.items.add(new File(["sound"], name));
  const target = shown.one(".snb-files");
  const drag = (type: string) =>
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  drag("dragover");
  expect(target.classList.contains("snb-dropping")).toBe(true);
  drag("dragleave");
  expect(target.classList.contains("snb-dropping")).toBe(false);
  drag("drop");
  expect(shown.session.uploads.uploads.map(({ file }) => file.name)).toEqual(["one.wav", "two.wav"]);
  expect(heard).not.toHaveBeenCalled();
  const text = new DataTransfer();
  text.setData("text/plain", "x");
  target.dispatchEvent(new DragEvent("drop", { dataTransfer: text, bubbles: true }));
  expect(heard).toHaveBeenCalledOnce();
});

test("a folder that cannot be read is said, and what was there stays", async () => {
  await show({}, 900, {
    "/music": [
      ["gone", null],
      ["Bach.wav", 1],
    ],
  });
  shown.cell("gone").click();
  await vi.waitFor(() => expect(shown.root.textContent).toContain("There is no folder /music/gone."));
  expect(shown.names).toEqual(["gone", "Bach.wav"]);
});

const PAYLOADS = [
  "<img src=x onerror=window.pwned=1>.wav",
  "<script>window.pwned=1</script>.wav",
  '"><svg onload=window.pwned=1>.wav',
  "javascript:window.pwned=1.wav",
  "' onmouseover='window.pwned=1.wav",
  "</li></ul><iframe src=javascript:window.pwned=1>.wav",
  "{{constructor.constructor('window.pwned=1')()}}.wav",
  "\u202egpj.exe.wav",
];

test("names are text wherever they are shown", async () => {
  const tree = { "/music": PAYLOADS.map((name) => [name, 1] as const) };
  const value = PAYLOADS.map((name) => `/music/${name}`);
  const uploads = PAYLOADS.map((name, i) => ({ id: `${i}`, name, size: 10, received: i, path: "" }));
  await show({ value, uploads }, 900, tree);
  shown.session.uploads.add(PAYLOADS.map((name) => new File(["sound"], name)));
  const input = shown.one<HTMLInputElement>("input[role=combobox]");
  input.focus();
  await userEvent.fill(input, "<");
  await vi.waitFor(() => expect(shown.root.querySelectorAll("[role=option]").length).toBeGreaterThan(1));
  await vi.waitFor(() => expect(shown.root.querySelectorAll(".snb-upload-line").length).toBe(2 * PAYLOADS.length));
  expect(shown.names).toEqual(PAYLOADS);
  expect(shown.root.querySelectorAll("img, script, iframe, svg[onload], [onmouseover], [onerror]").length).toBe(0);
  expect("pwned" in window).toBe(false);
});

test("nothing is left when it goes", async () => {
  await show({ value: ["/music/Bach.wav"], uploads: UPLOADS });
  shown.session.uploads.add([new File(["sound"], "new.wav")]);
  shown.scope.dispose();
  expect(shown.model.listenerCount).toBe(0);
  expect(shown.root.isConnected).toBe(false);
});
