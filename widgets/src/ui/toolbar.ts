import type { Scope } from "../afm/scope";
import { element } from "./dom";

/** What tells whether the focus came by keyboard: then arrows go along a toolbar, else they are the player's. */
export type ByKeyboard = () => boolean;

/**
 * Make a toolbar after WAI-ARIA: its buttons are one stop of the Tab key, arrows go along them. Sliders and fields need
 * the arrows themselves, so they are stops of their own.
 */
export function toolbar(label: string, children: Node[], byKeyboard: ByKeyboard, scope: Scope): HTMLElement {
  const root = element("div", { class: "snb-toolbar", role: "toolbar", "aria-label": label }, ...children);
  const buttons = () => [...root.querySelectorAll("button")].filter((one) => !one.disabled && one.offsetParent);
  const makeStop = (stop: HTMLButtonElement) => {
    for (const one of root.querySelectorAll("button")) one.tabIndex = one === stop ? 0 : -1;
  };
  scope.listen(root, "focusin", ({ target }) => {
    if (target instanceof HTMLButtonElement) makeStop(target);
  });
  scope.listen(root, "keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || !byKeyboard()) return;
    const all = buttons();
    const at = all.indexOf(event.target as HTMLButtonElement);
    if (at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    all[(at + step + all.length) % all.length]?.focus();
  });
  // A stop that is hidden or disabled would leave the toolbar without any.
  const keepStop = () => {
    const [first, ...others] = buttons();
    if (first && ![first, ...others].some(({ tabIndex }) => tabIndex === 0)) makeStop(first);
  };
  const observer = new MutationObserver(keepStop);
  observer.observe(root, { subtree: true, attributeFilter: ["hidden", "disabled"] });
  scope.defer(() => observer.disconnect());
  // Narrow widgets show other buttons than wide ones.
  scope.onResize(root, keepStop);
  const first = root.querySelector("button");
  if (first) makeStop(first);
  return root;
}
