import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { page } from "../../src/afm/page";
import { Scope } from "../../src/afm/scope";
import { Session, type SessionEvent } from "../../src/audio/session";
import { noisySong, songOf } from "../audio";
import { FakeModel } from "../fake-model";
import { playerKernel, traitsOf } from "../player";

const song = songOf(1000, 2, { chunkFrames: 100 });
let model: FakeModel;
let scope: Scope;
let session: Session;
const heard: SessionEvent[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel(traitsOf(song));
  scope = new Scope();
  session = new Session(model, scope);
  heard.length = 0;
  for (const event of ["state", "position", "mix", "peaks", "loaded"] as const)
    session.on(event, () => heard.push(event), scope);
});

afterEach(() => {
  scope.dispose();
  expect([model.listenerCount, page().playing.size]).toEqual([0, 0]);
  vi.useRealTimers();
});

const hellos = () => model.sentOf("hello").map(({ content }) => content);
const positions = () => model.sentOf("position").map(({ content }) => content);
const chunk = (signal: number, number: number) =>
  model.receive({ type: "chunk", signal, chunk: number, part: 0, parts: 1 } as never, [new ArrayBuffer(8)]);
const chunks = (numbers: readonly number[]) => {
  for (const number of numbers) for (const signal of [0, 1, 2]) chunk(signal, number);
};
const peaks = () => {
  for (const signal of [0, 1, 2])
    model.receive({ type: "peaks", signal, samples_per_bin: 50, full_scale: 1 } as never, [new Int8Array(40).fill(7)]);
};
const sentAll = () => model.receive({ type: "sent_all" });
const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe("asking", () => {
  test("is not done before a view is there, and once for all views", () => {
    expect(model.sent).toEqual([]);
    session.attach(scope.child());
    session.attach(scope.child());
    expect(hellos()).toEqual([{ type: "hello", frame: 0, has_peaks: false, held: [] }]);
  });

  // The kernel's bins of 256 samples are coarser than this short song's overview, which is kept.
  test("brings everything, and is then over", async () => {
    model.kernel = playerKernel(song, noisySong(1000, 2));
    session.attach(scope.child());
    await vi.advanceTimersByTimeAsync(100_000);
    expect(session.loaded).toEqual(new Array(10).fill(true));
    expect([session.peaks(0).finest, session.peaks(2).read(0, 512, 1)[1]]).toEqual([100, 0]);
    expect(hellos().length).toBe(1);
  });

  test("is done again for what was lost, and for that only", () => {
    session.attach(scope.child());
    peaks();
    chunks([0, 1, 2, 6, 7]);
    chunk(0, 4);
    sentAll();
    expect(hellos().at(-1)).toEqual({
      type: "hello",
      frame: 0,
      has_peaks: true,
      held: [
        [0, 3],
        [6, 8],
      ],
    });
    chunks([3, 4, 5, 8, 9]);
    sentAll();
    expect([hellos().length, session.loaded.every(Boolean)]).toEqual([2, true]);
  });

  test("is given up where nothing comes, until a view is shown again", () => {
    const view = scope.child();
    session.attach(view);
    for (let i = 0; i < 10; i++) sentAll();
    expect(hellos().length).toBe(4);
    view.dispose();
    session.attach(scope.child());
    expect(hellos().length).toBe(5);
  });

  test("that fails says why, and is done again by a click", () => {
    const view = scope.child();
    session.attach(view);
    peaks();
    chunks([0]);
    model.receive({ type: "failure", id: null, message: "The sound cannot be sent: gone", error: "OSError" } as never);
    vi.advanceTimersByTime(60_000);
    expect([session.error, heard.at(-1), hellos().length]).toEqual(["The sound cannot be sent: gone", "state", 1]);
    session.attach(scope.child());
    expect(hellos().at(-1)).toMatchObject({ held: [[0, 1]] });
  });

  test("is not done again while a busy kernel has not begun, and is when one falls silent in the middle", () => {
    session.attach(scope.child());
    vi.advanceTimersByTime(600_000);
    expect(hellos().length).toBe(1);
    peaks();
    chunks([0]);
    vi.advanceTimersByTime(9_000);
    chunks([1]);
    vi.advanceTimersByTime(9_000);
    expect(hellos().length).toBe(1);
    vi.advanceTimersByTime(2_000);
    expect(hellos().at(-1)).toMatchObject({ held: [[0, 2]] });
  });

  test("is done once for a drag to sound that is not here, while the kernel sends", () => {
    session.attach(scope.child());
    peaks();
    chunks([0, 1]);
    for (const frame of [150, 300, 500, 750]) {
      session.seek(frame);
      vi.advanceTimersByTime(20);
    }
    vi.advanceTimersByTime(1000);
    expect(hellos().slice(1)).toEqual([{ type: "hello", frame: 750, has_peaks: true, held: [[0, 2]] }]);
    chunks(ALL);
    sentAll();
    session.seek(10);
    vi.advanceTimersByTime(1000);
    expect(hellos().length).toBe(2);
  });

  test("begins anew a minute after the last view has gone, and what comes meanwhile is dropped", () => {
    const view = scope.child();
    session.attach(view);
    peaks();
    chunks([0, 1]);
    view.dispose();
    vi.advanceTimersByTime(59_000);
    const second = scope.child();
    session.attach(second);
    vi.advanceTimersByTime(5_000);
    expect(session.loaded[0]).toBe(true);
    second.dispose();
    vi.advanceTimersByTime(61_000);
    chunks([5]);
    expect(session.loaded).toEqual(new Array(10).fill(false));
    session.attach(scope.child());
    expect(hellos().at(-1)).toEqual({ type: "hello", frame: 0, has_peaks: true, held: [] });
  });
});

