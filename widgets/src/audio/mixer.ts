import type { PlayerState } from "../data/state";
import { Ramp } from "./ramp";
import { type Song, signalCount } from "./song";

/** The traits that decide what is heard. */
export const MIX_TRAITS = [
  "gains_db",
  "pans",
  "muted",
  "soloed",
  "master_db",
  "original",
  "match_loudness",
] as const satisfies readonly (keyof PlayerState)[];

export type MixState = Pick<PlayerState, (typeof MIX_TRAITS)[number] | "stems" | "has_mixture" | "powers">;

/** What is heard, as factors. */
export interface Mix {
  /** Of each stem; 0 where it is muted or another one is soloed. */
  readonly gains: readonly number[];
  readonly pans: readonly number[];
  readonly master: number;
  readonly isOriginal: boolean;
  /** Of the mixture. */
  readonly originalGain: number;
}

const CHANGE_S = 0.01;
const CROSS_FADE_S = 0.008;
/** Loudness is matched within this factor. */
const MOST_MATCH = 8;

function fromDecibels(decibels: number): number {
  return 10 ** (decibels / 20);
}

/** What is said of a stem, 0 where nothing is; a stem may be called "constructor", which every object has. */
export function ownNumber(numbers: Readonly<Record<string, number>>, stem: string): number {
  return Object.hasOwn(numbers, stem) ? (numbers[stem] ?? 0) : 0;
}

/** Whether a stem is heard in the remix: solo is exclusive, and stronger than mute. */
export function isHeard(stem: string, { muted, soloed }: Pick<PlayerState, "muted" | "soloed">): boolean {
  return soloed ? soloed === stem : !muted.includes(stem);
}

/** Decide what is heard. */
export function mixOf(state: MixState): Mix {
  const { stems, powers } = state;
  const gains = stems.map((stem) => (isHeard(stem, state) ? fromDecibels(ownNumber(state.gains_db, stem)) : 0));
  return {
    gains,
    pans: stems.map((stem) => ownNumber(state.pans, stem)),
    master: fromDecibels(state.master_db),
    isOriginal: state.original && state.has_mixture,
    originalGain: state.match_loudness ? matchingGain(gains, powers) : 1,
  };
}

/**
 * The gain at which the mixture is as loud as the stems with their gains.
 *
 * The power of a sum is that of its terms, g_i^2 P_i, and of what each two have in common. That is known for all pairs
 * together: the mixture's power less the stems'. It is shared out evenly, so that the estimate is exact for all stems
 * alike and for one alone.
 */
export function matchingGain(gains: readonly number[], powers: readonly number[]): number {
  const mixture = powers[gains.length] ?? 0;
  const own = gains.reduce((sum, gain, i) => sum + gain ** 2 * (powers[i] ?? 0), 0);
  const common = mixture - gains.reduce((sum, _, i) => sum + (powers[i] ?? 0), 0);
  const pairs = gains.reduce((sum, gain) => sum + gain, 0) ** 2 - gains.reduce((sum, gain) => sum + gain ** 2, 0);
  const share = gains.length > 1 ? pairs / (gains.length * (gains.length - 1)) : 0;
  const heard = own + common * share;
  if (mixture <= 0 || heard <= 0) return 1;
  return Math.min(Math.max(Math.sqrt(heard / mixture), 1 / MOST_MATCH), MOST_MATCH);
}

interface Strip {
  readonly gain: Ramp;
  readonly pan: Ramp;
}

/** Stems through gain and panner, the mixture beside them, one sum; changes are ramps, never other nodes. */
export class Mixer {
  /** Where the sources of each signal go. */
  readonly inputs: readonly GainNode[];
  /** The stems together, and the mixture: one of them is at 1, the other at 0. */
  readonly stems: GainNode;
  readonly original: GainNode;
  readonly output: GainNode;
  readonly #strips: readonly Strip[];
  readonly #originalGain: Ramp;
  readonly #master: Ramp;
  readonly #isStems: Ramp;
  readonly #isOriginal: Ramp;

  constructor(
    context: BaseAudioContext,
    readonly song: Song,
    mix: Mix,
  ) {
    this.output = new GainNode(context, { gain: mix.master });
    this.stems = new GainNode(context, { gain: Number(!mix.isOriginal) });
    this.original = new GainNode(context, { gain: Number(mix.isOriginal) });
    const gains = song.stems.map((_, i) => new GainNode(context, { gain: (mix.gains[i] ?? 1) * song.fullScale }));
    const originalGain = new GainNode(context, { gain: mix.originalGain * song.fullScale });
    originalGain.connect(this.original);
    this.stems.connect(this.output);
    this.original.connect(this.output);
    this.inputs = [...gains, originalGain].slice(0, signalCount(song));
    const ramp = (param: AudioParam) => new Ramp(context, param);
    this.#strips = gains.map((gain, i) => {
      const panner = new StereoPannerNode(context, { pan: mix.pans[i] ?? 0 });
      gain.connect(panner).connect(this.stems);
      return { gain: ramp(gain.gain), pan: ramp(panner.pan) };
    });
    this.#originalGain = ramp(originalGain.gain);
    this.#master = ramp(this.output.gain);
    this.#isStems = ramp(this.stems.gain);
    this.#isOriginal = ramp(this.original.gain);
  }

  apply(mix: Mix): void {
    const { fullScale } = this.song;
    for (const [i, { gain, pan }] of this.#strips.entries()) {
      gain.to((mix.gains[i] ?? 1) * fullScale, CHANGE_S);
      pan.to(mix.pans[i] ?? 0, CHANGE_S);
    }
    this.#originalGain.to(mix.originalGain * fullScale, CHANGE_S);
    this.#master.to(mix.master, CHANGE_S);
    this.#isStems.to(Number(!mix.isOriginal), CROSS_FADE_S);
    this.#isOriginal.to(Number(mix.isOriginal), CROSS_FADE_S);
  }
}
