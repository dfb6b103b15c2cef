import type { Surface } from "./canvas";
import type { FrequencyAxis } from "./frequency";

const TICK_PIXELS = 5;

interface TickStyle {
  readonly text: string;
  readonly line: string;
  readonly font: string;
}

/** Draw the frequencies beside a pane, from its bottom to its top. */
export function drawFrequencies(surface: Surface, axis: FrequencyAxis, noteNames: boolean, style: TickStyle): void {
  const context = surface.begin();
  if (!context) return;
  const { width, height } = surface;
  context.font = style.font;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { hz, label } of axis.ticks(height, noteNames)) {
    const y = (1 - axis.toFraction(hz)) * height;
    context.fillStyle = style.line;
    context.fillRect(width - TICK_PIXELS, Math.min(Math.round(y), height - 1), TICK_PIXELS, 1);
    context.fillStyle = style.text;
    context.fillText(label, width - TICK_PIXELS - 3, axis.labelAt(hz, height));
  }
}