describe("what happens is told", () => {
  test("of peaks and sound", () => {
    const view = scope.child();
    session.attach(view);
    peaks();
    chunks([3]);
    expect(heard).toEqual(["peaks", "peaks", "peaks", "loaded"]);
    expect([session.peaks(1).finest, ...session.peaks(1).read(0, 100, 1)]).toEqual([50, 7, 7]);
  });

  test("of the mixer, whoever changes it", () => {
    session.model.set({ soloed: "stem 1" });
    model.change({ muted: ["stem 0"] });
    model.change({ loop: [0, 0.01] });
    expect(heard).toEqual(["mix", "mix", "mix"]);
  });

  test("of the position to Python, 4 times a second at most, the last one in any case", () => {
    for (let frame = 0; frame < 1000; frame += 10) {
      session.seek(frame);
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(1000);
    expect(positions().length).toBeLessThanOrEqual(5);
    expect(positions().at(-1)).toEqual({ type: "position", frame: 990, playing: false });
  });
});

test("a seek stays within the song", () => {
  session.seek(-5);
  expect(session.position).toBe(0);
  session.seek(1e9);
  expect(session.position).toBe(1000);
});

test("whoever is beyond the end of a new loop goes to its start", () => {
  const seconds = (frame: number) => frame / song.sampleRate;
  const long = new FakeModel(traitsOf({ ...song, frames: 100_000, chunkFrames: 10_000 }));
  const looped = new Session(long, scope.child());
  for (const [position, expected] of [
    [5_000, 5_000],
    [45_000, 45_000],
    [60_000, 40_000],
  ] as const) {
    looped.seek(position);
    long.change({ loop: null });
    long.change({ loop: [seconds(40_000), seconds(50_000)] });
    expect(looped.position).toBe(expected);
  }
  long.change({ loop: [seconds(10), seconds(20)] });
  expect(looped.position).toBe(40_000);
});

test("hostile messages change nothing", () => {
  session.attach(scope.child());
  for (const signal of [-1, 3, 1e9, Number.NaN]) {
    chunk(signal, 0);
    model.receive({ type: "peaks", signal, samples_per_bin: 1, full_scale: 1 } as never, [new ArrayBuffer(8)]);
  }
  model.receive({ type: "chunk", signal: 0, chunk: 0, part: 0, parts: 1 } as never);
  model.receive({ type: "peaks", signal: 0, samples_per_bin: 0, full_scale: 1 } as never, [new ArrayBuffer(8)]);
  expect([session.loaded.some(Boolean), session.peaks(0).finest]).toEqual([false, 100]);
});

test("a kernel that is gone takes nothing with it", () => {
  model.send = () => {
    throw new Error("Cannot send");
  };
  session.attach(scope.child());
  session.seek(300);
  expect(session.position).toBe(300);
});

test("there is no signal beyond the mixture", () => {
  expect(() => session.peaks(3)).toThrow("There is no signal 3; there are 3.");
});

test("samples that are not here are null", async () => {
  expect(await session.samples(0, 0, 100)).toBe(null);
});

test("where sound cannot be had at all, that is told and nothing thrown", async () => {
  session.attach(scope.child());
  await session.play();
  expect([session.state, session.error]).toEqual(["paused", expect.stringContaining("AudioContext")]);
});

test("Python's commands without a view start no sound", () => {
  model.receive({ type: "transport", action: "play", frame: 70 } as never);
  expect([session.state, session.position, page().playing.size]).toEqual(["paused", 70, 0]);
});
