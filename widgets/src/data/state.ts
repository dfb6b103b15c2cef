/** The synced traits of each widget, by the names that the Python twin gives them; a Python test compares them. */

/** `StemPlayer`: all but the mixer (from `gains_db` on) is for reading. */
export interface PlayerState {
  title: string;
  /** What others that play along find it by, "" for nothing. */
  link: string;
  stems: readonly string[];
  has_mixture: boolean;
  sample_rate: number;
  frames: number;
  chunk_frames: number;
  /** The sample value that ±1 of the FLAC chunks stands for. */
  full_scale: number;
  /** int8 pairs of lowest and highest sample: signals x bins x 2; stems, then the mixture. */
  overview: DataView;
  /** Mean square of each signal. */
  powers: readonly number[];
  /** What there is to know of each signal: heads, then a row for each. */
  table: readonly (readonly string[])[];
  /** How the stems were made; why something is not there. */
  notes: readonly string[];
  gains_db: Readonly<Record<string, number>>;
  /** -1 left to 1 right. */
  pans: Readonly<Record<string, number>>;
  muted: readonly string[];
  /** The one stem that is heard alone, "" for none. */
  soloed: string;
  master_db: number;
  /** The original is heard in place of the remix. */
  original: boolean;
  match_loudness: boolean;
  speed: number;
  /** Seconds. */
  loop: readonly [number, number] | null;
}

/** `SpectrogramComparison`: the settings, from `panes` on, may be changed. */
export interface SpectrogramState {
  title: string;
  /** What can be shown: stems, mixture, residual, whatever else has samples. */
  signals: readonly string[];
  /** Which of them masks are shares of, "" for none. */
  mixture: string;
  sample_rate: number;
  /** Samples per channel. */
  frames: number;
  n_fft: number;
  hop_length: number;
  window: string;
  channel: string;
  tile_columns: number;
  /** dB that the value 255 of a tile stands for; a step is half a decibel, 0 is nothing. */
  full_db: number;
  /** dB of the loudest value: the upper end of the colours where `gain_db` is 0. */
  peak_db: number;
  /** uint8, signals x columns x rows: a coarse picture of each signal, from some of its frames. */
  overview: DataView;
  overview_level: number;
  /** A row of the overview is the maximum of 2 ** this bins. */
  overview_pool: number;
  /** Hz up to which the network decides; null where that is not known. */
  band_limit: number | null;
  /** Seconds: where the network's segments meet. */
  segments: readonly number[];
  /** The `link` of the player that plays along, "" for none. */
  link: string;
  /** Numbers of the region: heads, then a row for each signal. */
  table: readonly (readonly string[])[];
  notes: readonly string[];
  panes: readonly PaneSpec[];
  y_axis: "linear" | "log" | "mel";
  /** Hz. */
  fmin: number;
  fmax: number;
  cmap: "magma" | "viridis" | "inferno" | "gray";
  gain_db: number;
  /** dB from the lowest colour to the highest. */
  top_db: number;
  /** dB at which the colours of a difference end. */
  difference_db: number;
  note_names: boolean;
  show_band_limit: boolean;
  show_segments: boolean;
  /** CSS pixels. */
  pane_height: number;
  /** Seconds. */
  region: readonly [number, number] | null;
}

/** Kind, signal, and for a mask or a difference the signal that it is compared with. */
export type PaneSpec = readonly ["level" | "mask" | "difference", string, string];

/** `ModelPicker`: all but `value` is for reading. */
export interface ModelsState {
  /** The name of the model that is chosen. */
  value: string;
  models: readonly ModelRow[];
  /** By `weights`, which two models share: what is being fetched. */
  downloads: Readonly<Record<string, { readonly fraction: number | null; readonly message: string }>>;
  /** By model: what went wrong last. */
  errors: Readonly<Record<string, string>>;
  /** By model: how long the song will take; "scaled" is taken from other models. */
  estimates: Readonly<Record<string, { readonly seconds: number; readonly basis: "measured" | "scaled" }>>;
  /** Of the song, in seconds. */
  duration: number | null;
  /** The model that is being measured, "" for none. */
  measuring: string;
}

export interface ModelRow {
  readonly name: string;
  readonly stems: readonly string[];
  /** Hz up to which the network decides. */
  readonly band_limit: number;
  /** Name of the folder of its weights. */
  readonly weights: string;
  readonly installed: boolean;
  /** Bytes of what is here. */
  readonly size: number | null;
  /** Bytes to be fetched, null where not known beforehand. */
  readonly download_size: number | null;
  /** What is wrong with what is here. */
  readonly problem: string | null;
}

/** `JobView`: all is for reading. */
export interface JobState {
  title: string;
  model: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  stage: string;
  /** Of the stage, 0 to 1. */
  fraction: number | null;
  /** Seconds. */
  elapsed: number;
  remaining: number | null;
  message: string;
  /** null until it is done, and where nothing was computed. */
  x_realtime: number | null;
  cache_level: string;
  error: string;
  error_class: string;
  /** There is somebody who takes it away when asked. */
  removable: boolean;
}

/** `FilePicker`: all but `value` is for reading. */
export interface FilesState {
  /** Paths of the chosen songs. */
  value: readonly string[];
  multiple: boolean;
  roots: readonly string[];
  /** null for what the disk takes. */
  max_upload_bytes: number | null;
  /** Begun or whole; `path` is empty until it is whole. */
  uploads: readonly {
    readonly id: string;
    readonly name: string;
    readonly size: number;
    readonly received: number;
    readonly path: string;
  }[];
}

/** `Desk`, the buttons and options of the application. */
export interface DeskState {
  precision: "float32" | "bfloat16";
  /** "" keeps the stems in memory. */
  output_dir: string;
  /** How many songs are chosen; for reading, as the rest. */
  songs: number;
  /** How many jobs are under way. */
  running: number;
  error: string;
}
