import { afterEach, beforeEach, expect, test } from "vitest";
import { page } from "../../src/afm/page";
import { Scope } from "../../src/afm/scope";
import { Session } from "../../src/audio/session";
import { noisySong, songOf } from "../audio";
import type { FakeModel } from "../fake-model";
import { playerModel, until } from "../player";
import { comparisonModel, RATE, ShownSpectrogram } from "../spectrogram";
import { drawn, mouse, press } from "../view";

const SONG = songOf(10 * RATE, 2, { chunkFrames: 5 * RATE });
const SIGNALS = noisySong(SONG.frames, 2);

let scope: Scope;
let shown: ShownSpectrogram | null = null;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  shown?.scope.dispose();
  shown = null;
  scope.dispose();
  expect([page().sessions.size, page().playing.size, page().engines.size]).toEqual([0, 0, 0]);
});

/** A player that is not shown. */
function player(link = "one", own = scope.child()): { session: Session; model: FakeModel; own: Scope } {
  const model = playerModel(SONG, SIGNALS, { link });
  return { session: new Session(model, own), model, own };
}

function show(link = "one"): ShownSpectrogram {
  shown = new ShownSpectrogram(comparisonModel({ link }));
  return shown;
}

/** Where the play head is drawn, as a share of a pane's width. */
function headAt(view: ShownSpectrogram): number {
  const over = view.one(".snb-marks");
  const canvas = over.querySelector("canvas") as HTMLCanvasElement;
  const lane = view.lane(0).getBoundingClientRect();
  const box = over.getBoundingClientRect();
  const scale = canvas.width / box.width;
  const y = Math.round((lane.top + lane.height / 2 - box.top) * scale);
  const left = Math.round((lane.left - box.left) * scale);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const { data, width } = context.getImageData(left, y, Math.round(lane.width * scale), 1);
  const colour = [0x5f, 0xf0, 0xff];
  const columns = Array.from({ length: width }, (_, x) => x).filter((x) =>
    colour.every((value, i) => Math.abs((data[4 * x + i] ?? 0) - value) < 3),
  );
  expect(columns).toHaveLength(2);
  return ((columns[0] ?? 0) + 1) / width;
}

test("a click goes there in the player; its play head is drawn; nothing of it without a player", async () => {
  const { session } = player();
  const view = show();
  mouse(view.lane(1), [0.25]);
  expect(session.position / RATE).toBeCloseTo(2.5, 1);
  await drawn();
  expect(headAt(view)).toBeCloseTo(0.25, 2);
  view.scope.dispose();
  const alone = show("another");
  await drawn();
  expect(() => headAt(alone)).toThrow();
  expect(alone.root.querySelector('[aria-label="Play"]')).toBeNull();
});

test("it plays although the player is not shown, and the play head is in step with the sound", async () => {
  const { session } = player();
  const view = show();
  press(view.home, " ");
  await until(() => session.state === "playing" && session.position > 0.3 * RATE);
  expect(view.named("Pause")).toBeTruthy();
  const late: number[] = [];
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    // Drawn in this frame, perhaps before this was called.
    late.push(session.position / RATE - headAt(view) * 10);
  }
  const pixel = 10 / view.lane(0).clientWidth;
  for (const seconds of late) expect(Math.abs(seconds)).toBeLessThan(0.02 + pixel);
  expect(Math.abs(late.reduce((sum, one) => sum + one, 0) / late.length)).toBeLessThan(0.02);
  press(view.home, " ");
  expect(session.state).toBe("paused");
});

test("the player's sound is asked for when it is played here, and not before; without a view it ends", async () => {
  const { session, model } = player();
  const view = show();
  mouse(view.lane(0), [0.25]);
  await view.sharp();
  expect(model.sentOf("hello")).toEqual([]);
  view.named("Play").click();
  await until(() => session.state === "playing");
  view.named("Pause").click();
  view.named("Play").click();
  await until(() => session.state === "playing");
  view.scope.dispose();
  expect(session.state).toBe("paused");
});

test("the region is the player's loop, both ways; Python tells the trait", async () => {
  const { model } = player();
  const view = show();
  mouse(view.lane(0), [0.5, 0.6, 0.75], { shiftKey: true });
  const loop = model.get("loop") as [number, number];
  expect(loop).toEqual([expect.closeTo(5, 1), expect.closeTo(7.5, 1)]);
  expect(view.model.get("region")).toBeNull();
  expect(view.named<HTMLInputElement>("Region start, minutes and seconds").value).toMatch(/^0:0[45]/);
  model.change({ loop: [1, 2] });
  expect(view.named<HTMLInputElement>("Region end, minutes and seconds").value).toBe("0:02.000");
  press(view.home, "l");
  expect(model.get("loop")).toBeNull();
  expect(view.named("Region").getAttribute("aria-pressed")).toBe("false");
  // As the player limits it.
  view.comparison.setRegion([9.999, 10.5]);
  expect(model.get("loop")).toEqual([expect.closeTo(9.95, 3), 10]);
});

test("[ and ] mark at the play head where there is no cross-hair", () => {
  const { session, model } = player();
  const view = show();
  session.seek(3 * RATE);
  press(view.home, "[");
  expect(model.get("loop")).toEqual([3, 10]);
  session.seek(4 * RATE);
  press(view.home, "]");
  expect(model.get("loop")).toEqual([3, 4]);
});

test("the view turns pages with the play head", async () => {
  const { session } = player();
  const view = show();
  press(view.home, "+");
  press(view.home, "+");
  session.seek(2.4 * RATE);
  await drawn();
  session.seek(6 * RATE);
  await drawn();
  expect(view.one(".snb-length").textContent).toBe(" / 0:10.000");
  expect(headAt(view)).toBeCloseTo(0.05, 1);
});

test("a player that comes later is found, one that goes is lost; its region stays its own", async () => {
  const view = show();
  view.model.change({ region: [2, 3] });
  const { own, model } = player();
  expect(view.named("Play")).toBeTruthy();
  expect(view.named("Region").getAttribute("aria-pressed")).toBe("false");
  model.change({ loop: [4, 5] });
  expect(view.named<HTMLInputElement>("Region start, minutes and seconds").value).toBe("0:04.000");
  view.named("Play").focus();
  own.dispose();
  expect(view.root.querySelector('[aria-label="Play"]')).toBeNull();
  expect(document.activeElement).toBe(view.home);
  expect(view.named<HTMLInputElement>("Region start, minutes and seconds").value).toBe("0:02.000");
  mouse(view.lane(0), [0.1, 0.2, 0.3], { shiftKey: true });
  expect(view.model.get("region")).toEqual([expect.closeTo(1, 1), expect.closeTo(3, 1)]);
});

test("a link that Python tells later is followed, and one that it takes away is left", () => {
  player();
  const view = show("");
  view.model.change({ link: "one" });
  expect(view.named("Play")).toBeTruthy();
  view.model.change({ link: "" });
  expect(view.root.querySelector('[aria-label="Play"]')).toBeNull();
});

test("without a link none is found, and a player without one is not to be found", () => {
  player("");
  const view = show("");
  expect(page().sessions.size).toBe(0);
  expect(view.root.querySelector('[aria-label="Play"]')).toBeNull();
});

test("a page that an earlier version made has what this one needs", () => {
  const holder = globalThis as unknown as Record<symbol, Record<string, unknown> | undefined>;
  const key = Symbol.for("spleeter_nb");
  const before = page();
  const playing = new Set();
  holder[key] = { playing };
  expect(page().playing).toBe(playing);
  expect(page().sessions.size).toBe(0);
  expect(page()).toBe(page());
  holder[key] = before as never;
});
