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
  /** Players by their `link`, for those that play along; kept by audio/playback.ts. */
  readonly sessions: Map<string, object>;
  /** Told of players that come and go. */
  readonly changes: EventTarget;
}

const KEY = Symbol.for("spleeter_nb");

export function page(): Page {
  const holder = globalThis as unknown as Record<symbol, Page | undefined>;
  // A bundle of an earlier version may have made it, with less in it.
  const shared = Object.assign(holder[KEY] ?? {}, { ...empty(), ...holder[KEY] });
  holder[KEY] = shared;
  return shared;
}

function empty(): Page {
  return {
    contexts: new Map(),
    playing: new Set(),
    engines: new Set(),
    sessions: new Map(),
    changes: new EventTarget(),
  };
}
