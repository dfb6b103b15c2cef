import { frameAt, type Stretch } from "./clock";
import type { Decoded } from "./decoded";
import { frameAfter, type Loop, type Segment, type Song, segmentAt } from "./song";

interface Scheduled extends Stretch {
  readonly sources: AudioBufferSourceNode[];
}

/** So many stretches at most lie ahead: short loops are not unrolled for seconds. */
const MOST_AHEAD = 32;
/** Stretches are remembered so long after their end: what one hears is later than what is computed. */
const REMEMBERED_S = 2;

/**
 * Starts the sources of all signals chunk by chunk, each chunk at one time for all signals.
 *
 * With samples counted from where the sound began at T, the source of the n-th sample starts at T + n / (rate speed)
 * and ends when the next one starts. Chunks may hold a sample of the next one at their end: at speeds other than 1
 * browsers interpolate, and need it for the last moment of a chunk.
 */
export class Scheduler {
  speed = 1;
  loop: Loop | null = null;
  #stretches: Scheduled[] = [];
  /** What began before does not tell where the sound is. */
  #since = 0;
  #origin = 0;
  #played = 0;
  #next = 0;

  constructor(
    readonly context: BaseAudioContext,
    readonly song: Song,
    readonly inputs: readonly AudioNode[],
    readonly decoded: Decoded,
  ) {}

  /** What sounds since `begin`, or was scheduled to. */
  get stretches(): readonly Stretch[] {
    return this.#stretches.filter(({ start }) => start >= this.#since);
  }

  /** What sources hold. */
  get buffers(): readonly AudioBuffer[] {
    const sources = this.#stretches.flatMap((stretch) => stretch.sources);
    return sources.flatMap(({ buffer }) => buffer ?? []);
  }

  /** When all that was scheduled is over. */
  get end(): number {
    return this.#timeOf(this.#played);
  }

  /** The sample that comes after all that was scheduled. */
  get next(): number {
    return this.#next;
  }

  /** Samples that are scheduled and have not sounded. */
  get ahead(): number {
    return (this.end - this.context.currentTime) * this.song.sampleRate * this.speed;
  }

  /** From `frame` on at `time`. */
  begin(time: number, frame: number): void {
    this.#since = time;
    this.#goOn(time, frame);
  }

  /** Schedule what is decoded until `count` samples are ahead; false if that came too late for all to begin at once. */
  fill(count: number): boolean {
    this.#forget();
    while (this.ahead < count && this.#countAhead() < MOST_AHEAD) {
      const segment = segmentAt(this.#next, this.song, this.loop);
      const buffers = segment && this.decoded.get(segment.chunk);
      if (!buffers) break;
      const start = this.end;
      this.#schedule(segment, buffers);
      if (this.context.currentTime >= start) return false;
    }
    return true;
  }

  /** Silence all from `time` on, and go on from there; returns the sample at which that is. */
  cut(time: number): number {
    const nearest = time < this.end ? Math.round(frameAt(this.stretches, time) ?? this.#next) : this.#next;
    // The last half of a sample before the loop's end is rounded to what would be beyond it.
    const frame = nearest === this.loop?.stop ? this.loop.first : nearest;
    for (const { start, stop, sources } of this.#stretches) {
      if (stop > time) for (const source of sources) source.stop(time);
      // What has not begun is not kept alive until it would have.
      if (start >= time) for (const source of sources) source.disconnect();
    }
    this.#stretches = this.#stretches
      .filter(({ start }) => start < time)
      .map((stretch) => (stretch.stop > time ? { ...stretch, stop: time, last: frame } : stretch));
    this.#goOn(Math.min(time, this.end), frame);
    return frame;
  }

  clear(): void {
    for (const { sources } of this.#stretches) for (const source of sources) source.disconnect();
    this.#stretches = [];
  }

  #goOn(time: number, frame: number): void {
    this.#origin = time;
    this.#played = 0;
    this.#next = frame;
  }

  #countAhead(): number {
    return this.#stretches.filter(({ stop }) => stop > this.context.currentTime).length;
  }

  #timeOf(played: number): number {
    return this.#origin + played / (this.song.sampleRate * this.speed);
  }

  #schedule(segment: Segment, buffers: readonly AudioBuffer[]): void {
    const start = this.end;
    this.#played += segment.stop - segment.first;
    const stop = this.end;
    const offset = (segment.first - segment.chunk * this.song.chunkFrames) / this.song.sampleRate;
    const sources = this.inputs.map((input, signal) => {
      const buffer = buffers[signal] ?? null;
      const source = new AudioBufferSourceNode(this.context, { buffer, playbackRate: this.speed });
      source.connect(input);
      source.start(start, offset);
      source.stop(stop);
      return source;
    });
    this.#stretches.push({ start, stop, first: segment.first, last: segment.stop, sources });
    this.#next = frameAfter(segment, this.loop);
  }

  /** Let go of sources that are over, so that their sound can be freed. */
  #forget(): void {
    const now = this.context.currentTime;
    for (const { stop, sources } of this.#stretches) {
      if (stop < now) for (const source of sources.splice(0)) source.disconnect();
    }
    this.#stretches = this.#stretches.filter(({ stop }) => stop > now - REMEMBERED_S);
  }
}
