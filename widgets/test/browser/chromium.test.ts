import { expect, test } from "vitest";

test("Chromium runs without a sound card and with a garbage collector to call", async () => {
  const context = new AudioContext({ sampleRate: 44100 });
  await context.resume();
  expect([context.state, context.sampleRate, "gc" in globalThis]).toEqual(["running", 44100, true]);
  await context.close();
});
