import type { AnyModel } from "../afm/model";
import { Model } from "../afm/model";
import type { SpectrogramState } from "./state";

/** How a spectrogram is divided. Column t is centred at sample t * hopLength, bin k is at k * sampleRate / nFft. */
export interface Grid {
  readonly sampleRate: number;
  /** Samples per channel. */
  readonly frames: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly bins: number;
  /** Columns of a tile; the last one of a level may have fewer. */
  readonly tileColumns: number;
  /** dB that a byte of 255 stands for. */
  readonly fullDb: number;
  /** Of the time pyramid; the last one fits into one tile. */
  readonly levels: number;
}

/** Half a decibel a step, as the kernel quantises. */
const STEP_DB = 0.5;
const HIGHEST = 255;

export function gridIn(model: AnyModel): Grid {
  const state = new Model<SpectrogramState>(model);
  const nFft = state.get("n_fft");
  const grid = {
    sampleRate: state.get("sample_rate"),
    frames: state.get("frames"),
    nFft,
    hopLength: state.get("hop_length"),
    bins: Math.floor(nFft / 2) + 1,
    tileColumns: state.get("tile_columns"),
    fullDb: state.get("full_db"),
  };
  let levels = 1;
  while (columnsOf(grid, levels - 1) > grid.tileColumns) levels++;
  return { ...grid, levels };
}

/** Columns of one level in the whole song; one of level L is the maximum of 2 ** L of level 0. */
export function columnsOf({ frames, hopLength }: Pick<Grid, "frames" | "hopLength">, level: number): number {
  return Math.ceil((1 + Math.floor(frames / hopLength)) / 2 ** level);
}

/** dB of a byte of a tile; null for 0, which is silent. */
export function decibels(value: number, { fullDb }: Pick<Grid, "fullDb">): number | null {
  return value === 0 ? null : fullDb - STEP_DB * (HIGHEST - value);
}
