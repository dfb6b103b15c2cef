import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { drawn, mouse, press, RATE, Shown, silentModel } from "../view";

let shown: Shown;
beforeEach(async () => {
  shown = new Shown(silentModel());
});
afterEach(() => shown.scope.dispose());

const seconds = () => shown.session.position / RATE;
const loop = () => shown.mix.loop?.map((edge) => Math.round(edge * 10) / 10);

function wheel(box: Element, init: WheelEventInit): WheelEvent {
  const { left, width, top } = box.getBoundingClientRect();
  const place = { clientX: left + width / 2, clientY: top + 5, bubbles: true, cancelable: true };
  const event = new WheelEvent("wheel", { ...place, ...init });
  box.dispatchEvent(event);
  return event;
}

/** Seconds at the left edge of the view, read off by a click there. */
function firstInView(): number {
  mouse(shown.lane(0), [0]);
  return seconds();
}

test("a click goes there", () => {
  mouse(shown.lane(1), [0.25]);
  expect(seconds()).toBeCloseTo(5, 1);
  mouse(shown.one(".snb-ruler"), [0.5]);
  expect(seconds()).toBeCloseTo(10, 1);
});

test("Shift and drag mark a loop, on the time axis a drag does; either way round", () => {
  mouse(shown.lane(0), [0.5, 0.6, 0.75], { shiftKey: true });
  expect(loop()).toEqual([10, 15]);
  mouse(shown.one(".snb-ruler"), [0.4, 0.3, 0.1]);
  expect(loop()).toEqual([2, 8]);
  expect(seconds()).toBe(0);
});

test("edges of the loop can be dragged, also over each other", () => {
  shown.model.change({ loop: [5, 10] });
  mouse(shown.lane(0), [0.5, 0.6, 0.75]);
  expect(loop()).toEqual([5, 15]);
  mouse(shown.lane(2), [0.25, 0.5, 0.9]);
  expect(loop()).toEqual([15, 18]);
});

test("Ctrl and wheel zoom at the pointer; a plain wheel is the page's", () => {
  expect(wheel(shown.lane(0), { deltaY: 100 }).defaultPrevented).toBe(false);
  expect(firstInView()).toBe(0);
  expect(wheel(shown.lane(0), { deltaY: -278, ctrlKey: true }).defaultPrevented).toBe(true);
  expect(firstInView()).toBeCloseTo(5, 0);
});

test("zoomed in, a drag pans, a wheel sideways too, a double click fits", () => {
  shown.session.seek(10 * RATE);
  press(shown.named("Position"), "+");
  expect(firstInView()).toBeCloseTo(5, 1);
  mouse(shown.lane(0), [0.2, 0.3, 0.4]);
  expect(firstInView()).toBeCloseTo(3, 1);
  const { width } = shown.lane(0).getBoundingClientRect();
  expect(wheel(shown.lane(0), { deltaX: width / 10 }).defaultPrevented).toBe(true);
  expect(firstInView()).toBeCloseTo(4, 1);
  shown.lane(0).dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  expect(firstInView()).toBe(0);
});

test("a click on the minimap goes there while the whole song is shown", () => {
  mouse(shown.one(".snb-minimap"), [0.5]);
  expect(seconds()).toBeCloseTo(10, 1);
});

test("the window in the minimap is dragged by its middle and its edges", () => {
  const minimap = shown.one(".snb-minimap");
  shown.session.seek(10 * RATE);
  press(shown.named("Position"), "+");
  mouse(minimap, [0.5, 0.6, 0.7]);
  expect(firstInView()).toBeCloseTo(9, 1);
  mouse(minimap, [0.45, 0.3, 0.2]);
  expect(firstInView()).toBeCloseTo(4, 1);
  mouse(minimap, [0.02]);
  expect(firstInView()).toBeCloseTo(0, 1);
});

