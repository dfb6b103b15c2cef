import type { Viewport } from "./viewport";

/** A part of the overlay that the cursor crosses: a lane or the ruler. */
export interface Band {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Sample indices of what is marked; null for what is not there. */
export interface Marks {
  readonly position: number | null;
  readonly hover: number | null;
  readonly region: readonly [number, number] | null;
}

export interface MarkColours {
  readonly position: string;
  readonly hover: string;
  readonly edge: string;
  /** What lies over the region; null for nothing. */
  readonly region: string | null;
  /** Around lines, where they cross pictures of any colour; null for none. */
  readonly halo: string | null;
}

/** Draw play head, pointer and region over all bands. */
export function drawMarks(
  context: CanvasRenderingContext2D,
  bands: readonly Band[],
  { position, hover, region }: Marks,
  { viewport, colours }: { viewport: Viewport; colours: MarkColours },
): void {
  const { halo } = colours;
  for (const band of bands)
    inBand(context, band, () => {
      const at = (frame: number) => viewport.toPixel(frame, band.width);
      const line = (frame: number, colour: string, width: number) =>
        drawLine(context, band.height, at(frame), { colour, width, halo });
      if (region && colours.region) {
        context.fillStyle = colours.region;
        context.fillRect(at(region[0]), 0, at(region[1]) - at(region[0]), band.height);
      }
      for (const edge of region ?? []) line(edge, colours.edge, 2);
      if (hover !== null) line(hover, colours.hover, 1);
      if (position !== null) line(position, colours.position, 2);
    });
}

/** Draw something in a band, from its own corner, and nothing beyond it. */
export function inBand(context: CanvasRenderingContext2D, band: Band, draw: () => void): void {
  context.save();
  context.translate(band.left, band.top);
  context.beginPath();
  context.rect(0, 0, band.width, band.height);
  context.clip();
  draw();
  context.restore();
}

function drawLine(
  context: CanvasRenderingContext2D,
  height: number,
  x: number,
  { colour, width, halo }: { colour: string; width: number; halo: string | null },
): void {
  const left = Math.round(x - width / 2);
  if (halo) {
    context.fillStyle = halo;
    context.fillRect(left - 1, 0, width + 2, height);
  }
  context.fillStyle = colour;
  context.fillRect(left, 0, width, height);
}
