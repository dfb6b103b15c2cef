/**
 * What all widgets of a page share, whichever bundle they come from: module variables are one set for each instance
 * in Jupyter, and one for all in marimo.
 */
export interface Page {
  /** One audio context for each sample rate, made by audio/context.ts. */
  readonly contexts: Map<number, unknown>;
  /** What plays now: starting another one stops these. */
  readonly playing: Set<{ pause(): void }>;
  /** Engines that are alive, for tests of leaks. */
  readonly engines: Set<object>;
}

const KEY = Symbol.for("spleeter_nb");

export function page(): Page {
  const holder = globalThis as unknown as Record<symbol, Page | undefined>;
  holder[KEY] ??= { contexts: new Map(), playing: new Set(), engines: new Set() };
  return holder[KEY];
}
