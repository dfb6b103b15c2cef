// Written by scripts/make_wire.py from spleeter_nb/widgets/wire.py: change that, and run it.

export const MESSAGE_BYTES = 1048576;
export const UPLOAD_BYTES = 524288;

/**
 * To the browser: why a request was not fulfilled, or what was under way not done.
 */
export interface Failure {
  readonly type: "failure";
  readonly id?: number | null;
  readonly message: string;
  readonly error: string;
}

/**
 * To the kernel: a view is there; send everything in order of need, what is held already left out.
 *
 * Answered with ``peaks`` of every signal, then ``chunk`` after ``chunk``, then ``sent_all``, or a ``failure`` when it
 * cannot go on. Another one while that is under way begins anew from `frame`.
 */
export interface Hello {
  readonly type: "hello";
  readonly frame: number;
  readonly has_peaks: boolean;
  readonly held: readonly (readonly [number, number])[];
}

/**
 * To the kernel: where the sound is, at most 4 times a second while it plays, and on pause and seek.
 */
export interface Position {
  readonly type: "position";
  readonly frame: number;
  readonly playing: boolean;
}

/**
 * To the browser: lowest and highest sample of each bin, int8 pairs in the one buffer, of one signal.
 */
export interface Peaks {
  readonly type: "peaks";
  readonly signal: number;
  readonly samples_per_bin: number;
  readonly full_scale: number;
}

/**
 * To the browser: one chunk of sound of one signal, or a part of one where it is larger than a message.
 *
 * The buffers of all `parts` joined are one FLAC file: samples ``chunk * chunk_frames`` and following, up to the first
 * one of the next chunk, which interpolation at another speed needs.
 */
export interface Chunk {
  readonly type: "chunk";
  readonly signal: number;
  readonly chunk: number;
  readonly part: number;
  readonly parts: number;
}

/**
 * To the browser: everything that the last ``hello`` asked for was sent; what is missing was lost on the way.
 */
export interface SentAll {
  readonly type: "sent_all";
}

/**
 * To the browser: play, pause, or go somewhere.
 */
export interface Transport {
  readonly type: "transport";
  readonly action: "play" | "pause" | "seek";
  readonly frame: number | null;
}

/**
 * To the kernel: which tiles the views lack, most needed first; this replaces what was wanted before.
 *
 * Answered with a ``tile`` for each, or a ``failure``.
 */
export interface WantTiles {
  readonly type: "want_tiles";
  readonly tiles: readonly (readonly [number, number, number])[];
}

/**
 * To the kernel: nobody has looked for a while; what was computed for the views may go.
 */
export interface ForgetTiles {
  readonly type: "forget_tiles";
}

/**
 * To the browser: a piece of one signal's spectrogram.
 *
 * The one buffer is uint8 of shape (columns, bins), deflated by zlib: 255 is `full_db`, each step half a decibel, 0
 * is nothing.
 */
export interface Tile {
  readonly type: "tile";
  readonly signal: number;
  readonly level: number;
  readonly index: number;
  readonly exact: boolean;
}

/**
 * To the kernel: fetch a model; how far it is, and what went wrong, is synced state.
 */
export interface DownloadModel {
  readonly type: "download_model";
  readonly name: string;
}

/**
 * To the kernel: fetch it no further; what came is continued by the next download.
 */
export interface CancelDownload {
  readonly type: "cancel_download";
  readonly name: string;
}

/**
 * To the kernel: separate a piece of the demonstration song, to learn how fast this machine is.
 */
export interface MeasureModel {
  readonly type: "measure_model";
  readonly name: string;
}

/**
 * To the kernel: see anew which models are here.
 */
export interface LookAgain {
  readonly type: "look_again";
}

/**
 * To the kernel: stop this job.
 */
export interface CancelJob {
  readonly type: "cancel_job";
}

/**
 * To the kernel: this view, and what was made, are not wanted any more.
 */
export interface RemoveJob {
  readonly type: "remove_job";
}

/**
 * To the kernel: separate the songs that are chosen.
 */
export interface SeparateSongs {
  readonly type: "separate_songs";
}

