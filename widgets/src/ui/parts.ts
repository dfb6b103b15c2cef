import type { Scope } from "../afm/scope";
import type { Colours } from "../afm/theme";
import type { Session } from "../audio/session";
import type { Stage } from "../draw/stage";
import type { Actions } from "./actions";
import type { View } from "./view";

/** What every part of a player's view is given. */
export interface Context {
  readonly session: Session;
  readonly view: View;
  readonly actions: Actions;
  readonly stage: Stage;
  readonly scope: Scope;
  /** The colours in force. */
  readonly colours: () => Colours;
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
