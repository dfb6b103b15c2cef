import type { Scope } from "../afm/scope";
import { type ButtonOptions, button } from "./button";
import { uniqueId } from "./dom";

interface DisclosureOptions extends Omit<ButtonOptions, "onPress"> {
  readonly panel: HTMLElement;
  /** How the panel is shown or hidden, if not altogether. */
  readonly show?: (isOpen: boolean) => void;
}

interface Disclosure {
  readonly opener: HTMLButtonElement;
  readonly toggle: () => void;
}

/** A button that shows a panel, and hides it again; it is closed at first. */
export function disclosure({ panel, show, ...look }: DisclosureOptions, scope: Scope): Disclosure {
  panel.id = uniqueId();
  const set = (isOpen: boolean) => {
    opener.setAttribute("aria-expanded", String(isOpen));
    if (show) show(isOpen);
    else panel.hidden = !isOpen;
  };
  const toggle = () => set(opener.getAttribute("aria-expanded") !== "true");
  const opener = button({ ...look, onPress: toggle }, scope);
  opener.setAttribute("aria-controls", panel.id);
  set(false);
  return { opener, toggle };
}
