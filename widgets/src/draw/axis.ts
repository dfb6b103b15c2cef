import { formatTime } from "../ui/format";
import type { Viewport } from "./viewport";

/** Distances between ticks in seconds: 1, 2 and 5 of each decade up to 10 s, then what clocks are divided by. */
const CLOCK_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];
const SMALLEST_DECADE = -6;
const MINOR_PER_MAJOR = 5;

export interface Tick {
  readonly seconds: number;
  readonly label: string;
}

/** Return the least step that is at least `least` seconds. */
export function tickStep(least: number): number {
  const enough = least * (1 - 1e-9);
  for (let decade = SMALLEST_DECADE; decade < 1; decade++) {
    for (const digit of [1, 2, 5]) if (digit * 10 ** decade >= enough) return digit * 10 ** decade;
  }
  return CLOCK_STEPS.find((step) => step >= enough) ?? 3600 * Math.ceil(least / 3600);
}

/** Ticks with labels from `first` to `last` seconds, at least `least` seconds apart. */
export function ticks(first: number, last: number, least: number): Tick[] {
  const step = tickStep(least);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const start = Math.ceil(first / step - 1e-9);
  const count = Math.max(0, Math.floor(last / step + 1e-9) - start + 1);
  return Array.from({ length: count }, (_, i) => ({
    seconds: (start + i) * step,
    label: formatTime((start + i) * step, digits),
  }));
}

interface RulerStyle {
  readonly text: string;
  readonly line: string;
  readonly font: string;
}

/** Draw the time axis of what is in view into a pane of `width` x `height` pixels. */
export function drawRuler(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  { width, height, sampleRate, style }: { width: number; height: number; sampleRate: number; style: RulerStyle },
): void {
  const [first, last] = [viewport.first / sampleRate, viewport.stop / sampleRate];
  const labelled = ticks(first, last, ((last - first) / width) * 90);
  const step = labelled.length > 1 ? (labelled[1]?.seconds ?? 0) - (labelled[0]?.seconds ?? 0) : last - first;
  context.font = style.font;
  context.textBaseline = "top";
  context.fillStyle = style.line;
  const at = (seconds: number) => Math.round(viewport.toPixel(seconds * sampleRate, width));
  for (const { seconds } of ticks(first - step, last, step)) {
    for (let minor = 0; minor < MINOR_PER_MAJOR; minor++) {
      const length = minor ? 4 : 9;
      context.fillRect(at(seconds + (minor * step) / MINOR_PER_MAJOR), height - length, 1, length);
    }
  }
  context.fillStyle = style.text;
  for (const { seconds, label } of labelled) drawLabel(context, label, at(seconds), width);
}

function drawLabel(context: CanvasRenderingContext2D, label: string, x: number, width: number): void {
  const room = context.measureText(label).width;
  // Centred below the tick, but never cut off at the pane's edges.
  context.fillText(label, Math.min(Math.max(x - room / 2, 1), width - room - 1), 2);
}
