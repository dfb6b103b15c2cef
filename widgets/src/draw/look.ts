import { decibels, type Grid } from "../data/grid";
import { COLORMAPS, type ColormapName } from "./colormaps";

/** How levels become colours, and Hz become height. */
export interface Look {
  readonly yAxis: "linear" | "log" | "mel";
  /** Hz. */
  readonly fmin: number;
  readonly fmax: number;
  readonly cmap: "magma" | "viridis" | "inferno" | "gray";
  readonly gainDb: number;
  /** dB from the lowest colour to the highest. */
  readonly topDb: number;
  /** dB of the highest colour, without gain. */
  readonly peakDb: number;
  /** dB at which the colours of a difference end. */
  readonly differenceDb: number;
}

type Levels = Pick<Look, "cmap" | "gainDb" | "topDb" | "peakDb">;

const BYTES = 256;

/** The colour of each byte of a tile: pixels, as an ImageData has them. */
export function levelColours(grid: Grid, look: Levels): Uint32Array {
  const [palette, floor] = [paletteOf(look.cmap), floorOf(look)];
  return Uint32Array.from({ length: BYTES }, (_, value) => {
    const db = decibels(value, grid) ?? Number.NEGATIVE_INFINITY;
    return colourOf(palette, (db - floor) / look.topDb);
  });
}

/** The colour of each two bytes, at `BYTES * one + other`: what share one has of the other. */
export function maskColours(grid: Grid): Uint32Array {
  const palette = paletteOf("viridis");
  return pairColours((one, other) => {
    const [oneDb, otherDb] = [decibels(one, grid), decibels(other, grid)];
    if (oneDb === null) return colourOf(palette, 0);
    return colourOf(palette, otherDb === null ? 1 : 10 ** ((oneDb - otherDb) / 20));
  });
}

/** The colour of each two bytes, at `BYTES * one + other`: by how many dB one is louder. */
export function differenceColours(grid: Grid, look: Omit<Levels, "cmap"> & Pick<Look, "differenceDb">): Uint32Array {
  const [palette, floor] = [paletteOf("coolwarm"), floorOf(look)];
  const dbs = Float64Array.from({ length: BYTES }, (_, value) => Math.max(decibels(value, grid) ?? floor, floor));
  return pairColours((one, other) =>
    colourOf(palette, (((dbs[one] as number) - (dbs[other] as number)) / look.differenceDb + 1) / 2),
  );
}

/** dB of the lowest colour. */
function floorOf({ peakDb, topDb, gainDb }: Omit<Levels, "cmap">): number {
  return peakDb - topDb - gainDb;
}

function pairColours(colour: (one: number, other: number) => number): Uint32Array {
  return Uint32Array.from({ length: BYTES * BYTES }, (_, pair) => colour(pair >> 8, pair & (BYTES - 1)));
}

function paletteOf(name: ColormapName): Uint32Array {
  const bytes = COLORMAPS[name];
  const opaque = Uint8Array.from({ length: 4 * BYTES }, (_, i) =>
    i % 4 === 3 ? 255 : (bytes[3 * (i >> 2) + (i % 4)] ?? 0),
  );
  return new Uint32Array(opaque.buffer);
}

/** `share`: 0 for the first colour to 1 for the last; what lies beyond has these. */
function colourOf(palette: Uint32Array, share: number): number {
  return palette[Math.round(Math.min(Math.max(share, 0), 1) * (BYTES - 1))] as number;
}
