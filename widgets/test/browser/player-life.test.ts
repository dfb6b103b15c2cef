import { expect, test } from "vitest";
import { page } from "../../src/afm/page";
import { lightnessOf, watchTheme } from "../../src/afm/theme";
import makePlayer from "../../src/entries/player";
import { noisySong } from "../audio";
import { collected } from "../collected";
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

test("a wait is told where one notices it, not at every seek", async () => {
  const shown = new Shown(playerModel(SONG, SIGNALS));
  await until(() => shown.session.loaded.every(Boolean));
  shown.named("Play").click();
  await until(() => shown.session.state === "playing");
  const told: (string | null)[] = [];
  const notice = shown.one(".snb-notice");
  const observer = new MutationObserver(() => told.push(notice.textContent));
  observer.observe(notice, { childList: true });
  for (const second of [3, 11, 17]) {
    shown.session.seek(second * RATE);
    await until(() => shown.session.position > second * RATE);
  }
  expect(told.filter(Boolean)).toEqual([]);
  shown.scope.dispose();
  const silent = new Shown(silentModel());
  silent.named("Play").click();
  await until(() => silent.one(".snb-notice").textContent === "Buffering…");
  silent.named("Pause").click();
  expect(silent.one(".snb-notice").textContent).toBe("");
  silent.scope.dispose();
});

test("sound that was taken away is brought back by a click, and the focus is not lost with its button", async () => {
  const shown = new Shown(playerModel(SONG, SIGNALS));
  shown.named("Play").click();
  await until(() => shown.session.state === "playing");
  const [context] = page().contexts.values() as Iterable<{ context: AudioContext }>;
  await context?.context.suspend();
  const enable = shown.named("Click to enable sound");
  await until(() => enable.checkVisibility());
  enable.focus();
  enable.click();
  await until(() => shown.session.state === "playing");
  expect(document.activeElement).toBe(shown.named("Pause"));
  expect(shown.named("Pause").tabIndex).toBe(0);
  shown.scope.dispose();
});

test("in a shadow tree, it is light or dark by what is around that", async () => {
  const host = document.createElement("div");
  host.style.backgroundColor = "oklch(0.2 0.02 250)";
  document.body.append(host);
  const tree = host.attachShadow({ mode: "open" });
  const shown = new Shown(silentModel());
  tree.append(shown.root);
  const watching = shown.scope.child();
  watchTheme(shown.root, watching);
  expect(shown.root.dataset.snbTheme).toBe("dark");
  host.style.setProperty("--vscode-editor-background", "white");
  shown.root.style.backgroundColor = "white";
  watchTheme(shown.root, watching);
  expect(shown.root.dataset.snbTheme).toBe("light");
  shown.scope.dispose();
  host.remove();
});

test.each([
  ["rgb(255, 255, 255)", 1],
  ["rgba(0, 0, 0, 0)", null],
  ["color(srgb 0 0 0)", 0],
  ["color(srgb 1 1 1 / 0.2)", null],
  ["oklch(0.2 1e-5 250)", 0.2],
  ["lab(50 0 0)", 0.5],
  ["", null],
])("%s has the lightness %d", (colour, lightness) => {
  if (lightness === null) expect(lightnessOf(colour)).toBeNull();
  else expect(lightnessOf(colour)).toBeCloseTo(lightness, 3);
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
