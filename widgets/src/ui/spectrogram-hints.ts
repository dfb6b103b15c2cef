import { element, setText } from "./dom";
import type { SpectrogramContext } from "./spectrogram-parts";

/** Kernels that compute answer nothing; shorter waits are not told. */
const BUSY_MS = 2000;

/** Whether sharper pictures are to come, for the head; what went wrong, for below. */
export function hints({ comparison, scope }: SpectrogramContext): { state: HTMLElement; error: HTMLElement } {
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
    later = isPending && !isBusy ? scope.after(BUSY_MS - waited + 1, update) : null;
    sharpening.hidden = !isPending || isBusy;
    setText(busy, isBusy ? "The kernel is busy: what was sent before is shown." : "");
    setText(error, tiles.error ?? "");
    error.hidden = tiles.error === null;
  };
  tiles.on(update, scope);
  tiles.onWants(update, scope);
  return { state: element("div", { class: "snb-state" }, sharpening, busy), error };
}
