import { Surface } from "../draw/canvas";
import { drawOverview, drawWindow } from "../draw/minimap";
import { element } from "./dom";
import { type Drag, onDrag } from "./drag";
import type { Context, Part } from "./parts";
import { MARKS_CHANGED, VIEW_CHANGED } from "./view";

const EDGE_TOLERANCE = 7;

/** The whole song, what of it is in view, and what is here to be played. The window can be dragged, and its edges. */
export function minimap(context: Context, signals: readonly number[]): Part & { redraw: () => void } {
  const { session, view, stage, scope, colours } = context;
  const root = element("div", { class: "snb-minimap", "aria-hidden": "true" });
  const draw = () => {
    const { columns } = below;
    const { song, loaded } = session;
    if (!columns) return;
    const all = signals.map((signal) => session.peaks(signal).read(0, song.frames, columns));
    drawOverview(below, all, loaded, colours());
  };
  const tick = () => drawWindow(above, view.viewport, { position: session.position, region: view.region }, colours());
  const below = new Surface(root, () => stage.request(draw), scope);
  const above = new Surface(root, () => stage.request(tick), scope);
  const redraw = () => stage.request(draw);
  for (const event of ["loaded", "peaks"] as const) session.on(event, redraw, scope);
  const redrawWindow = () => stage.request(tick);
  scope.listen(view.viewport, VIEW_CHANGED, redrawWindow);
  scope.listen(view, MARKS_CHANGED, redrawWindow);
  session.on("mix", redrawWindow, scope);
  onDrag(root, (event) => beginDrag(context, root, event), scope);
  return { root, tick, redraw };
}

function beginDrag({ view: { viewport }, actions }: Context, root: HTMLElement, down: PointerEvent): Drag {
  const { left, width } = root.getBoundingClientRect();
  const frameAt = ({ clientX }: PointerEvent) => ((clientX - left) / width) * viewport.frames;
  const pixel = down.clientX - left;
  const near = (frame: number) => Math.abs((frame / viewport.frames) * width - pixel) <= EDGE_TOLERANCE;
  const end = () => {};
  const { first, stop } = viewport;
  if (!viewport.isWhole && near(first)) return { move: (event) => viewport.show(frameAt(event), stop), end };
  if (!viewport.isWhole && near(stop)) return { move: (event) => viewport.show(first, frameAt(event)), end };
  const at = frameAt(down);
  // There is nothing to be moved: it is a second seek bar.
  if (viewport.isWhole) return { move: () => {}, end: (up) => up.type === "pointerup" && actions.seek(frameAt(up)) };
  if (!viewport.contains(at)) viewport.pan(at - (first + stop) / 2);
  const start = viewport.first;
  return { move: (event) => viewport.pan(start + frameAt(event) - at - viewport.first), end };
}
