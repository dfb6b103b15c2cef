import { expect, test } from "vitest";
import { Codec } from "../../src/audio/codec";
import { peakDifference } from "../audio";

const RATE = 44_100;

async function chunk(): Promise<Blob> {
  return (await fetch(new URL("../fixtures/chunk.flac", import.meta.url))).blob();
}

test("FLAC is decoded to its very samples, as fractions of full scale, at its rate", async () => {
  const buffer = await new Codec(RATE).decode(await chunk());
  const expected = new Float32Array(RATE / 5).map((_, i) => (((i * 7919) % 60001) - 30000) / 32768);
  expect([buffer.sampleRate, buffer.length, buffer.numberOfChannels]).toEqual([RATE, RATE / 5, 2]);
  // Some browsers divide positive samples by 32767, others by 32768.
  for (const [channel, sign] of [1, -1].entries()) {
    const signed = expected.map((value) => sign * value);
    expect(peakDifference(buffer.getChannelData(channel), signed)).toBeLessThan(1 / 32767);
  }
});

test("what is kept can be decoded again and again", async () => {
  const [codec, blob] = [new Codec(RATE), await chunk()];
  const [one, two] = [await codec.decode(blob), await codec.decode(blob)];
  expect(one.length).toBe(two.length);
});

test("what is no sound is an error", async () => {
  await expect(new Codec(RATE).decode(new Blob(["no sound"]))).rejects.toThrow();
});
