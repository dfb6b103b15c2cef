import { afterEach, expect, test, vi } from "vitest";
import { page } from "../../src/afm/page";
import { Scope } from "../../src/afm/scope";
import type { Engine } from "../../src/audio/engine";
import { Session } from "../../src/audio/session";
import { noisySong, songOf } from "../audio";
import { collected } from "../collected";
import type { FakeModel } from "../fake-model";
import { playerModel, until } from "../player";

const song = songOf(4 * 44_100, 2);
const signals = noisySong(song.frames, 2);
let scope = new Scope();

afterEach(() => {
  vi.useRealTimers();
  scope.dispose();
  scope = new Scope();
  expect([page().contexts.size, page().engines.size, page().playing.size]).toEqual([0, 0, 0]);
});

interface Shown {
  session: Session;
  model: FakeModel;
  view: Scope;
}

async function show(changes = {}): Promise<Shown> {
  const model = playerModel(song, signals, changes);
  const own = scope.child();
  const session = new Session(model, own);
  const view = own.child();
  session.attach(view);
  await until(() => session.loaded.every(Boolean));
  return { session, model, view };
}

const engineOf = () => [...page().engines].at(-1) as Engine;
const positions = (model: FakeModel) => model.sentOf("position").map(({ content }) => content);

test("it plays: the position goes on, the sound is not silent, Python hears of it 4 times a second at most", async () => {
  const { session, model } = await show();
  await session.play();
  await until(() => session.position > 44_100);
  expect(session.state).toBe("playing");
  expect(engineOf().level()).toBeGreaterThan(0.05);
  const told = positions(model).length;
  expect(told).toBeGreaterThan(2);
  expect(told).toBeLessThan(8);
  session.pause();
  expect(positions(model).at(-1)).toMatchObject({ frame: session.position, playing: false });
  const { position } = session;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(session.position).toBe(position);
});

test("the position runs as fast as time", async () => {
  const { session } = await show();
  await session.play();
  await until(() => session.position > 4_410);
  const [frame, time] = [session.position, performance.now()];
  await until(() => session.position > frame + 66_150);
  const seconds = (performance.now() - time) / 1000;
  expect(Math.abs((session.position - frame) / 44_100 - seconds)).toBeLessThan(0.08);
});

