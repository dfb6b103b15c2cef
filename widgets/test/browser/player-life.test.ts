import { expect, test } from "vitest";
import makePlayer from "../../src/entries/player";
import { noisySong } from "../audio";
import { playerModel, until } from "../player";
import { drawn, press, RATE, Shown, SONG, silentModel } from "../view";

const SIGNALS = noisySong(SONG.frames, 3);

test("it plays and shows it: button, time, slider, cursor; then it rests", async () => {
  const shown = new Shown(playerModel(SONG, SIGNALS));
  shown.named("Play").click();
  await until(() => shown.session.state === "playing");
  expect(shown.named("Pause")).toBeTruthy();
  await until(() => shown.session.position > RATE);
  await drawn();
  expect(shown.one(".snb-time").textContent).toMatch(/^0:01\.\d{3}$/);
  expect(Number(shown.named<HTMLInputElement>("Position").value)).toBeGreaterThan(RATE / 2);
  shown.named("Pause").click();
  expect(shown.named("Play")).toBeTruthy();
  shown.scope.dispose();
});

test("the view turns pages with the play head, unless it is not to follow", async () => {
  const shown = new Shown(silentModel());
  press(shown.named("Position"), "+");
  press(shown.named("Position"), "+");
  shown.session.seek(6 * RATE);
  await drawn();
  expect(inView(shown)).toBeGreaterThan(5);
  shown.named("Follow the play head").click();
  shown.session.seek(0);
  await drawn();
  expect(inView(shown)).toBeGreaterThan(5);
  shown.scope.dispose();
});

/** Seconds at the left edge of the view. */
function inView(shown: Shown): number {
  const { left } = shown.lane(0).getBoundingClientRect();
  shown.lane(0).dispatchEvent(new PointerEvent("pointermove", { clientX: left, bubbles: true }));
  return Number(shown.one(".snb-tip").textContent?.slice(2));
}

test("views that were closed leave no listener and no element behind", async () => {
  const refs: WeakRef<object>[] = [];
  const model = silentModel();
  const player = makePlayer();
  const end = player.initialize({ model });
  const before = model.listenerCount;
  const show = async () => {
    const el = document.createElement("div");
    document.body.append(el);
    const close = player.render({ model, el });
    await drawn();
    refs.push(new WeakRef(el.firstElementChild as Element));
    close();
    expect(el.childElementCount).toBe(0);
    el.remove();
  };
  for (let i = 0; i < 10; i++) await show();
  expect(model.listenerCount).toBe(before);
  end();
  expect(model.listenerCount).toBe(0);
  await collected(refs);
});

async function collected(refs: readonly WeakRef<object>[]): Promise<void> {
  const { gc } = globalThis as unknown as { gc: () => void };
  await until(() => {
    gc();
    // The last one may be held by what the engine remembers of the last event.
    return refs.filter((ref) => ref.deref()).length <= 1;
  }, 10_000);
}