test("the pointer's time is shown beside it", async () => {
  await drawn();
  const { left, width, top } = shown.lane(0).getBoundingClientRect();
  const over = { clientX: left + width / 4, clientY: top + 5, bubbles: true };
  shown.lane(0).dispatchEvent(new PointerEvent("pointermove", over));
  expect(shown.one(".snb-tip").textContent).toMatch(/^0:0[45]\.\d{3}$/);
  shown.one(".snb-tracks").dispatchEvent(new PointerEvent("pointerleave"));
  expect(shown.one<HTMLElement>(".snb-tip").hidden).toBe(true);
});

test("controls change the model; the model changes the controls, in every view", () => {
  const second = new Shown(shown.model);
  const preset = shown.named<HTMLSelectElement>("Preset");
  preset.value = "1";
  preset.dispatchEvent(new Event("change"));
  expect(shown.mix).toMatchObject({ muted: ["vocals"], soloed: "" });
  expect(second.named("Mute vocals").getAttribute("aria-pressed")).toBe("true");
  shown.model.change({ muted: ["drums"], speed: 1.5, pans: { bass: 0.5 }, loop: [1, 2] });
  for (const view of [shown, second]) {
    expect(view.named<HTMLSelectElement>("Preset").value).toBe("-1");
    expect(view.named("Speed").getAttribute("aria-valuetext")).toBe("1.5 times");
    expect(view.named("Pan of bass").getAttribute("aria-valuetext")).toBe("50 % right");
    expect(view.named<HTMLInputElement>("Loop end, minutes and seconds").value).toBe("0:02.000");
  }
  second.scope.dispose();
});

test("a double click puts a slider back", () => {
  const speed = shown.named<HTMLInputElement>("Speed");
  speed.value = "1.5";
  speed.dispatchEvent(new Event("input"));
  expect(shown.mix.speed).toBe(1.5);
  speed.dispatchEvent(new MouseEvent("dblclick"));
  expect(shown.mix.speed).toBe(1);
});

test("ends of the loop are typed; what is no time is not taken", () => {
  shown.model.change({ loop: [1, 2] });
  const start = shown.named<HTMLInputElement>("Loop start, minutes and seconds");
  for (const [text, expected] of [
    ["0:00.5", [0.5, 2]],
    ["soon", [0.5, 2]],
  ] as const) {
    start.value = text;
    start.dispatchEvent(new Event("change"));
    expect(shown.mix.loop).toEqual(expected);
  }
  expect(start.value).toBe("0:00.500");
});

test("what keeps the sound from coming is said under the player, as text", async () => {
  const refusing = class {
    constructor() {
      throw new Error("<b>no device</b>");
    }
  };
  vi.stubGlobal("AudioContext", refusing);
  expect(shown.one('[role="alert"]').checkVisibility()).toBe(false);
  shown.named("Play").click();
  vi.unstubAllGlobals();
  await vi.waitUntil(() => shown.one('[role="alert"]').checkVisibility());
  expect(shown.one('[role="alert"]').textContent).toBe("<b>no device</b>");
});

test("the fields of the loop are there while there is one", () => {
  const isShown = () => shown.one(".snb-loop-fields").checkVisibility();
  expect(isShown()).toBe(false);
  shown.model.change({ loop: [1, 2] });
  expect(isShown()).toBe(true);
});

test("a finger that begins to scroll goes nowhere, and a second one does not take over", () => {
  const ruler = shown.one(".snb-ruler");
  const { left, width } = ruler.getBoundingClientRect();
  const send = (type: string, share: number, pointerId = 7) =>
    ruler.dispatchEvent(
      new PointerEvent(type, {
        ...{ bubbles: true, composed: true, button: 0, buttons: 1, pointerType: "touch" },
        ...{ pointerId, isPrimary: pointerId === 7, clientX: left + share * width },
      }),
    );
  send("pointerdown", 0.5);
  send("pointerup", 0.9, 8);
  send("pointercancel", 0.5);
  expect([seconds(), shown.mix.loop]).toEqual([0, null]);
});
