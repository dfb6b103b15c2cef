import type { Look } from "./look";

export interface FrequencyTick {
  readonly hz: number;
  readonly label: string;
}

interface Scale {
  from(hz: number): number;
  to(place: number): number;
}

/** Slaney's mel, as librosa has it by default: linear up to 1000 Hz, above that a logarithm. */
const MEL_HZ = 200 / 3;
const MEL_BREAK_HZ = 1000;
const MEL_BREAK = MEL_BREAK_HZ / MEL_HZ;
const MEL_LOG_STEP = Math.log(6.4) / 27;

const SCALES: Readonly<Record<Look["yAxis"], Scale>> = {
  linear: { from: (hz) => hz, to: (place) => place },
  log: { from: Math.log, to: Math.exp },
  mel: {
    from: (hz) => (hz < MEL_BREAK_HZ ? hz / MEL_HZ : MEL_BREAK + Math.log(hz / MEL_BREAK_HZ) / MEL_LOG_STEP),
    to: (mel) => (mel < MEL_BREAK ? mel * MEL_HZ : MEL_BREAK_HZ * Math.exp((mel - MEL_BREAK) * MEL_LOG_STEP)),
  },
};

/** Lowest frequency of a logarithmic axis, which has no zero. */
const LOG_FLOOR_HZ = 20;
/** Labels are at least so many pixels apart: a line of small text. */
const LABEL_PX = 13;
/** Their middles are so far from the edges of a pane: those of two panes do not touch. */
const LABEL_EDGE_PX = 9;
/** With fewer of 1, 2, 5, 10, … in sight than this, other round numbers are taken too. */
const FEW_TICKS = 4;

const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
/** Semitones above C in order of need. */
const NOTE_TIERS = [[0], [7], [4], [2, 5, 9, 11], [1, 3, 6, 8, 10]];
const MIDI_A4 = 69;
const HZ_A4 = 440;
const MIDI_LAST = 143;

/** The frequencies of a pane, from its bottom to its top. */
export class FrequencyAxis {
  /** Hz. */
  readonly fmin: number;
  readonly fmax: number;
  readonly #scale: Scale;
  readonly #bottom: number;
  readonly #range: number;

  constructor({ yAxis, fmin, fmax }: Pick<Look, "yAxis" | "fmin" | "fmax">) {
    this.#scale = SCALES[yAxis];
    this.fmin = yAxis === "log" ? Math.max(fmin, LOG_FLOOR_HZ) : fmin;
    this.fmax = fmax;
    this.#bottom = this.#scale.from(this.fmin);
    this.#range = this.#scale.from(this.fmax) - this.#bottom;
  }

  /** 0 at the bottom, 1 at the top, and beyond for what is out of sight. */
  toFraction(hz: number): number {
    return (this.#scale.from(hz) - this.#bottom) / this.#range;
  }

  /** The inverse of `toFraction`. */
  toHz(fraction: number): number {
    return this.#scale.to(this.#bottom + fraction * this.#range);
  }

  /** Pixels from the top of a pane `height` high to the middle of a label. */
  labelAt(hz: number, height: number): number {
    return Math.min(Math.max((1 - this.toFraction(hz)) * height, LABEL_EDGE_PX), height - LABEL_EDGE_PX);
  }

  /** What fits beside a pane `height` pixels high, from the bottom up: round numbers of Hz, or names of notes. */
  ticks(height: number, noteNames: boolean): FrequencyTick[] {
    const chosen: number[] = [];
    for (const candidates of noteNames ? NOTE_TIERS.map(notesAbove) : this.#numbers(height)) {
      const inSight = this.#inSight(candidates);
      const before = chosen.length;
      for (const hz of inSight) if (this.#hasRoom(hz, chosen, height)) chosen.push(hz);
      // What is needed less would stand alone.
      if (inSight.length && chosen.length === before) break;
    }
    const label = noteNames ? noteOf : hzLabel;
    return chosen.sort((one, other) => one - other).map((hz) => ({ hz, label: label(hz) }));
  }

  /** Round numbers in order of need. */
  #numbers(height: number): number[][] {
    const { fmin, fmax } = this;
    const tiers = this.#scale === SCALES.linear ? [] : [[0], decades(1), decades(5), decades(2)];
    if (this.#inSight(tiers.flat()).length >= FEW_TICKS) return tiers;
    return [...tiers, multiples(roundStep(((fmax - fmin) * LABEL_PX) / height), fmin, fmax)];
  }

  #inSight(candidates: readonly number[]): number[] {
    return candidates.filter((hz) => hz >= this.fmin && hz <= this.fmax);
  }

  #hasRoom(hz: number, taken: readonly number[], height: number): boolean {
    const at = this.labelAt(hz, height);
    return taken.every((other) => Math.abs(this.labelAt(other, height) - at) >= LABEL_PX);
  }
}

/** The note that is nearest to a frequency, and how many cents it is off: "A4 +12"; "" below C0. */
export function noteOf(hz: number): string {
  const midi = MIDI_A4 + 12 * Math.log2(hz / HZ_A4);
  const nearest = Math.round(midi);
  const name = NOTES[nearest % 12];
  if (!(nearest >= 12) || name === undefined) return "";
  const cents = Math.round(100 * (midi - nearest));
  const off = cents === 0 ? "" : ` ${cents > 0 ? "+" : "-"}${Math.abs(cents)}`;
  return `${name}${Math.floor(nearest / 12) - 1}${off}`;
}

function hzLabel(hz: number): string {
  return hz < 1000 ? String(Number(hz.toFixed(3))) : `${Number((hz / 1000).toFixed(6))}k`;
}

/** All frequencies of some notes of an octave, given in semitones above C. */
function notesAbove(semitones: readonly number[]): number[] {
  const midis = Array.from({ length: MIDI_LAST - 11 }, (_, i) => i + 12).filter((midi) =>
    semitones.includes(midi % 12),
  );
  return midis.map((midi) => HZ_A4 * 2 ** ((midi - MIDI_A4) / 12));
}

/** A digit times powers of ten, the highest first: there labels are closest. */
function decades(digit: number): number[] {
  return [5, 4, 3, 2, 1, 0].map((power) => digit * 10 ** power);
}

function multiples(step: number, first: number, last: number): number[] {
  const start = Math.ceil(first / step - 1e-9);
  const count = Math.max(0, Math.floor(last / step + 1e-9) - start + 1);
  return Array.from({ length: count }, (_, i) => (start + i) * step);
}

/** The least of 1, 2, 5, 10, … that is at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((digit) => digit * power >= least * (1 - 1e-9)) ?? 10) * power;
}
