import type { Level } from "./spectrogram";

/** Signals of a scene that looks like music: a voice, drums and a bass, and what is left. */
export const SCENE_SIGNALS = ["mixture", "vocals", "drums", "bass", "residual"];

const FLOOR = 1e-9;
const MELODY = [220, 247, 262, 294, 330, 294, 262, 247];

/** As dB of a sine of amplitude 1. */
export const SCENE: Level = (signal, seconds, hz) => {
  const parts = [voice, drums, bass, rest].map((part) => part(seconds, hz));
  const power = signal === 0 ? parts.reduce((sum, part) => sum + part, 0) : (parts[signal - 1] ?? 0);
  // Windows and noise: nothing is smooth in a spectrogram.
  const speckle = 0.35 + 1.3 * hash(signal, seconds, hz);
  return 10 * Math.log10(power * speckle + FLOOR * speckle);
};

function voice(seconds: number, hz: number): number {
  const phrase = seconds % 8;
  if (phrase < 1 || phrase > 6.4) return 0;
  const note = Math.floor(phrase * 2.5);
  const within = phrase * 2.5 - note;
  const base = (MELODY[note % MELODY.length] ?? 220) * (1 + 0.018 * Math.sin(2 * Math.PI * 5.5 * seconds));
  const envelope = Math.min(1, within * 8) * Math.min(1, (1 - within) * 8);
  const formants = 1 + 6 * Math.exp(-(((hz - 700) / 300) ** 2)) + 4 * Math.exp(-(((hz - 2800) / 500) ** 2));
  return envelope * harmonics(hz, base, 10_500, 20) * formants * 0.012;
}

function bass(seconds: number, hz: number): number {
  const beat = seconds * 2;
  const base = [55, 55, 65.4, 49][Math.floor(beat / 4) % 4] ?? 55;
  return harmonics(hz, base, 900, 12) * Math.exp(-2 * (beat % 1)) * 0.05;
}

function drums(seconds: number, hz: number): number {
  const beat = (seconds * 2) % 2;
  const since = (at: number) => (beat - at + 2) % 2;
  const kick = Math.exp(-(((hz - 60) / 60) ** 2)) * Math.exp(-12 * since(0)) * 0.2;
  const snare = Math.exp(-(((hz - 1800) / 4500) ** 2)) * Math.exp(-14 * since(1)) * 0.002;
  const hat = (hz > 5000 ? 1 : 0.02) * Math.exp(-40 * ((seconds * 4) % 1)) * Math.exp(-hz / 14_000) * 0.0008;
  return kick + snare + hat;
}

function rest(seconds: number, hz: number): number {
  return 3e-8 * (1 + Math.sin(seconds)) * Math.exp(-hz / 9000);
}

/** Power of the harmonics of one note, up to a limit. */
function harmonics(hz: number, base: number, limit: number, width: number): number {
  const order = Math.round(hz / base);
  if (order < 1 || hz > limit) return 0;
  return Math.exp(-(((hz - order * base) / width) ** 2)) / order ** 1.8;
}

/** A number from 0 to 1 that looks like chance. */
function hash(signal: number, seconds: number, hz: number): number {
  const value = Math.sin(signal * 12.9898 + seconds * 7823.233 + hz * 3.7719) * 43758.5453;
  return value - Math.floor(value);
}
