/** At most so far in: this many samples across the view. */
const SMALLEST_SPAN = 32;

/** Dispatched at the viewport when it shows something else. */
export const VIEW_CHANGED = "change";

/**
 * The part of a song that is in view, shared by all panes: samples `first` to `stop`, which may be fractions while it
 * moves. It never leaves the song.
 */
export class Viewport extends EventTarget {
  #first = 0;
  #stop: number;

  constructor(readonly frames: number) {
    super();
    this.#stop = frames;
  }

  get first(): number {
    return this.#first;
  }

  get stop(): number {
    return this.#stop;
  }

  get span(): number {
    return this.#stop - this.#first;
  }

  get isWhole(): boolean {
    return this.span >= this.frames;
  }

  contains(frame: number): boolean {
    return frame >= this.#first && frame < this.#stop;
  }

  /** Where a sample is in a pane so many pixels wide. */
  toPixel(frame: number, width: number): number {
    return ((frame - this.#first) / this.span) * width;
  }

  /** The inverse of `toPixel`, kept inside the song. */
  toFrame(pixel: number, width: number): number {
    return clamp(this.#first + (pixel / width) * this.span, 0, this.frames);
  }

  show(first: number, stop: number): void {
    const span = clamp(stop - first, Math.min(SMALLEST_SPAN, this.frames), this.frames);
    const start = clamp(first, 0, this.frames - span);
    if (start === this.#first && start + span === this.#stop) return;
    this.#first = start;
    this.#stop = start + span;
    this.dispatchEvent(new Event(VIEW_CHANGED));
  }

  fit(): void {
    this.show(0, this.frames);
  }

  /** Show `factor` times less, more if below 1, with `frame` at the same place as before. */
  zoom(factor: number, frame: number): void {
    const span = clamp(this.span / factor, Math.min(SMALLEST_SPAN, this.frames), this.frames);
    const first = frame - ((frame - this.#first) / this.span) * span;
    this.show(first, first + span);
  }

  /** Move by so many samples, and keep the zoom. */
  pan(frames: number): void {
    this.show(this.#first + frames, this.#first + frames + this.span);
  }

  /** Turn to the page that starts a little before `frame`, unless that is in view already. */
  reveal(frame: number): void {
    // Positions are whole samples, edges are not.
    if (frame < this.#first - 1 || frame > this.#stop) this.pan(frame - this.#first - 0.05 * this.span);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
