import type { Scope } from "../afm/scope";
import type { Session } from "../audio/session";
import { button, setPressed } from "./button";

/** Some hosts and headphones hear what comes from an audio element only. */
export function outputSwitch(session: Session, scope: Scope): HTMLElement {
  const label = "Play through an audio element";
  const toggle = button(
    {
      ...{ label, text: label },
      onPress: () => {
        session.isElement = !session.isElement;
      },
    },
    scope,
  );
  const update = () => setPressed(toggle, session.isElement);
  session.on("state", update, scope);
  update();
  return toggle;
}
