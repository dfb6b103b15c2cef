import { afterEach, beforeEach, expect, test } from "vitest";
import { comparisonModel, RATE, ShownSpectrogram } from "../spectrogram";
import { drawn, mouse } from "../view";

let shown: ShownSpectrogram;
beforeEach(async () => {
  shown = new ShownSpectrogram(comparisonModel());
  await drawn();
});
afterEach(() => shown.scope.dispose());

const region = () => (shown.model.get("region") as number[] | null)?.map((edge) => Math.round(edge * 10) / 10);
const seconds = () => Number(shown.one(".snb-read-time").textContent?.slice(2));
const band = () => [shown.model.get("fmin"), shown.model.get("fmax")] as [number, number];

function at(box: Element, [across, down]: readonly [number, number]): MouseEventInit {
  const { left, width, top, height } = box.getBoundingClientRect();
  return { clientX: left + across * width, clientY: top + down * height, bubbles: true, cancelable: true };
}

function point(pane: number, place: readonly [number, number]): void {
  shown.lane(pane).dispatchEvent(new PointerEvent("pointermove", at(shown.lane(pane), place)));
}

function wheel(box: Element, init: WheelEventInit, place: readonly [number, number] = [0.5, 0.5]): WheelEvent {
  const event = new WheelEvent("wheel", { ...at(box, place), ...init });
  box.dispatchEvent(event);
  return event;
}

/** Seconds at the left edge of the view. */
async function firstInView(): Promise<number> {
  point(0, [0, 0.5]);
  await drawn();
  return seconds();
}

test("the pointer reads time, frequency and every pane's level; when it is gone, so is the cross-hair", async () => {
  point(1, [0.5, 1 - 2000 / (RATE / 2)]);
  await shown.sharp();
  expect(shown.readings).toEqual(["-90.0 dB", "-20.0 dB"]);
  expect(seconds()).toBeCloseTo(5, 1);
  expect(shown.one(".snb-tip").textContent).toMatch(/^0:0[45]\.\d{3}$/);
  shown.one(".snb-tracks").dispatchEvent(new PointerEvent("pointerleave"));
  await drawn();
  expect(shown.readings).toEqual(["", ""]);
  expect(shown.one(".snb-readout").textContent).toContain("Point at a picture");
});

test("a click pins the cross-hair, a double click takes it away", async () => {
  mouse(shown.lane(0), [0.25]);
  shown.one(".snb-tracks").dispatchEvent(new PointerEvent("pointerleave"));
  await drawn();
  expect(seconds()).toBeCloseTo(2.5, 1);
  expect(shown.one(".snb-read-hz").textContent).toBe("11025.0 Hz");
  shown.lane(0).dispatchEvent(new MouseEvent("dblclick", at(shown.lane(0), [0.5, 0.5])));
  await drawn();
  expect(shown.one(".snb-readout").textContent).toContain("Point at a picture");
});

test("Shift and drag mark a region, on the time axis a drag does; its edges can be dragged", () => {
  mouse(shown.lane(0), [0.5, 0.6, 0.75], { shiftKey: true });
  expect(region()).toEqual([5, 7.5]);
  mouse(shown.one(".snb-ruler"), [0.4, 0.3, 0.1]);
  expect(region()).toEqual([1, 4]);
  mouse(shown.lane(1), [0.4, 0.5, 0.9]);
  expect(region()).toEqual([1, 9]);
});

test("Ctrl and wheel zoom in time, Alt and wheel in frequency, both at the pointer; a plain wheel is the page's", async () => {
  expect(wheel(shown.lane(0), { deltaY: 100 }).defaultPrevented).toBe(false);
  expect(wheel(shown.lane(0), { deltaY: -278, ctrlKey: true }).defaultPrevented).toBe(true);
  expect(await firstInView()).toBeCloseTo(2.5, 1);
  expect(wheel(shown.lane(0), { deltaY: -278, altKey: true }, [0.5, 0.75]).defaultPrevented).toBe(true);
  const [fmin, fmax] = band();
  expect(fmax - fmin).toBeCloseTo(RATE / 4, -2);
  expect(fmin + 0.25 * (fmax - fmin)).toBeCloseTo(RATE / 8, -2);
  expect(await firstInView()).toBeCloseTo(2.5, 1);
});

test.each(["log", "mel"] as const)("on a scale of %s, frequency zooms in and all the way out again", (scale) => {
  shown.model.change({ y_axis: scale });
  wheel(shown.lane(0), { deltaY: -278, altKey: true });
  const [fmin, fmax] = band();
  expect(fmin).toBeGreaterThan(50);
  expect(fmax).toBeLessThan(RATE / 4);
  wheel(shown.lane(0), { deltaY: 600, altKey: true });
  expect(band()).toEqual([0, RATE / 2]);
});

test("a band of less than 50 Hz is not asked for", () => {
  for (const edge of ["1000", "1001"]) {
    for (const name of ["Lowest", "Highest"]) {
      const field = shown.named<HTMLInputElement>(`${name} frequency, Hz`);
      field.value = edge;
      field.dispatchEvent(new Event("change"));
    }
    const [fmin, fmax] = band();
    expect(fmax - fmin).toBeGreaterThanOrEqual(50);
  }
  const field = shown.named<HTMLInputElement>("Lowest frequency, Hz");
  field.value = "low";
  field.dispatchEvent(new Event("change"));
  expect(field.value).toBe(String(band()[0]));
});

test("small steps of a wheel zoom into a narrow band, too; one end is set without moving the other", () => {
  shown.model.change({ fmin: 1000.25, fmax: 1200 });
  for (let i = 0; i < 40; i++) wheel(shown.lane(0), { deltaY: -2, altKey: true });
  const [fmin, fmax] = band();
  expect(fmax - fmin).toBeCloseTo(199.75 / 1.0025 ** 80, 3);
  const field = shown.named<HTMLInputElement>("Highest frequency, Hz");
  field.value = "8k";
  field.dispatchEvent(new Event("change"));
  expect(band()).toEqual([fmin, 8000]);
  for (let i = 0; i < 40; i++) wheel(shown.lane(0), { deltaY: -500, altKey: true });
  const [low, high] = band();
  expect(high - low).toBeGreaterThanOrEqual(50);
  expect(high - low).toBeLessThan(50.1);
});

test("zoomed in, a drag pans; a double click shows all times and frequencies", async () => {
  wheel(shown.lane(0), { deltaY: -278, ctrlKey: true });
  wheel(shown.lane(0), { deltaY: -278, altKey: true });
  mouse(shown.lane(0), [0.2, 0.3, 0.4]);
  expect(await firstInView()).toBeCloseTo(1.5, 1);
  shown.lane(0).dispatchEvent(new MouseEvent("dblclick", at(shown.lane(0), [0.5, 0.5])));
  expect(await firstInView()).toBe(0);
  expect(band()).toEqual([0, RATE / 2]);
});

test("the region is zoomed to", async () => {
  expect(shown.named("Zoom to the region").checkVisibility()).toBe(false);
  shown.model.change({ region: [4, 6] });
  shown.named("Zoom to the region").click();
  expect(await firstInView()).toBeCloseTo(4, 2);
  expect(shown.one('[aria-live="polite"]').textContent).toBe("0:02.000 in view");
});
