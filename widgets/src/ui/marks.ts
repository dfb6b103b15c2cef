import { drawRuler } from "../draw/axis";
import { Surface } from "../draw/canvas";
import type { Band } from "../draw/cursor";
import { element } from "./dom";
import { formatTime } from "./format";
import type { Part, TimeContext } from "./parts";
import { MARKS_CHANGED, type TimeView, VIEW_CHANGED } from "./view";

/** Something that can be drawn anew. */
export interface Drawn {
  readonly root: HTMLElement;
  redraw(): void;
}

/** The time axis. */
export function ruler({ view, stage, scope, colours }: TimeContext): Drawn {
  const root = element("div", { class: "snb-ruler", "aria-hidden": "true" });
  const draw = () => {
    const context = surface.begin();
    if (!context) return;
    const { muted, line, font } = colours();
    const style = { text: muted, line, font: `11px ${font}` };
    const { width, height } = surface;
    drawRuler(context, view.viewport, { width, height, sampleRate: view.timeline.sampleRate, style });
  };
  const surface = new Surface(root, () => stage.request(draw), scope);
  const redraw = () => stage.request(draw);
  scope.listen(view.viewport, VIEW_CHANGED, redraw);
  return { root, redraw };
}

type DrawMarks = (drawing: CanvasRenderingContext2D, bands: readonly Band[]) => void;

/**
 * One canvas over all of `crossed`, the time axis first, for what moves: play head, pointer, region. `draw` is given
 * where they are; `redraw` is for changes of which the view does not tell.
 */
export function marks(
  { view, stage, scope }: TimeContext,
  over: HTMLElement,
  crossed: () => readonly HTMLElement[],
  draw: DrawMarks,
): Part & Drawn {
  const root = element("div", { class: "snb-marks", "aria-hidden": "true" });
  const tip = element("span", { class: "snb-tip" });
  let bands: Band[] = [];
  const tick = () => {
    const drawing = surface.begin();
    if (drawing) draw(drawing, bands);
  };
  const redraw = () => {
    showTip(tip, view, bands[0]);
    stage.request(tick);
  };
  const measure = () => {
    bands = crossed().map((box) => bandOf(box, over));
    redraw();
  };
  const surface = new Surface(root, measure, scope);
  root.append(tip);
  scope.listen(view.viewport, VIEW_CHANGED, redraw);
  scope.listen(view, MARKS_CHANGED, redraw);
  return { root, tick, redraw };
}

function bandOf(box: HTMLElement, over: HTMLElement): Band {
  const [inner, outer] = [box.getBoundingClientRect(), over.getBoundingClientRect()];
  return { left: inner.left - outer.left, top: inner.top - outer.top, width: inner.width, height: inner.height };
}

function showTip(tip: HTMLElement, { hover, viewport, timeline }: TimeView, band: Band | undefined): void {
  tip.hidden = hover === null || !band;
  if (hover === null || !band) return;
  tip.textContent = formatTime(hover / timeline.sampleRate);
  const x = viewport.toPixel(hover, band.width);
  const [left, right] = [band.left, band.left + band.width];
  // Percents are of its own width, which to read would lay out the page with every move.
  const across = `clamp(${left}px, calc(${left + x}px - 50%), calc(${right}px - 100%))`;
  tip.style.translate = `${across} ${band.top}px`;
}
