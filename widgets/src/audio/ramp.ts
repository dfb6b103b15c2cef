/** Ramps begin so much after the call: what is set for a time that the audio thread has passed would click. */
const LEAD_S = 0.01;

/** Move a parameter in a straight line from where it is to `value`; returns the time at which it is there. */
export function ramp(context: BaseAudioContext, param: AudioParam, value: number, seconds: number): number {
  const now = context.currentTime;
  const begin = now + LEAD_S;
  const held = param.value;
  param.cancelScheduledValues(now);
  param.setValueAtTime(held, now);
  param.setValueAtTime(held, begin);
  param.linearRampToValueAtTime(value, begin + seconds);
  return begin + seconds;
}
