import { button, setPressed } from "./button";
import type { SpectrogramContext } from "./spectrogram-parts";
import { BLINK_CHANGED } from "./spectrogram-view";

const SWAP_MS = 600;

/**
 * A switch that shows two panes in one place by turns. Where people asked for less motion, and where the key for it is
 * used, they change by hand only.
 */
export function blinkToggle(context: SpectrogramContext): { root: HTMLButtonElement; swap: () => void } {
  const { comparison, view, actions, scope } = context;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let stop: (() => void) | null = null;
  const halt = () => {
    stop?.();
    stop = null;
  };
  const swap = () => {
    halt();
    actions.swap();
    show();
  };
  const press = () => {
    if (still.matches) {
      swap();
      return;
    }
    if (stop) halt();
    else
      stop = scope.every(SWAP_MS, () => {
        view.isSwapped = !view.isSwapped;
      });
    // At once, so that one sees what it does; off, all panes are where they were.
    view.isSwapped = stop !== null;
    show();
  };
  const root = button(
    { label: "Blink: two panes in one place (B)", icon: "blink", text: "Blink", onPress: press },
    scope,
  );
  const show = () => setPressed(root, stop !== null || view.isSwapped);
  scope.listen(view, BLINK_CHANGED, show);
  scope.listen(still, "change", () => {
    halt();
    show();
  });
  comparison.onSettings(
    ["panes"],
    () => {
      root.disabled = view.blink === null;
      if (root.disabled) halt();
      if (root.disabled) view.isSwapped = false;
    },
    scope,
  );
  show();
  return { root, swap };
}
