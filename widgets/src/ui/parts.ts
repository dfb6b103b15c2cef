import type { Scope } from "../afm/scope";
import type { Colours } from "../afm/theme";
import type { Session } from "../audio/session";
import type { Stage } from "../draw/stage";
import type { Actions } from "./actions";
import type { Region, TimeView, View } from "./view";

/** What the pointer does to anything in time. */
export interface TimeActions {
  /** A click: go to a sample. */
  seek(frame: number): void;
  /** Mark from one second to another, in any order. */
  setRegion(region: Region): void;
}

/** What every part of a view of something in time is given. */
export interface TimeContext {
  readonly view: TimeView;
  readonly actions: TimeActions;
  readonly stage: Stage;
  readonly scope: Scope;
  /** The colours in force. */
  readonly colours: () => Colours;
}

/** What every part of a player's view is given. */
export interface Context extends TimeContext {
  readonly session: Session;
  readonly view: View;
  readonly actions: Actions;
}

/** A part that follows the play head: `tick` is called when that has moved. */
export interface Part {
  readonly root: HTMLElement;
  tick(): void;
}

/** Bring a part up to date now, and whenever the mixer changes, here or in Python. */
export function onMix({ session, scope }: Context, update: () => void): void {
  session.on("mix", update, scope);
  update();
}
