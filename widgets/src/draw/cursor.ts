import type { Colours } from "../afm/theme";
import type { Viewport } from "./viewport";

/** A part of the overlay that the cursor crosses: a lane or the ruler. */
export interface Band {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Sample indices of what is marked. */
export interface Marks {
  readonly position: number;
  readonly hover: number | null;
  readonly region: readonly [number, number] | null;
}

/** Draw play head, pointer and loop region over all bands. */
export function drawMarks(
  context: CanvasRenderingContext2D,
  bands: readonly Band[],
  marks: Marks,
  { viewport, colours }: { viewport: Viewport; colours: Colours },
): void {
  for (const band of bands) {
    context.save();
    context.translate(band.left, band.top);
    context.beginPath();
    context.rect(0, 0, band.width, band.height);
    context.clip();
    const at = (frame: number) => viewport.toPixel(frame, band.width);
    if (marks.region) drawRegion(context, band.height, [at(marks.region[0]), at(marks.region[1])], colours);
    if (marks.hover !== null) drawLine(context, band.height, at(marks.hover), { colour: colours.muted, width: 1 });
    drawLine(context, band.height, at(marks.position), { colour: colours.cursor, width: 2 });
    context.restore();
  }
}

function drawRegion(
  context: CanvasRenderingContext2D,
  height: number,
  [first, stop]: [number, number],
  colours: Colours,
): void {
  context.fillStyle = colours.region;
  context.fillRect(first, 0, stop - first, height);
  for (const x of [first, stop]) drawLine(context, height, x, { colour: colours.accent, width: 2 });
}

function drawLine(
  context: CanvasRenderingContext2D,
  height: number,
  x: number,
  { colour, width }: { colour: string; width: number },
): void {
  context.fillStyle = colour;
  context.fillRect(Math.round(x - width / 2), 0, width, height);
}
