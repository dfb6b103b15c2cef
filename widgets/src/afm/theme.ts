import type { Scope } from "./scope";

/** Names of the `--snb-*` colours that canvases read; `theme.css` gives each one its value. */
const NAMES = ["background", "surface", "text", "muted", "line", "accent", "region", "cursor"] as const;

export type Colours = Record<(typeof NAMES)[number], string> & { readonly stems: readonly string[] };

const STEM_COLOURS = 6;

/** Read the colours that are in force at an element; the only place where canvases get them from. */
export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--snb-${name}`).trim();
  const named = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Record<(typeof NAMES)[number], string>;
  return { ...named, stems: Array.from({ length: STEM_COLOURS }, (_, i) => read(`stem-${i}`)) };
}

/** Dispatched at the root, not bubbling, when colours may have changed: canvases redraw. */
export const THEME_CHANGED = "snb-theme";

/** Mark the root as light or dark by the colour of what lies behind it, and again whenever the host switches. */
export function watchTheme(root: HTMLElement, scope: Scope): void {
  const update = () => {
    root.dataset.snbTheme = isDark(root) ? "dark" : "light";
    root.dispatchEvent(new Event(THEME_CHANGED));
  };
  const observer = new MutationObserver(update);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-theme", "data-jp-theme-name"] };
  observer.observe(document.documentElement, options);
  observer.observe(document.body, options);
  scope.defer(() => observer.disconnect());
  scope.listen(matchMedia("(prefers-color-scheme: dark)"), "change", update);
  // JupyterLab swaps its theme's style sheet after it has named the new one.
  scope.listen(document, "load", update, { capture: true });
  update();
  // Many hosts render first and show then; what lies behind is known only when it is shown.
  if (!root.isConnected) {
    scope.frames(() => {
      if (root.isConnected) update();
      return !root.isConnected;
    });
  }
}

function isDark(element: Element): boolean {
  for (let at: Element | null = element.parentElement; at; at = at.parentElement) {
    const [red = 0, green = 0, blue = 0, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
    if (alpha > 0.5) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function channels(colour: string): number[] {
  return (colour.match(/[\d.]+/g) ?? ["0", "0", "0", "0"]).map(Number);
}
