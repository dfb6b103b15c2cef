import type { Model } from "../afm/model";
import { page } from "../afm/page";
import type { Scope } from "../afm/scope";
import type { PlayerState } from "../data/state";
import type { Timeline } from "./song";

export type PlaybackState = "paused" | "playing" | "buffering" | "blocked";

/** What others see of a player's session, which may come from another bundle: these few names must stay. */
export interface Playback {
  readonly song: Timeline;
  /** Its `loop` is the region of all that play along. */
  readonly model: Model<Pick<PlayerState, "loop">>;
  readonly state: PlaybackState;
  /** Why there is no sound, for people. */
  readonly error: string | null;
  /** The sample that is heard now. */
  readonly position: number;
  /** Sound is there while a view is. */
  attach(view: Scope): void;
  play(): Promise<void>;
  pause(): void;
  seek(frame: number): void;
  on(event: "state" | "position" | "mix", listener: () => void, scope: Scope): void;
}

const CHANGED = "sessions";

/** Let others of the page find a player by its link, while the scope lives; without a link, none does. */
export function register(link: string, playback: Playback, scope: Scope): void {
  if (!link) return;
  const { sessions, changes } = page();
  sessions.set(link, playback);
  scope.defer(() => {
    if (sessions.get(link) === playback) sessions.delete(link);
    changes.dispatchEvent(new Event(CHANGED));
  });
  changes.dispatchEvent(new Event(CHANGED));
}

export function playbackOf(link: string): Playback | null {
  return (page().sessions.get(link) as Playback | undefined) ?? null;
}

/** Call `changed` when a player comes or goes. */
export function onPlaybacks(changed: () => void, scope: Scope): void {
  scope.listen(page().changes, CHANGED, changed);
}
