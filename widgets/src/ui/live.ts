import type { Scope } from "../afm/scope";
import { element } from "./dom";

export type Say = (text: string) => void;

/** Add a polite live region to `root`, and return what tells screen readers of an action. */
export function liveRegion(root: HTMLElement, scope: Scope): Say {
  const region = element("p", { class: "snb-hidden", role: "status", "aria-live": "polite" });
  root.append(region);
  let wipe: Scope | null = null;
  return (text) => {
    region.textContent = text;
    wipe?.dispose();
    wipe = scope.child();
    // So that the same words are news the next time.
    wipe.after(3000, () => region.replaceChildren());
  };
}
