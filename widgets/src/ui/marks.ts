import { drawRuler } from "../draw/axis";
import { Surface } from "../draw/canvas";
import { type Band, drawMarks } from "../draw/cursor";
import { element } from "./dom";
import { formatTime } from "./format";
import type { Context, Part } from "./parts";
import { MARKS_CHANGED, VIEW_CHANGED } from "./view";

/** The time axis; returns its box, and what draws it anew. */
export function ruler({ session, view, stage, scope, colours }: Context): { root: HTMLElement; redraw: () => void } {
  const root = element("div", { class: "snb-ruler", "aria-hidden": "true" });
  const draw = () => {
    const context = surface.begin();
    if (!context) return;
    const { muted, line } = colours();
    const style = { text: muted, line, font: `11px ${getComputedStyle(root).fontFamily}` };
    const { width, height } = surface;
    drawRuler(context, view.viewport, { width, height, sampleRate: session.song.sampleRate, style });
  };
  const surface = new Surface(root, () => stage.request(draw), scope);
  const redraw = () => stage.request(draw);
  scope.listen(view.viewport, VIEW_CHANGED, redraw);
  return { root, redraw };
}

/** One canvas over ruler and lanes, for what moves: play head, pointer, loop region. */
export function marks(context: Context, over: HTMLElement, crossed: readonly HTMLElement[]): Part {
  const { session, view, stage, scope, colours } = context;
  const root = element("div", { class: "snb-marks", "aria-hidden": "true" });
  const tip = element("span", { class: "snb-tip" });
  let bands: Band[] = [];
  const tick = () => {
    const drawing = surface.begin();
    if (!drawing) return;
    const { viewport, hover, region } = view;
    drawMarks(drawing, bands, { position: session.position, hover, region }, { viewport, colours: colours() });
  };
  const redraw = () => {
    showTip(tip, context, bands[0]);
    stage.request(tick);
  };
  const measure = () => {
    bands = crossed.map((box) => bandOf(box, over));
    redraw();
  };
  const surface = new Surface(root, measure, scope);
  root.append(tip);
  scope.listen(view.viewport, VIEW_CHANGED, redraw);
  scope.listen(view, MARKS_CHANGED, redraw);
  session.on("mix", redraw, scope);
  return { root, tick };
}

function bandOf(box: HTMLElement, over: HTMLElement): Band {
  const [inner, outer] = [box.getBoundingClientRect(), over.getBoundingClientRect()];
  return { left: inner.left - outer.left, top: inner.top - outer.top, width: inner.width, height: inner.height };
}

function showTip(tip: HTMLElement, { session, view }: Context, band: Band | undefined): void {
  const { hover, viewport } = view;
  tip.hidden = hover === null || !band;
  if (hover === null || !band) return;
  tip.textContent = formatTime(hover / session.song.sampleRate);
  const x = viewport.toPixel(hover, band.width);
  const half = tip.offsetWidth / 2;
  const kept = Math.min(Math.max(x, half), band.width - half);
  tip.style.translate = `${band.left + kept - half}px ${band.top}px`;
}
