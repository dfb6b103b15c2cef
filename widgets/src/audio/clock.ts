/** Samples [first, last) that sound from `start` to `stop`, in seconds of the context's time. */
export interface Stretch {
  readonly start: number;
  readonly stop: number;
  readonly first: number;
  readonly last: number;
}

/** The sample that sounds at `time`; before the first stretch its start, after the last one its end. */
export function frameAt(stretches: readonly Stretch[], time: number): number | null {
  const stretch = stretches.findLast(({ start }) => start <= time) ?? stretches[0];
  if (!stretch) return null;
  const passed = (time - stretch.start) / (stretch.stop - stretch.start);
  return stretch.first + Math.min(Math.max(passed, 0), 1) * (stretch.last - stretch.first);
}

/** The context's time of the sound that leaves the loudspeakers now. */
export function heardTime(context: BaseAudioContext): number {
  if (!("getOutputTimestamp" in context)) return context.currentTime;
  const { contextTime, performanceTime } = (context as AudioContext).getOutputTimestamp();
  // Nothing has been heard, or the browser does not know.
  if (!contextTime || !performanceTime) return context.currentTime;
  return Math.min(contextTime + (performance.now() - performanceTime) / 1000, context.currentTime);
}

/** `time` rounded up to a whole sample of the context. */
export function onSample(context: BaseAudioContext, time: number): number {
  return Math.ceil(time * context.sampleRate - 1e-3) / context.sampleRate;
}
