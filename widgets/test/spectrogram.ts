import type { PaneSpec, SpectrogramState } from "../src/data/state";
import { renderSpectrogram } from "../src/ui/spectrogram";
import { Comparison } from "../src/ui/spectrogram-comparison";
import "../src/ui/theme.css";
import "../src/ui/controls.css";
import "../src/ui/timeline.css";
import "../src/ui/spectrogram.css";
import type { FakeModel } from "./fake-model";
import { until } from "./player";
import { Stage } from "./stage";
import { FakeSpectrograms } from "./tiles";
import { drawn } from "./view";

export const RATE = 44_100;
const N_FFT = 1024;
const HOP = 512;
const TILE_COLUMNS = 256;
const FULL_DB = 6;
/** Of the overview: the maximum of so many bins, and of columns. */
const POOL = 5;
const OVERVIEW_LEVEL = 5;

/** dB of one signal at a time, in seconds, and a frequency. */
export type Level = (signal: number, seconds: number, hz: number) => number;

/** Each signal is a tone of its own, at (1 + its number) kHz and -20 dB; all else is -90 dB. */
export const TONES: Level = (signal, _, hz) => (Math.abs(hz - 1000 * (signal + 1)) < 100 ? -20 : -90);

interface Scene {
  readonly frames: number;
  readonly level: Level;
  readonly nFft: number;
}

/** Bytes of a signal at full resolution, as the kernel would quantise them. */
function columnsOf({ frames, level, nFft }: Scene, signal: number): Uint8Array {
  const [columns, bins] = [1 + Math.floor(frames / HOP), nFft / 2 + 1];
  const bytes = new Uint8Array(columns * bins);
  for (let column = 0; column < columns; column++)
    for (let bin = 0; bin < bins; bin++) {
      const db = level(signal, (column * HOP) / RATE, (bin * RATE) / nFft);
      bytes[column * bins + bin] = Math.min(Math.max(Math.round(255 - 2 * (FULL_DB - db)), 0), 255);
    }
  return bytes;
}

export const SIGNALS = ["mixture", "vocals", "drums", "residual"];

export const level = (signal: string): PaneSpec => ["level", signal, ""];

/** A model of a comparison, 10 s long, with a kernel that answers at once. */
export function comparisonModel(
  changes: Partial<SpectrogramState> = {},
  { frames = 10 * RATE, level: scene = TONES, nFft = N_FFT }: Partial<Scene> = {},
): FakeModel {
  const signals = changes.signals ?? SIGNALS;
  const columns = signals.map((_, signal) => columnsOf({ frames, level: scene, nFft }, signal));
  const kernel = new FakeSpectrograms(columns, {
    title: "A song",
    signals,
    mixture: signals.includes("mixture") ? "mixture" : "",
    ...{ sample_rate: RATE, frames, n_fft: nFft, hop_length: HOP, window: "hann", channel: "mean" },
    ...{ tile_columns: TILE_COLUMNS, full_db: FULL_DB, peak_db: -20 },
    ...{ overview: new DataView(new ArrayBuffer(0)), overview_level: OVERVIEW_LEVEL, overview_pool: POOL },
    ...{ band_limit: null, segments: [], link: "", table: [], notes: [] },
    panes: signals.slice(0, 2).map(level),
    ...{ y_axis: "linear", fmin: 0, fmax: RATE / 2, cmap: "magma", gain_db: 0, top_db: 80, difference_db: 24 },
    ...{ note_names: false, show_band_limit: false, show_segments: false, pane_height: 140, region: null },
    ...changes,
  } satisfies SpectrogramState);
  kernel.model.change({ overview: kernel.overview(OVERVIEW_LEVEL, POOL) });
  kernel.model.kernel = kernel.kernel;
  return kernel.model;
}

/** A comparison in the page. */
export class ShownSpectrogram extends Stage {
  readonly comparison: Comparison;

  constructor(
    readonly model: FakeModel,
    width = 900,
  ) {
    super(width);
    this.comparison = new Comparison(model, this.scope);
    renderSpectrogram(this.comparison, this.root, this.scope);
  }

  lane(pane: number): HTMLElement {
    return this.root.querySelectorAll<HTMLElement>(".snb-lane")[pane] as HTMLElement;
  }

  /** All that was wanted has come, and is drawn. */
  async sharp(): Promise<void> {
    await until(() => this.model.sent.length > 0 && this.comparison.tiles.pending === 0);
    await drawn();
  }

  get home(): HTMLInputElement {
    return this.named<HTMLInputElement>("Cross-hair, time");
  }

  /** Names of the panes, from the top. */
  get paneNames(): (string | null)[] {
    return [...this.root.querySelectorAll(".snb-label .snb-name")].map(({ textContent }) => textContent);
  }

  /** What the panes say of the place under the cross-hair. */
  get readings(): (string | null)[] {
    return [...this.root.querySelectorAll(".snb-reading")].map(({ textContent }) => textContent);
  }
}
