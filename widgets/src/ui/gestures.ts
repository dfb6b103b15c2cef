import { type Drag, onDrag } from "./drag";
import type { TimeContext } from "./parts";
import type { Region } from "./view";

/** A region's edge is taken hold of within so many pixels. */
const EDGE_TOLERANCE = 6;
const ZOOM_PER_PIXEL = 1.0025;
const LINE_PIXELS = 16;

/** Where in a lane or the ruler something happens. */
interface Place {
  readonly box: HTMLElement;
  readonly isRuler: boolean;
}

/**
 * The pointer over ruler and lanes: a click goes there, a drag pans, Shift and drag (on the ruler, drag) marks a region,
 * its edges can be dragged, a double click fits, Ctrl and wheel zoom. A plain wheel scrolls the page as ever.
 */
export function gestures(context: TimeContext, tracks: HTMLElement): void {
  const { view, scope } = context;
  onDrag(tracks, (event) => beginDrag(context, event), scope);
  scope.listen(tracks, "pointermove", (event) => hover(context, event));
  scope.listen(tracks, "pointerleave", () => {
    view.hover = null;
  });
  scope.listen(tracks, "dblclick", (event) => {
    if (placeOf(event)) view.viewport.fit();
  });
  scope.listen(tracks, "wheel", (event) => turnWheel(context, event), { passive: false });
}

function placeOf(event: Event): Place | null {
  const box = event.target instanceof Element ? event.target.closest<HTMLElement>(".snb-lane, .snb-ruler") : null;
  return box && { box, isRuler: box.matches(".snb-ruler") };
}

function beginDrag(context: TimeContext, event: PointerEvent): Drag | null {
  const place = placeOf(event);
  if (!place) return null;
  const edge = edgeAt(context, place.box, event.clientX);
  const region = context.view.region;
  if (edge !== null && region) return markRegion(context, place.box, region[1 - edge] ?? 0);
  const from = frameAt(context, place.box, event.clientX);
  return event.shiftKey || place.isRuler ? markRegion(context, place.box, from) : pan(context, place.box, event);
}

/** Mark from a fixed end to the pointer; a click without a move goes there. */
function markRegion(context: TimeContext, box: HTMLElement, fixed: number): Drag {
  const { view, actions } = context;
  return {
    move: ({ clientX }) => {
      view.hover = frameAt(context, box, clientX);
      view.draft = [fixed, view.hover];
    },
    end: ({ clientX, type }, hasMoved) => {
      const { region } = view;
      view.draft = null;
      // Cancelled: the finger scrolls the page.
      if (type !== "pointerup") return;
      if (!hasMoved) actions.seek(frameAt(context, box, clientX));
      else if (region) actions.setRegion(inSeconds(region, view.timeline.sampleRate));
    },
  };
}

function pan(context: TimeContext, box: HTMLElement, down: PointerEvent): Drag {
  const { viewport } = context.view;
  const { first, stop, span } = viewport;
  const perPixel = span / box.clientWidth;
  return {
    move: ({ clientX }) => {
      const moved = (down.clientX - clientX) * perPixel;
      viewport.show(first + moved, stop + moved);
    },
    end: ({ clientX, type }, hasMoved) => {
      if (!hasMoved && type === "pointerup") context.actions.seek(frameAt(context, box, clientX));
    },
  };
}

function hover(context: TimeContext, event: PointerEvent): void {
  const place = placeOf(event);
  if (event.buttons) return;
  context.view.hover = place && frameAt(context, place.box, event.clientX);
  if (place) place.box.classList.toggle("snb-on-edge", edgeAt(context, place.box, event.clientX) !== null);
}

function turnWheel({ view }: TimeContext, event: WheelEvent): void {
  const place = placeOf(event);
  // Alt is for what is not time.
  if (!place || event.altKey) return;
  const { viewport } = view;
  const { left, width } = place.box.getBoundingClientRect();
  const across = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  if (event.ctrlKey || event.metaKey) viewport.zoom(zoomOf(event), viewport.toFrame(event.clientX - left, width));
  else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY))
    viewport.pan((pixelsOf(across, event) / width) * viewport.span);
  else return;
  event.preventDefault();
}

/** By which factor the wheel zooms in; below 1, out. */
export function zoomOf(event: WheelEvent): number {
  return ZOOM_PER_PIXEL ** -pixelsOf(event.deltaY, event);
}

function pixelsOf(delta: number, { deltaMode }: WheelEvent): number {
  return delta * (deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE_PIXELS);
}

function frameAt({ view }: TimeContext, box: HTMLElement, clientX: number): number {
  const { left, width } = box.getBoundingClientRect();
  return view.viewport.toFrame(clientX - left, width);
}

/** Return which edge of the region is at a place: 0, 1, or null. */
function edgeAt({ view }: TimeContext, box: HTMLElement, clientX: number): 0 | 1 | null {
  const { left, width } = box.getBoundingClientRect();
  const distances = (view.region ?? []).map((edge) => Math.abs(view.viewport.toPixel(edge, width) - (clientX - left)));
  const nearest = Math.min(...distances);
  return nearest <= EDGE_TOLERANCE ? (distances.indexOf(nearest) as 0 | 1) : null;
}

function inSeconds([first, stop]: Region, sampleRate: number): Region {
  return [first / sampleRate, stop / sampleRate];
}
