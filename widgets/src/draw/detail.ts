import type { Session } from "../audio/session";
import type { Samples } from "./waveform";

/** Views of more samples than this are drawn from peaks only: decoding them would take too long. */
const MOST_SAMPLES = 2 ** 18;

/** The samples of one signal in and around the view, got when they are needed. */
export class Detail {
  #samples: Samples | null = null;
  #isLoading = false;
  #isLacking = false;

  constructor(
    readonly session: Session,
    readonly signal: number,
    readonly arrived: () => void,
  ) {}

  /** Whether a view wants samples: peaks are too coarse for it, and it is not too long. */
  isWanted(span: number, columns: number): boolean {
    return span <= MOST_SAMPLES && span / columns < this.session.peaks(this.signal).finest;
  }

  /** Return samples that cover a view; null while they are not here, `arrived` is called when they are. */
  covering(first: number, stop: number): Samples | null {
    const { frames } = this.session.song;
    const [from, to] = [Math.max(0, Math.floor(first)), Math.min(frames, Math.ceil(stop))];
    const held = this.#samples;
    this.#isLacking = !held || held.first > from || held.first + held.left.length < to;
    if (!this.#isLacking) return held;
    const margin = Math.ceil((to - from) / 2);
    void this.#load(Math.max(0, from - margin), Math.min(frames, to + margin));
    return null;
  }

  /** Let go of samples that are not wanted any more. */
  release(): void {
    this.#samples = null;
    this.#isLacking = false;
  }

  /** Whether samples were wanted that are not here: when more audio has come, they may be. */
  get isLacking(): boolean {
    return this.#isLacking;
  }

  async #load(first: number, stop: number): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    // The engine tells of audio that cannot be decoded when it is to be played; peaks are drawn meanwhile.
    const sound = await this.session.samples(this.signal, first, stop).catch(() => null);
    this.#isLoading = false;
    this.#samples = sound && { first, ...sound };
    if (sound) this.arrived();
  }
}
