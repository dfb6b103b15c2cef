import { element } from "./dom";
import type { SpectrogramContext } from "./spectrogram-parts";
import { VIEW_CHANGED } from "./view";

/** Kernels that compute answer nothing; shorter waits are not told. */
const BUSY_MS = 2000;
/** What was wanted just now is asked for a little later. */
const ASKED_MS = 100;

/** Whether sharper pictures are to come, for the head; what went wrong, for below. */
export function hints(context: SpectrogramContext): { state: HTMLElement; error: HTMLElement } {
  const { comparison, view, scope } = context;
  const { tiles } = comparison;
  const sharpening = element("span", { class: "snb-sharpening", hidden: true }, "sharpening …");
  // Told to screen readers, unlike what comes and goes with every zoom.
  const busy = element("span", { class: "snb-busy-kernel", role: "status" });
  const error = element("p", { class: "snb-error", role: "alert", hidden: true });
  let later: (() => void) | null = null;
  const update = () => {
    later?.();
    const { waitingSince } = tiles;
    const waited = waitingSince === null ? 0 : performance.now() - waitingSince;
    const isPending = tiles.pending > 0 && tiles.error === null;
    const isBusy = isPending && waited >= BUSY_MS;
    const wait = waitingSince === null ? ASKED_MS : BUSY_MS - waited + 1;
    later = isPending && !isBusy ? scope.after(wait, update) : null;
    sharpening.hidden = !isPending || isBusy;
    const text = isBusy ? "The kernel is busy: what was sent before is shown." : "";
    if (busy.textContent !== text) busy.textContent = text;
    error.textContent = tiles.error ?? "";
    error.hidden = tiles.error === null;
  };
  tiles.on(update, scope);
  // What is wanted changes with what is in view, when that has been drawn.
  const soon = () => context.stage.request(() => context.stage.request(update));
  scope.listen(view.viewport, VIEW_CHANGED, soon);
  comparison.onSettings(["panes", "fmin", "fmax"], soon, scope);
  return { state: element("div", { class: "snb-state" }, sharpening, busy), error };
}
