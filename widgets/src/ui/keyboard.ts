import type { Scope } from "../afm/scope";
import { belongsToControl, type Pressed, passes } from "./keys";
import type { ByKeyboard } from "./toolbar";

/** What the keys of a widget do. */
export interface Keymap<Command> {
  /** Null for keys that do nothing. */
  readonly commandOf: (event: Pressed) => Command | null;
  /** Whether a key that is held down does it again and again. */
  readonly repeats: (command: Command) => boolean;
  readonly run: (command: Command) => void;
}

/**
 * Let keys act while the focus is inside `box`, and keep those that do from the notebook; all others pass. `home` gets
 * the focus when something is clicked that cannot have it. Returns whether the focus came by keyboard.
 */
export function keyboard<Command>(
  box: HTMLElement,
  home: HTMLElement,
  { commandOf, repeats, run }: Keymap<Command>,
  scope: Scope,
): ByKeyboard {
  const byKeyboard = watchFocus(box, home, scope);
  const isControls = (event: KeyboardEvent) => belongsToControl(event, event.target as Element, byKeyboard());
  scope.listen(box, "keydown", (event) => {
    const command = isControls(event) ? null : commandOf(event);
    if (command) {
      event.preventDefault();
      if (!event.repeat || repeats(command)) run(command);
    }
    if (command || (isControls(event) && !passes(event))) event.stopPropagation();
  });
  scope.listen(box, "keyup", (event) => {
    // Firefox presses a button when Space is let go, even where its keydown was prevented.
    if (event.key === " " && !isControls(event)) event.preventDefault();
  });
  return byKeyboard;
}

function watchFocus(box: HTMLElement, home: HTMLElement, scope: Scope): ByKeyboard {
  let byKeyboard = true;
  let isDown = false;
  scope.listen(box, "pointerdown", () => {
    isDown = true;
    byKeyboard = false;
  });
  for (const type of ["pointerup", "pointercancel"])
    scope.listen(box.ownerDocument, type, () => {
      isDown = false;
    });
  scope.listen(box, "focusin", () => {
    if (!isDown) byKeyboard = true;
  });
  scope.listen(box, "click", () => {
    // Safari does not focus buttons that are clicked, and nobody focuses pictures.
    if (box.matches(":focus-within")) return;
    home.focus({ preventScroll: true });
    byKeyboard = false;
  });
  return () => byKeyboard;
}
