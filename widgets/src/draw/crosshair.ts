import type { Colours } from "../afm/theme";
import { type Band, drawMarks, inBand, type MarkColours, type Marks } from "./cursor";
import type { FrequencyAxis } from "./frequency";
import type { Viewport } from "./viewport";

/** Pixels, of what marks the region on the time axis. */
const BAR_HEIGHT = 4;

/** A place in time and frequency. */
export interface Cross {
  /** Sample index. */
  readonly frame: number;
  readonly hz: number;
}

/** What is marked in all panes; null or empty for what is not there. */
export interface PaneMarks extends Marks {
  readonly cross: Cross | null;
  /** Hz. */
  readonly bandLimit: number | null;
  /** Sample indices. */
  readonly segments: readonly number[];
}

export interface Axes {
  readonly viewport: Viewport;
  readonly axis: FrequencyAxis;
  readonly colours: Colours;
}

/** Draw what is marked over the time axis, the first band, and the panes below it. */
export function drawPaneMarks(
  context: CanvasRenderingContext2D,
  [ruler, ...panes]: readonly Band[],
  marks: PaneMarks,
  axes: Axes,
): void {
  const { viewport, axis, colours } = axes;
  const { cross, hover, position, region } = marks;
  const at = hover ?? cross?.frame ?? null;
  if (ruler) drawMarks(context, [ruler], { ...marks, hover: at }, { viewport, colours: onRuler(colours) });
  for (const band of panes)
    inBand(context, band, () => {
      for (const frame of marks.segments) drawBorder(context, band, viewport.toPixel(frame, band.width), colours);
      if (marks.bandLimit !== null) drawLevel(context, band, axis.toFraction(marks.bandLimit), [6, 4], colours);
      if (cross) drawLevel(context, band, axis.toFraction(cross.hz), [], colours);
    });
  if (ruler && region) drawRegionBar(context, ruler, region, axes);
  drawMarks(context, panes, { position, hover: at, region }, { viewport, colours: onPicture(colours) });
}

/** The time axis has the colours of the page, the pictures their own: lines have a dark rim there. */
function onRuler({ cursor, muted, accent, region }: Colours): MarkColours {
  return { position: cursor, hover: muted, edge: accent, region, halo: null };
}

/** Nothing lies over the region: its colours are levels. */
function onPicture({ bright, halo, head }: Colours): MarkColours {
  return { position: head, hover: bright, edge: bright, region: null, halo };
}

function drawRegionBar(context: CanvasRenderingContext2D, ruler: Band, region: readonly [number, number], axes: Axes) {
  const [from, to] = region.map((frame) => axes.viewport.toPixel(frame, ruler.width)) as [number, number];
  inBand(context, ruler, () => {
    context.fillStyle = axes.colours.accent;
    context.fillRect(from, ruler.height - BAR_HEIGHT, to - from, BAR_HEIGHT);
  });
}

function drawBorder(context: CanvasRenderingContext2D, { width, height }: Band, x: number, colours: Colours): void {
  if (x >= 0 && x <= width) stroke(context, [Math.round(x) + 0.5, 0, Math.round(x) + 0.5, height], [2, 4], colours);
}

/** A line at a share of the height from the bottom. */
function drawLevel(
  context: CanvasRenderingContext2D,
  { width, height }: Band,
  fraction: number,
  dash: readonly number[],
  colours: Colours,
): void {
  const y = Math.round((1 - fraction) * height) + 0.5;
  stroke(context, [0, y, width, y], dash, colours);
}

function stroke(
  context: CanvasRenderingContext2D,
  [left, top, right, bottom]: readonly [number, number, number, number],
  dash: readonly number[],
  { bright, halo }: Colours,
): void {
  context.setLineDash([...dash]);
  context.beginPath();
  context.moveTo(left, top);
  context.lineTo(right, bottom);
  for (const [colour, width] of [
    [halo, 3],
    [bright, 1],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
  context.setLineDash([]);
}
