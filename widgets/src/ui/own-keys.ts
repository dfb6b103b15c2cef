import type { Scope } from "../afm/scope";

const KEYS = new Set([" ", "Enter", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/** Keep the keys that buttons, radio buttons and lists handle from the notebook; all others are its own, with Shift+Enter. */
export function ownKeys(root: HTMLElement, scope: Scope): void {
  scope.listen(root, "keydown", (event: KeyboardEvent) => {
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || !KEYS.has(event.key)) return;
    if (event.target instanceof HTMLElement && event.target.matches("button, input, select")) event.stopPropagation();
  });
}
