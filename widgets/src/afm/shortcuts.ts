import type { Scope } from "./scope";

/** JupyterLab runs no shortcut while the focus is on what bears this: `b` on a button must not insert a cell. */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** Let the host run cells and save, wherever in `root` the focus is: for these keys, its shortcuts are not suppressed. */
export function passToHost(root: HTMLElement, scope: Scope): void {
  scope.listen(root, "keydown", (event) => {
    const { target } = event;
    if (!isHosts(event) || !(target instanceof Element) || !target.hasAttribute(SUPPRESS)) return;
    target.removeAttribute(SUPPRESS);
    // The host listens further out, to this same event.
    scope.after(0, () => target.setAttribute(SUPPRESS, ""));
  });
}

function isHosts({ key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  if (key === "Enter") return shiftKey || ctrlKey || altKey || metaKey;
  return key.toLowerCase() === "s" && (ctrlKey || metaKey);
}
