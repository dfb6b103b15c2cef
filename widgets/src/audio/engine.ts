import { page } from "../afm/page";
import type { Scope } from "../afm/scope";
import { frameAt, heardTime, onSample } from "./clock";
import { Decoded, type Encoded } from "./decoded";
import { type Mix, Mixer } from "./mixer";
import { Ramp } from "./ramp";
import { Scheduler } from "./scheduler";
import { chunksAhead, type Loop, type Song, segmentAt } from "./song";

export type EngineState = "paused" | "playing" | "buffering";

/** Of the song, not of time: what is ahead is bounded at any speed. */
const SCHEDULED_S = 10;
const DECODED_S = 20;
const TICK_MS = 200;
/** From the call to the first sample: longer than browsers compute at once, lest some signals begin late. */
const START_S = 0.04;
/** What changes without a break (loop, speed) changes so long after the call. */
const CHANGE_S = 0.05;
const FADE_S = 0.015;
/** Sound that ends so soon, with nothing to follow, will be faded out. */
const SOON_S = 0.5;

export interface Start {
  readonly context: BaseAudioContext;
  readonly destination: AudioNode;
  readonly song: Song;
  readonly encoded: Encoded;
  readonly mix: Mix;
}

/**
 * Plays all signals of a song on one clock: they start, stop, starve and go on together, to the sample.
 *
 *     sources of each signal -> mixer -> fade -> analyser -> destination
 */
export class Engine {
  readonly context: BaseAudioContext;
  readonly mixer: Mixer;
  /** Sees what is heard. */
  readonly analyser: AnalyserNode;
  /** Most bytes of decoded sound that there were at once. */
  peakDecodedBytes = 0;
  /** Why sound could not be decoded. */
  error: unknown = null;
  readonly #song: Song;
  readonly #decoded: Decoded;
  readonly #scheduler: Scheduler;
  readonly #fade: Ramp;
  #state: EngineState = "paused";
  /** Where sound begins when it does. */
  #frame = 0;
  /** Sound that is fading out ends then. */
  #silent = 0;
  /** When the fade-out begins that is planned for the case that no more sound comes. */
  #starving = Number.POSITIVE_INFINITY;
  #ticks: Scope | null = null;