/**
 * To the kernel: separate the demonstration song.
 */
export interface TryDemo {
  readonly type: "try_demo";
}

/**
 * To the kernel: stop all jobs.
 */
export interface CancelAll {
  readonly type: "cancel_all";
}

/**
 * To the kernel: what is in a folder? Answered with ``folder_listed``.
 */
export interface ListFolder {
  readonly type: "list_folder";
  readonly id?: number;
  readonly path: string | null;
  readonly first: number;
}

/**
 * To the browser: a part of a folder, folders before songs.
 */
export interface FolderListed {
  readonly type: "folder_listed";
  readonly id?: number;
  readonly crumbs: readonly (readonly [string, string])[];
  readonly entries: readonly (readonly [string, string, number | null])[];
  readonly total: number;
  readonly note: string;
}

/**
 * To the kernel: what is this, and how could it go on? Answered with ``path_checked``.
 */
export interface CheckPath {
  readonly type: "check_path";
  readonly id?: number;
  readonly text: string;
}

/**
 * To the browser: what a path leads to.
 */
export interface PathChecked {
  readonly type: "path_checked";
  readonly id?: number;
  readonly kind: "song" | "folder" | "missing" | "unusable";
  readonly path: string;
  readonly text: string;
  readonly completions: readonly (string)[];
}

/**
 * To the kernel: let me hear how it begins. Answered with ``song_preview``.
 */
export interface PreviewSong {
  readonly type: "preview_song";
  readonly id?: number;
  readonly path: string;
}

/**
 * To the browser: the first seconds as a FLAC file, in the one buffer.
 */
export interface SongPreview {
  readonly type: "song_preview";
  readonly id?: number;
  readonly text: string;
}

/**
 * To the kernel: a file is to come, or to go on coming. Answered with ``upload_at``.
 */
export interface UploadBegin {
  readonly type: "upload_begin";
  readonly id?: number;
  readonly name: string;
  readonly size: number;
  readonly modified: number;
}

/**
 * To the kernel: at most `UPLOAD_BYTES` of a file, in the one buffer.
 *
 * Answered with an ``upload_at`` without an id, unless the browser was told already to send from elsewhere.
 */
export interface UploadPiece {
  readonly type: "upload_piece";
  readonly upload: string;
  readonly offset: number;
  readonly crc: number;
}

/**
 * To the kernel: where is an upload, as no answer comes? Answered with ``upload_at``.
 */
export interface UploadWhere {
  readonly type: "upload_where";
  readonly id?: number;
  readonly upload: string;
}

/**
 * To the kernel: that was all. Answered with ``upload_at`` when the file has its name.
 */
export interface UploadFinish {
  readonly type: "upload_finish";
  readonly id?: number;
  readonly upload: string;
  readonly crc: number;
}

/**
 * To the kernel: delete a file, whole or not. Answered with ``upload_at``.
 */
export interface UploadRemove {
  readonly type: "upload_remove";
  readonly id?: number;
  readonly upload: string;
}

/**
 * To the browser: so much of a file is here.
 */
export interface UploadAt {
  readonly type: "upload_at";
  readonly id?: number | null;
  readonly upload: string;
  readonly offset: number;
  readonly crc: number;
  readonly again: boolean;
  readonly problem: string;
}

export type PlayerToKernel = Hello | Position;
export type PlayerToBrowser = Peaks | Chunk | SentAll | Transport | Failure;

export type SpectrogramToKernel = WantTiles | ForgetTiles;
export type SpectrogramToBrowser = Tile | Failure;

export type ModelsToKernel = DownloadModel | CancelDownload | MeasureModel | LookAgain;
export type ModelsToBrowser = Failure;

export type JobToKernel = CancelJob | RemoveJob;
export type JobToBrowser = Failure;

export type DeskToKernel = SeparateSongs | TryDemo | CancelAll;
export type DeskToBrowser = Failure;

export type FilesToKernel = ListFolder | CheckPath | PreviewSong | UploadBegin | UploadPiece | UploadWhere | UploadFinish | UploadRemove;
export type FilesToBrowser = FolderListed | PathChecked | SongPreview | UploadAt | Failure;
