import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SpectrogramState } from "../../src/data/state";
import { inflate } from "../../src/data/tile";
import { FrequencyAxis } from "../../src/draw/frequency";
import type { Look } from "../../src/draw/spectrogram";
import librosa from "../fixtures/librosa.json";
import { ShownPane } from "../pane";
import { FakeSpectrograms, tileTraits } from "../tiles";

const BINS = librosa.n_fft / 2 + 1;
const COLUMNS = 1 + Math.floor(librosa.frames / librosa.hop_length);
const LEVELS = 4;
const TRAITS = { sample_rate: librosa.rate, n_fft: librosa.n_fft, frames: librosa.frames, full_db: librosa.full_db };
const SOUNDS = Object.keys(librosa.sounds) as (keyof typeof librosa.sounds)[];
const LOOK: Look = {
  ...{ yAxis: "linear", fmin: 0, fmax: librosa.rate / 2, cmap: "gray" },
  ...{ gainDb: 0, topDb: 80, peakDb: 0, differenceDb: 24 },
};

/** librosa's dB, columns x bins, and the bytes that the kernel makes of the same samples. */
async function load(name: keyof typeof librosa.sounds): Promise<{ levels: Float64Array; bytes: Uint8Array }> {
  const unpacked = async (text: string, size: number) => {
    const bytes = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
    return (await inflate(new DataView(bytes.buffer), size)) as Uint8Array<ArrayBuffer>;
  };
  const size = COLUMNS * BINS;
  const { decibels, tile } = librosa.sounds[name];
  const hundredths = new Int16Array((await unpacked(decibels, 2 * size)).buffer);
  return { levels: Float64Array.from(hundredths, (value) => value / 100), bytes: await unpacked(tile, size) };
}

let shown: ShownPane;
afterEach(() => shown.scope.dispose());

function show(signals: readonly Uint8Array[], size: readonly [number, number], traits: Partial<SpectrogramState> = {}) {
  shown = new ShownPane(new FakeSpectrograms(signals, tileTraits(signals.length, { ...TRAITS, ...traits })), size);
}

describe.each(SOUNDS)("%s", (name) => {
  let levels: Float64Array;
  let bytes: Uint8Array;
  beforeEach(async () => {
    ({ levels, bytes } = await load(name));
  });

  /** librosa's maximum over the columns and bins [first, stop). */
  function loudest([first, stop]: [number, number], [low, high]: [number, number]): number {
    let highest = Number.NEGATIVE_INFINITY;
    for (let column = Math.max(first, 0); column < Math.min(stop, COLUMNS); column++) {
      for (let bin = low; bin < high; bin++) highest = Math.max(highest, levels[column * BINS + bin] as number);
    }
    return highest;
  }

  const SIZES = [
    [411, 307],
    [411, 61],
    [60, 307],
    [29, 61],
    [5, 61],
  ] as const;
  const CASES = SIZES.flatMap(([width, height]) =>
    (["linear", "log", "mel"] as const).map((yAxis) => ({ width, height, yAxis })),
  );

  test.each(CASES)(
    "$width x $height pixels, $yAxis: colours are librosa's levels",
    async ({ width, height, yAxis }) => {
      const look = { ...LOOK, yAxis, fmin: 37, fmax: 3991 };
      show([bytes], [width, height]);
      await shown.drawSharp({ kind: "level", signal: 0 }, look);
      const axis = new FrequencyAxis(look);
      const binAt = (row: number) => (axis.toHz(1 - row / height) * librosa.n_fft) / librosa.rate;
      const perPixel = librosa.frames / width / librosa.hop_length;
      const pool = 2 ** Math.min(Math.max(0, Math.ceil(Math.log2(perPixel))), LEVELS - 1);
      const pixels = shown.pixels;
      let [worst, coloured] = [0, 0];
      for (let y = 0; y < height; y++) {
        const nearest = Math.round(binAt(y + 0.5));
        const within: [number, number] = [Math.ceil(binAt(y + 1)), Math.ceil(binAt(y))];
        const bins: [number, number] = within[0] < within[1] ? within : [nearest, nearest + 1];
        for (let x = 0; x < width; x++) {
          const columnAt = (pixel: number) => Math.floor((pixel * perPixel + 0.5) / pool);
          const isWide = perPixel > pool;
          const column = Math.min(columnAt(x + (isWide ? 0 : 0.5)), Math.ceil(COLUMNS / pool) - 1);
          const last = isWide ? columnAt(x + 1) : column;
          const expected = loudest([column * pool, (last + 1) * pool], bins);
          const [red = 0, green, blue, opacity] = pixels.subarray(4 * (y * width + x));
          coloured += Number(green !== red || blue !== red || opacity !== 255);
          const drawn = (red / 255) * LOOK.topDb - LOOK.topDb;
          worst = Math.max(worst, Math.abs(drawn - Math.min(Math.max(expected, -LOOK.topDb), 0)));
        }
      }
      expect(worst).toBeLessThan(0.5);
      expect(coloured).toBe(0);
    },
  );

  test("read-outs are librosa's levels", async () => {
    show([bytes], [411, 61]);
    await shown.drawSharp({ kind: "level", signal: 0 }, LOOK);
    let worst = 0;
    for (let column = 0; column < COLUMNS; column++) {
      for (let bin = 0; bin < BINS; bin++) {
        const expected = levels[column * BINS + bin] as number;
        const hz = (bin * librosa.rate) / librosa.n_fft;
        const reading = shown.tiles.read(0, column * librosa.hop_length, hz);
        if (expected > -100) worst = Math.max(worst, Math.abs((reading?.db ?? -999) - expected));
      }
    }
    expect(worst).toBeLessThan(0.5);
  });
});
