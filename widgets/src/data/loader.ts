import type { AnyModel } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { ChunkStore } from "./chunks";
import type { Peaks } from "./peaks";
import type { Chunk, Peaks as PeaksMessage, PlayerToBrowser, PlayerToKernel } from "./wire";

/** Asked again so often, with nothing new coming, for what was lost. */
const MOST_ASKED_IN_VAIN = 3;
/** A kernel that has begun to send and says nothing for so long is gone, or the connection was. */
const SILENCE_MS = 10_000;
/** Somebody who drags the cursor asks once. */
const SEEK_MS = 200;

export type PlayerChannel = Channel<PlayerToKernel, PlayerToBrowser>;

/** What comes from the kernel, and what is told of it. */
export interface Arrivals {
  readonly store: ChunkStore;
  /** Of each signal. */
  readonly peaks: readonly Peaks[];
  /** A chunk is here for all signals. */
  loaded(): void;
  refined(): void;
  /** No more comes; `why` is for people. */
  failed(why: string): void;
}

/** Gets the sound of a player: asks once, and again only for what was lost or is needed sooner. */
export class Loader {
  readonly channel: PlayerChannel;
  readonly #refined = new Set<number>();
  #isOpen = false;
  #isAsking = false;
  #askedInVain = 0;
  #frame = 0;
  #silence: Scope | null = null;
  #seek: Scope | null = null;

  constructor(
    model: AnyModel,
    readonly arrivals: Arrivals,
    readonly scope: Scope,
  ) {
    this.channel = new Channel(model, scope);
    this.channel.on("chunk", (message, [bytes]) => bytes && this.#chunk(message, bytes));
    this.channel.on("peaks", (message, [bytes]) => bytes && this.#peaks(message, bytes));
    this.channel.on("sent_all", () => this.#sentAll());
    this.channel.on("failure", ({ message }) => this.#failed(message));
  }

  /** A view is there: ask for what is not here. */
  begin(frame: number): void {
    this.#isOpen = true;
    this.#askedInVain = 0;
    if (!this.#isAsking) this.#ask(frame);
  }

  /** Sound is wanted from `frame` on; if it is not here, it is to be sent first. */
  want(frame: number, chunk: number): void {
    if (this.arrivals.store.complete[chunk] !== false || !this.#isAsking) return;
    this.#seek?.dispose();
    this.#seek = this.scope.child();
    this.#seek.after(SEEK_MS, () => this.#ask(frame));
  }

  /** Forget all audio, and ask no more. */
  drop(): void {
    this.#isOpen = false;
    this.#isAsking = false;
    this.#silence?.dispose();
    this.#seek?.dispose();
    this.arrivals.store.clear();
  }

  /** Tell the kernel, if there still is one: without it, what is here can be played. */
  tell(message: PlayerToKernel): void {
    try {
      this.channel.send(message);
    } catch {
      // JupyterLab throws when the kernel was restarted.
    }
  }

  #ask(frame: number): void {
    const { store, peaks } = this.arrivals;
    const hasPeaks = this.#refined.size === peaks.length;
    if (store.isComplete && hasPeaks) return;
    this.#frame = frame;
    this.#isAsking = true;
    this.tell({ type: "hello", frame, has_peaks: hasPeaks, held: store.held() });
  }

  #chunk(message: Chunk, bytes: DataView): void {
    this.#heard();
    if (!this.#isOpen || !this.arrivals.store.add(message, bytes)) return;
    this.#askedInVain = 0;
    this.arrivals.loaded();
  }

  #peaks({ signal, samples_per_bin }: PeaksMessage, { buffer, byteOffset, byteLength }: DataView): void {
    this.#heard();
    const peaks = this.arrivals.peaks[signal];
    if (!peaks) return;
    peaks.refine(samples_per_bin, new Int8Array(buffer, byteOffset, byteLength).slice());
    this.#refined.add(signal);
    this.arrivals.refined();
  }

  #sentAll(): void {
    this.#isAsking = false;
    this.#silence?.dispose();
    if (this.#isOpen && this.#askedInVain++ < MOST_ASKED_IN_VAIN) this.#ask(this.#frame);
  }

  /** It would fail again: what is missing is asked for by the next view or click. */
  #failed(why: string): void {
    this.#isAsking = false;
    this.#silence?.dispose();
    this.arrivals.failed(why);
  }

  /** A kernel that has not begun is busy and will answer; asking again would only make it send twice. */
  #heard(): void {
    this.#silence?.dispose();
    if (!this.#isAsking) return;
    this.#silence = this.scope.child();
    this.#silence.after(SILENCE_MS, () => this.#sentAll());
  }
}
