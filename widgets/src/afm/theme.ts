import type { Scope } from "./scope";

/** Names of the `--snb-*` colours, and of the font, that canvases read; `theme.css` gives each one its value. */
const NAMES = [
  ...(["background", "surface", "text", "muted", "line", "accent", "region", "cursor"] as const),
  // Over pictures, which have colours of their own.
  ...(["bright", "halo", "head"] as const),
  "font",
] as const;

export type Colours = Record<(typeof NAMES)[number], string> & { readonly stems: readonly string[] };

export const STEM_COLOURS = 6;

/** Hosts that name these are painted with them: the root's own background is theirs, even if nothing lies behind. */
const HOST_BACKGROUNDS = ["--jp-layout-color0", "--vscode-editor-background"];

/** The largest value of a channel, or of lightness, in each notation. */
const SCALES: Readonly<Record<string, number>> = {
  ...{ rgb: 255, rgba: 255, color: 1 },
  ...{ lab: 100, lch: 100, oklab: 1, oklch: 1 },
};

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

function isDark(root: Element): boolean {
  const own = getComputedStyle(root);
  const isNamed = HOST_BACKGROUNDS.some((name) => own.getPropertyValue(name) !== "");
  for (let at = isNamed ? root : parentOf(root); at; at = parentOf(at)) {
    const lightness = lightnessOf(getComputedStyle(at).backgroundColor);
    if (lightness !== null) return lightness < 0.5;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The element around another one, out of the shadow tree in which marimo shows widgets. */
function parentOf({ parentNode }: Element): Element | null {
  if (parentNode instanceof ShadowRoot) return parentNode.host;
  return parentNode instanceof Element ? parentNode : null;
}

/** From 0, black, to 1, of a colour as browsers compute it; null for what one sees through. */
export function lightnessOf(colour: string): number | null {
  const [, kind = "", rest = ""] = /^(\w+)\((.*)\)$/.exec(colour.replace("color(srgb ", "color(")) ?? [];
  const [one = 0, two = 0, three = 0, alpha = 1] = (rest.match(/[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  const scale = SCALES[kind];
  if (!scale || alpha <= 0.5) return null;
  return kind.startsWith("rgb") || kind === "color" ? (0.299 * one + 0.587 * two + 0.114 * three) / scale : one / scale;
}
