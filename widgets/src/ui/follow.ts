import type { Scope } from "../afm/scope";
import type { Playback } from "../audio/playback";
import type { Stage } from "../draw/stage";
import { button, setPressed } from "./button";
import type { Part } from "./parts";
import type { TimeView } from "./view";

interface Following {
  readonly playback: Playback;
  readonly view: TimeView;
  readonly stage: Stage;
  readonly scope: Scope;
}

/** Move the parts with the play head: before every repaint while it plays, else when it is put somewhere. */
export function follow({ playback, view, stage, scope }: Following, parts: readonly Pick<Part, "tick">[]): void {
  let last = playback.position;
  const tick = () => {
    const now = playback.position;
    // Pages turn with the play head, not under people who look elsewhere.
    if (view.follows && view.viewport.contains(last)) view.viewport.reveal(now);
    last = now;
    for (const part of parts) part.tick();
  };
  const update = () => {
    stage.animate(playback.state === "playing" ? tick : null);
    stage.request(tick);
  };
  playback.on("state", update, scope);
  playback.on("position", update, scope);
  scope.defer(() => stage.animate(null));
  update();
}

export function followToggle(view: TimeView, scope: Scope): HTMLButtonElement {
  const toggle = button(
    {
      ...{ label: "Follow the play head", icon: "follow" },
      onPress: () => {
        view.follows = !view.follows;
        setPressed(toggle, view.follows);
      },
    },
    scope,
  );
  setPressed(toggle, view.follows);
  return toggle;
}
