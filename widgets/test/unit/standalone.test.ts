import { afterEach, expect, test, vi } from "vitest";
import { Scope } from "../../src/afm/scope";
import { PageModel } from "../../src/afm/standalone";

const STATE = { title: "</script> & co", chunk_frames: 10, overview: btoa("\u0001\u0002"), muted: [] };
const scope = new Scope();
afterEach(() => document.body.replaceChildren());

function script(attributes: Record<string, string>, text: string): HTMLElement {
  const made = document.createElement("script");
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function model(): PageModel {
  const data = JSON.stringify({ state: STATE }).replaceAll("<", "\\u003c");
  const audio = (signal: number, chunk: number) =>
    script({ type: "x", "data-signal": `${signal}`, "data-chunk": `${chunk}` }, btoa(`${signal}/${chunk}`));
  document.body.append(
    script({ type: "application/json", id: "snb-data" }, data),
    script(
      { type: "x", "data-signal": "0", "data-samples-per-bin": "256", "data-full-scale": "2" },
      `\n${btoa("p")}\n`,
    ),
    ...[0, 1, 2].flatMap((chunk) => [audio(0, chunk), audio(1, chunk)]),
  );
  return new PageModel(document, scope);
}

async function answersTo(page: PageModel, hello: object): Promise<[Record<string, unknown>, string[]][]> {
  const got: [Record<string, unknown>, string[]][] = [];
  page.on("msg:custom", (content: Record<string, unknown>, buffers: ArrayBuffer[]) => {
    got.push([content, buffers.map((buffer) => String.fromCharCode(...new Uint8Array(buffer)))]);
  });
  page.send({ type: "hello", ...hello });
  await vi.waitUntil(() => got.at(-1)?.[0].type === "sent_all");
  return got;
}

test("state comes from the page, bytes as bytes", () => {
  const page = model();
  expect(page.get("title")).toBe("</script> & co");
  expect((page.get("overview") as DataView).getInt8(1)).toBe(2);
});

test("hello is answered with peaks and every chunk, from the position on", async () => {
  const got = await answersTo(model(), { frame: 15, has_peaks: false, held: [] });
  expect(got[0]).toEqual([{ type: "peaks", signal: 0, samples_per_bin: 256, full_scale: 2 }, ["p"]]);
  expect(got.slice(1, -1).map(([, [text]]) => text)).toEqual(["0/1", "1/1", "0/2", "1/2", "0/0", "1/0"]);
});

test("what is held is not sent again", async () => {
  const got = await answersTo(model(), { frame: 0, has_peaks: true, held: [[0, 2]] });
  expect(got.slice(0, -1).map(([, [text]]) => text)).toEqual(["0/2", "1/2"]);
});

test("changes are told of until the listener leaves", () => {
  const page = model();
  const changed = vi.fn();
  page.on("change:muted", changed);
  page.set("muted", ["a"]);
  page.save_changes();
  page.off("change:muted", changed);
  page.set("muted", []);
  expect(changed).toHaveBeenCalledOnce();
});
