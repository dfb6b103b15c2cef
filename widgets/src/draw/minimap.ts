import type { Colours } from "../afm/theme";
import type { Surface } from "./canvas";
import type { Viewport } from "./viewport";

const BUFFER_HEIGHT = 3;

/** Draw lowest and highest values of all signals given, and below them which chunks are here. */
export function drawOverview(
  surface: Surface,
  signals: readonly Int8Array[],
  loaded: readonly boolean[],
  colours: Colours,
): void {
  const context = surface.begin();
  if (!context) return;
  const { columns, ratio, width, height } = surface;
  const half = (height - BUFFER_HEIGHT) / 2;
  const scale = (half - 1) / loudest(signals);
  context.fillStyle = colours.muted;
  for (let column = 0; column < columns; column++) {
    const low = Math.min(...signals.map((pairs) => pairs[2 * column] ?? 0));
    const high = Math.max(...signals.map((pairs) => pairs[2 * column + 1] ?? 0));
    context.fillRect(column / ratio, half - high * scale, 1 / ratio, Math.max((high - low) * scale, 1 / ratio));
  }
  context.fillStyle = colours.accent;
  const chunk = width / loaded.length;
  for (const [i, isHere] of loaded.entries())
    if (isHere) context.fillRect(i * chunk, height - BUFFER_HEIGHT, chunk + 0.5, BUFFER_HEIGHT);
}

/** Draw what is in view, the loop and the play head over the whole song. */
export function drawWindow(
  surface: Surface,
  viewport: Viewport,
  { position, region }: { position: number; region: readonly [number, number] | null },
  colours: Colours,
): void {
  const context = surface.begin();
  if (!context) return;
  const { width, height } = surface;
  const at = (frame: number) => (frame / viewport.frames) * width;
  if (region) {
    context.fillStyle = colours.region;
    context.fillRect(at(region[0]), 0, at(region[1]) - at(region[0]), height);
  }
  if (!viewport.isWhole) drawFrame(context, at(viewport.first), at(viewport.stop), { width, height }, colours);
  context.fillStyle = colours.cursor;
  context.fillRect(Math.round(at(position)) - 1, 0, 2, height);
}

function drawFrame(
  context: CanvasRenderingContext2D,
  first: number,
  stop: number,
  { width, height }: { width: number; height: number },
  colours: Colours,
): void {
  context.fillStyle = colours.surface;
  context.globalAlpha = 0.65;
  context.fillRect(0, 0, first, height);
  context.fillRect(stop, 0, width - stop, height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.strokeRect(first + 1, 1, Math.max(stop - first - 2, 1), height - 2);
}

function loudest(signals: readonly Int8Array[]): number {
  let peak = 1;
  for (const pairs of signals) for (const value of pairs) peak = Math.max(peak, Math.abs(value));
  return peak;
}
