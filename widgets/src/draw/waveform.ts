import type { Surface } from "./canvas";

/** Sound of two channels from sample `first` on. */
export interface Samples {
  readonly first: number;
  readonly left: Float32Array;
  readonly right: Float32Array;
}

export interface WaveStyle {
  readonly colour: string;
  readonly line: string;
  /** Sample value that reaches the edge of the lane. */
  readonly ceiling: number;
}

/** From so many pixels between two samples on, each one is a dot. */
const DOT_SPACING = 7;
const INT8_PEAK = 127;

/** Draw lowest and highest values, one pair a column of the screen; `fullScale` is what 127 stands for. */
export function drawPeaks(surface: Surface, pairs: Int8Array, fullScale: number, style: WaveStyle): void {
  const factor = fullScale / INT8_PEAK;
  drawColumns(surface, (column, edge) => (pairs[2 * column + edge] ?? 0) * factor, style);
}

/** Draw samples from `first` to `stop`: extremes of each column, or a line where columns are closer than samples. */
export function drawSamples(surface: Surface, samples: Samples, view: [number, number], style: WaveStyle): void {
  const perColumn = (view[1] - view[0]) / surface.columns;
  if (perColumn >= 1) {
    const extremes = extremesOf(samples, view[0], perColumn, surface.columns);
    drawColumns(surface, (column, edge) => extremes[2 * column + edge] ?? 0, style);
    return;
  }
  const context = surface.begin();
  if (!context) return;
  drawAxis(context, surface, style);
  for (const [channel, alpha] of [
    [samples.right, 0.45],
    [samples.left, 1],
  ] as const) {
    context.globalAlpha = alpha;
    drawLine(context, surface, { channel, first: samples.first, view, style });
  }
  context.globalAlpha = 1;
}

function drawColumns(surface: Surface, value: (column: number, edge: 0 | 1) => number, style: WaveStyle): void {
  const context = surface.begin();
  if (!context) return;
  drawAxis(context, surface, style);
  const { columns, ratio } = surface;
  const half = surface.height / 2;
  const scale = (half - 1) / style.ceiling;
  context.fillStyle = style.colour;
  context.beginPath();
  for (let column = 0; column < columns; column++) {
    const top = half - value(column, 1) * scale;
    const bottom = half - value(column, 0) * scale;
    context.rect(column / ratio, top, 1 / ratio, Math.max(bottom - top, 1 / ratio));
  }
  context.fill();
}

function drawAxis(context: CanvasRenderingContext2D, { width, height }: Surface, { line }: WaveStyle): void {
  context.fillStyle = line;
  context.globalAlpha = 0.4;
  context.fillRect(0, Math.round(height / 2), width, 1);
  context.globalAlpha = 1;
}

interface Line {
  readonly channel: Float32Array;
  readonly first: number;
  readonly view: [number, number];
  readonly style: WaveStyle;
}

function drawLine(context: CanvasRenderingContext2D, surface: Surface, { channel, first, view, style }: Line): void {
  const spacing = surface.width / (view[1] - view[0]);
  const half = surface.height / 2;
  const scale = (half - 1) / style.ceiling;
  const from = Math.max(Math.floor(view[0]) - 1, first);
  const stop = Math.min(Math.ceil(view[1]) + 1, first + channel.length);
  const dots = new Path2D();
  context.beginPath();
  for (let frame = from; frame < stop; frame++) {
    const [x, y] = [(frame - view[0]) * spacing, half - (channel[frame - first] ?? 0) * scale];
    context.lineTo(x, y);
    if (spacing >= DOT_SPACING) dots.rect(x - 2, y - 2, 4, 4);
  }
  context.strokeStyle = context.fillStyle = style.colour;
  context.lineWidth = 1.25;
  context.stroke();
  context.fill(dots);
}

/** Lowest and highest of both channels in each column. */
function extremesOf(samples: Samples, start: number, perColumn: number, columns: number): Float32Array {
  const extremes = new Float32Array(2 * columns);
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(start + column * perColumn) - samples.first;
    const stop = Math.floor(start + (column + 1) * perColumn) - samples.first;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const channel of [samples.left, samples.right]) {
      for (let i = Math.max(from, 0); i < Math.min(stop, channel.length); i++) {
        const value = channel[i] ?? 0;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    extremes.set(low <= high ? [low, high] : [0, 0], 2 * column);
  }
  return extremes;
}
