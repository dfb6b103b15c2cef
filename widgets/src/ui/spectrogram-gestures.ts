import { gestures, zoomOf } from "./gestures";
import type { SpectrogramContext } from "./spectrogram-parts";

/** Beside what the pointer does in time: it reads a frequency in panes, where Alt and wheel zoom frequencies. */
export function paneGestures(context: SpectrogramContext, tracks: HTMLElement): void {
  const { view, actions, scope } = context;
  const read = (event: PointerEvent) => {
    view.hoverHz = hzAt(context, event);
  };
  // Fingers press where they have not been before.
  scope.listen(tracks, "pointerdown", read);
  scope.listen(tracks, "pointermove", (event) => {
    if (!event.buttons) read(event);
  });
  scope.listen(tracks, "pointerleave", () => {
    view.hoverHz = null;
  });
  scope.listen(tracks, "dblclick", (event) => {
    if (hzAt(context, event) === null) return;
    // The clicks before have put it there.
    view.pin(null);
    actions.fit();
  });
  scope.listen(
    tracks,
    "wheel",
    (event) => {
      const hz = event.altKey ? hzAt(context, event) : null;
      if (hz === null) return;
      event.preventDefault();
      actions.zoomBand(zoomOf(event), hz);
    },
    { passive: false },
  );
  gestures(context, tracks);
}

/** The frequency under the pointer, in a pane or beside it. */
function hzAt({ view }: SpectrogramContext, event: MouseEvent): number | null {
  const box = event.target instanceof Element ? event.target.closest(".snb-lane, .snb-gutter") : null;
  if (!box) return null;
  const { top, height } = box.getBoundingClientRect();
  return view.axis.toHz(1 - Math.min(Math.max((event.clientY - top) / height, 0), 1));
}