test("a cursor that is dragged while it plays is told of 4 times a second at most", async () => {
  const { session, model } = await show();
  await session.play();
  await until(() => session.state === "playing");
  const before = positions(model).length;
  const begin = performance.now();
  for (let frame = 0; performance.now() - begin < 600; frame += 100) {
    session.seek(frame);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(positions(model).length - before).toBeLessThanOrEqual(4);
});

test("at the end it stops, and begins again from the start", async () => {
  const { session, model } = await show();
  session.seek(song.frames - 4_410);
  await session.play();
  await until(() => session.state === "paused");
  expect(session.position).toBe(song.frames);
  expect(positions(model).at(-1)).toMatchObject({ frame: song.frames, playing: false });
  await session.play();
  await until(() => session.state === "playing");
  expect(session.position).toBeLessThan(22_050);
});

test("who begins to play stops the other one, and both use one context", async () => {
  const [one, two] = [await show(), await show()];
  await one.session.play();
  await until(() => one.session.state === "playing");
  await two.session.play();
  await until(() => two.session.state === "playing");
  expect([one.session.state, page().contexts.size, page().engines.size]).toEqual(["paused", 1, 2]);
});

test("two views follow one clock; with the last one gone sound stops", async () => {
  const { session, view } = await show();
  const second = scope.child();
  session.attach(second);
  await session.play();
  await until(() => session.state === "playing");
  view.dispose();
  expect(session.state).toBe("playing");
  second.dispose();
  expect(session.state).toBe("paused");
});

test("Python plays, seeks and pauses", async () => {
  const { session, model } = await show();
  model.receive({ type: "transport", action: "play", frame: 44_100 } as never);
  await until(() => session.state === "playing");
  expect(session.position).toBeGreaterThanOrEqual(44_100);
  model.receive({ type: "transport", action: "pause", frame: null } as never);
  expect(session.state).toBe("paused");
  model.receive({ type: "transport", action: "seek", frame: 100 } as never);
  expect(session.position).toBe(100);
});

test("the traits reach the engine, whoever changes them", async () => {
  const { session, model } = await show({ loop: [1, 1.5], speed: 2 });
  session.seek(50_000);
  await session.play();
  await until(() => session.position > 50_000);
  const from = performance.now();
  const seen: number[] = [];
  await until(() => seen.push(session.position) > 0 && performance.now() - from > 600);
  expect([Math.min(...seen) >= 44_100, Math.max(...seen) <= 66_150]).toEqual([true, true]);
  model.change({ muted: song.stems });
  await until(() => engineOf().level() === 0);
  session.model.set({ original: true });
  await until(() => engineOf().level() > 0.05);
});

test("sound that is not here yet is waited for", async () => {
  const { session, model, view } = await show();
  const { kernel } = model;
  view.dispose();
  const late = new Session(playerModel(song, signals), scope.child());
  const lateModel = late.model.any as FakeModel;
  lateModel.kernel = null;
  late.attach(scope.child());
  await late.play();
  expect(late.state).toBe("buffering");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([late.state, late.position]).toEqual(["buffering", 0]);
  kernel?.(lateModel.sentOf("hello")[0]?.content as never, lateModel, []);
  await until(() => late.state === "playing");
  expect(session.state).toBe("paused");
});

test("after 30 s of silence the context sleeps and decoded sound is dropped; play wakes it", async () => {
  const { session } = await show();
  await session.play();
  await until(() => session.state === "playing");
  const engine = engineOf();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  session.pause();
  vi.advanceTimersByTime(30_001);
  vi.useRealTimers();
  await until(() => engine.context.state === "suspended");
  await until(() => engine.decodedBytes === 0);
  await session.play();
  await until(() => session.state === "playing");
});

test("a minute after the last view has gone all audio is dropped, and asked for again when one is shown", async () => {
  const { session, model, view } = await show();
  await session.play();
  await until(() => session.state === "playing");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  view.dispose();
  const { position } = session;
  vi.advanceTimersByTime(60_001);
  vi.useRealTimers();
  expect([page().engines.size, page().contexts.size, session.loaded.some(Boolean)]).toEqual([0, 0, false]);
  expect(session.position).toBe(position);
  session.attach(scope.child());
  await until(() => session.loaded.every(Boolean));
  expect(model.sentOf("hello").at(-1)?.content).toMatchObject({ has_peaks: true, held: [], frame: position });
});

test("samples are those of the song, across chunks, with its full scale", async () => {
  const loud = { ...song, fullScale: 2 };
  const session = new Session(playerModel(loud, signals), scope.child());
  session.attach(scope.child());
  await until(() => session.loaded.every(Boolean));
  const sound = await session.samples(1, 22_000, 66_200);
  const expected = signals[1]?.[1].slice(22_000, 66_200).map((value) => value * 2);
  expect(sound?.right).toEqual(expected);
});

test("sound leaves through an audio element where that is wanted", async () => {
  const { session } = await show();
  session.isElement = true;
  await session.play();
  await until(() => session.position > 11_025);
  expect([session.isElement, engineOf().level() > 0.05]).toEqual([true, true]);
  session.isElement = false;
  await until(() => session.position > 22_050);
});

test("what interrupts the sound pauses it, and it goes on where it was", async () => {
  const { session, model } = await show();
  await session.play();
  await until(() => session.position > 11_025);
  const context = engineOf().context as AudioContext;
  await context.suspend();
  await until(() => session.state === "blocked");
  expect(positions(model).at(-1)).toMatchObject({ playing: false });
  const { position } = session;
  await context.resume();
  await until(() => session.state === "playing");
  expect(session.position - position).toBeLessThan(11_025);
  await context.suspend();
  await until(() => session.state === "blocked");
  await session.toggle();
  await until(() => session.position > position + 11_025);
});

test("a loop that is set right before the play head holds it", async () => {
  const { session } = await show();
  await session.play();
  await until(() => session.position > 22_050);
  const stop = session.position / 44_100 + 0.01;
  session.model.set({ loop: [stop - 0.4, stop] });
  const from = performance.now();
  await until(() => performance.now() - from > 600);
  expect(session.position).toBeLessThan(stop * 44_100);
});

test("a rate that no context has is told, not thrown", async () => {
  const session = new Session(playerModel(song, signals, { sample_rate: 1 }), scope.child());
  session.attach(scope.child());
  await session.play();
  expect([session.state, session.error !== null]).toEqual(["paused", true]);
  session.error = null;
  session.isElement = true;
  expect(session.error).not.toBeNull();
});

test("50 players that played and went leave nothing alive", async () => {
  const gone: WeakRef<object>[] = [];
  const once = async () => {
    const own = new Scope();
    const session = new Session(playerModel(song, signals), own);
    session.attach(own.child());
    await until(() => session.loaded.every(Boolean));
    await session.play();
    await until(() => session.state === "playing");
    const engine = engineOf();
    const alive = [session, session.model.any, engine, engine.mixer, engine.context, engine.mixer.inputs[0] ?? engine];
    for (const thing of alive) gone.push(new WeakRef(thing));
    own.dispose();
  };
  for (let i = 0; i < 50; i++) await once();
  await collected(gone);
}, 60_000);
