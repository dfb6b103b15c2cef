import { SHORTEST_LOOP_S } from "../audio/traits";
import type { Region } from "./view";

/** A little more than what is refused: the difference of two edges is not exact. */
const SHORTEST = SHORTEST_LOOP_S + 1e-6;

/** Return a region that is inside the song, in order, and long enough to be heard. */
export function asLoop(one: number, other: number, duration: number): Region {
  const shortest = Math.min(SHORTEST, duration);
  const start = Math.min(Math.max(Math.min(one, other), 0), duration - shortest);
  return [start, Math.min(Math.max(one, other, start + shortest), duration)];
}

/** Let the loop start at `seconds`; it reaches to its old end, or to the song's. */
export function startingAt(seconds: number, loop: Region | null, duration: number): Region {
  return asLoop(seconds, loop && loop[1] > seconds ? loop[1] : duration, duration);
}

/** Let the loop stop at `seconds`; it starts where it did, or with the song. */
export function stoppingAt(seconds: number, loop: Region | null, duration: number): Region {
  return asLoop(loop && loop[0] < seconds ? loop[0] : 0, seconds, duration);
}