  /** `changed` is called when the state has changed. */
  constructor(
    { context, destination, song, encoded, mix }: Start,
    readonly scope: Scope,
    readonly changed: () => void = () => undefined,
  ) {
    this.context = context;
    this.#song = song;
    this.mixer = new Mixer(context, song, mix);
    const fade = new GainNode(context, { gain: 0 });
    this.#fade = new Ramp(context, fade.gain);
    this.analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.mixer.output.connect(fade).connect(this.analyser).connect(destination);
    this.#decoded = new Decoded(song, encoded, () => this.#advance());
    this.#scheduler = new Scheduler(context, song, this.mixer.inputs, this.#decoded);
    page().engines.add(this);
    scope.defer(() => this.#dispose());
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The sample that is heard now. */
  get position(): number {
    const heard = this.#state === "playing" ? frameAt(this.#scheduler.stretches, heardTime(this.context)) : null;
    return Math.round(heard ?? this.#frame);
  }

  get decodedBytes(): number {
    const buffers = new Set([...this.#decoded.buffers, ...this.#scheduler.buffers]);
    return [...buffers].reduce((sum, { length, numberOfChannels }) => sum + 4 * length * numberOfChannels, 0);
  }

  /** The loudest sample of the last moments of what is heard, all signals together. */
  level(): number {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return samples.reduce((loudest, value) => Math.max(loudest, Math.abs(value)), 0);
  }

  /** Play from where it is, from the start if that is the end; resolves when the sound ahead is decoded. */
  play(): Promise<void> {
    if (this.#state !== "paused") return this.tick();
    if (this.#frame >= this.#song.frames) this.#frame = 0;
    this.error = null;
    this.#ticks = this.scope.child();
    this.#ticks.every(TICK_MS, () => void this.tick());
    this.#become("buffering");
    return this.tick();
  }

  pause(): void {
    if (this.#state === "paused") return;
    this.#stop();
    this.#ticks?.dispose();
    this.#become("paused");
  }

  seek(frame: number): void {
    const wasPaused = this.#state === "paused";
    if (!wasPaused) this.#stop();
    this.#frame = Math.min(Math.max(0, Math.round(frame)), this.#song.frames);
    if (wasPaused) return;
    this.#become("buffering");
    void this.tick();
  }

  /** Loop, or not; returns whether the sound is beyond the end, or will be before it can turn: then it plays on. */
  setLoop(loop: Loop | null): boolean {
    let next = this.#frame;
    this.#change(() => {
      this.#scheduler.loop = loop;
      if (this.#state === "playing") next = this.#scheduler.next;
    });
    return loop !== null && next >= loop.stop;
  }

  /** Faster and higher, or slower and lower. */
  setSpeed(speed: number): void {
    this.#change(() => {
      this.#scheduler.speed = exactly(speed);
    });
  }

  /** Schedule and decode what is due; called a few times a second while there is sound. */
  async tick(): Promise<void> {
    this.#advance();
    if (this.#state === "paused") return;
    try {
      await this.#decoded.want(this.#chunksAhead());
    } catch (error) {
      this.error = error;
      this.pause();
    }
  }

  /** Drop all decoded sound; nothing may be playing. */
  release(): void {
    if (this.#state !== "paused") return;
    this.#scheduler.clear();
    this.#decoded.keep([]);
  }

  #chunksAhead(): number[] {
    return chunksAhead(this.position, DECODED_S * this.#song.sampleRate, this.#song, this.#scheduler.loop);
  }

  #advance(): void {
    this.peakDecodedBytes = Math.max(this.peakDecodedBytes, this.decodedBytes);
    if (this.#state === "playing" && this.#left < START_S) this.#runDry();
    if (this.#state === "buffering") this.#begin();
    if (this.#state !== "playing") return;
    if (this.#scheduler.fill(SCHEDULED_S * this.#song.sampleRate)) this.#fadeBeforeStarving();
    else this.#restart();
  }

  /** Seconds until all that was scheduled is over. */
  get #left(): number {
    return this.#scheduler.end - this.context.currentTime;
  }

  /** Begin if the sound is decoded. */
  #begin(): void {
    const segment = segmentAt(this.#frame, this.#song, this.#scheduler.loop);
    if (segment && !this.#decoded.get(segment.chunk)) return;
    const time = onSample(this.context, Math.max(this.context.currentTime + START_S, this.#silent));
    this.#scheduler.begin(time, this.#frame);
    this.#fade.plan({ begin: time, end: time + FADE_S, from: 0, to: 1 });
    this.#become("playing");
  }

  /** Nothing more is scheduled: the song is over, or its sound has not come in time. */
  #runDry(): void {
    this.#frame = this.#scheduler.next;
    this.#silent = this.#scheduler.end;
    this.#starving = Number.POSITIVE_INFINITY;
    if (this.#frame < this.#song.frames) {
      this.#become("buffering");
    } else {
      this.#ticks?.dispose();
      this.#become("paused");
    }
  }

  /** Plan to fade out at the end of what is here; plan anew when that has changed, as when more has come. */
  #fadeBeforeStarving(): void {
    const { end, next } = this.#scheduler;
    const isStarving = this.#left < SOON_S && next < this.#song.frames;
    const begin = isStarving ? end - FADE_S : Number.POSITIVE_INFINITY;
    if (begin === this.#starving) return;
    if (this.context.currentTime >= this.#starving) this.#fade.to(1, FADE_S);
    else if (Number.isFinite(this.#starving)) this.#fade.unplan();
    if (isStarving) this.#fade.plan({ begin, end, from: 1, to: 0 });
    this.#starving = begin;
  }

  /** The computer was too slow: some signals would have begun before others. */
  #restart(): void {
    this.#stop();
    this.#become("buffering");
  }

  /** Fade out and be silent. */
  #stop(): void {
    if (this.#state !== "playing") return;
    this.#silent = this.#fade.to(0, FADE_S);
    this.#frame = this.#scheduler.cut(this.#silent);
    this.#starving = Number.POSITIVE_INFINITY;
  }

  /** Change how it goes on without a break: what was scheduled is scheduled anew from a moment ahead. */
  #change(change: () => void): void {
    if (this.#state === "playing") this.#scheduler.cut(onSample(this.context, this.context.currentTime + CHANGE_S));
    change();
    if (this.#state === "playing") void this.tick();
  }

  #become(state: EngineState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.changed();
  }

  #dispose(): void {
    this.pause();
    this.#scheduler.clear();
    this.#decoded.keep([]);
    this.analyser.disconnect();
    page().engines.delete(this);
  }
}

/** The nearest speed that adds up without rounding: browsers count samples with it, and so do we. */
function exactly(speed: number): number {
  return Math.round(Math.min(Math.max(speed, 0.5), 2) * 1024) / 1024;
}
