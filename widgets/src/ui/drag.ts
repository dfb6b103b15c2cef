import type { Scope } from "../afm/scope";

/** What one press of the pointer does until it is let go. */
export interface Drag {
  move(event: PointerEvent): void;
  end(event: PointerEvent, hasMoved: boolean): void;
}

/** A pointer that moved less than this, in pixels, has clicked. */
const CLICK_TOLERANCE = 4;

/** Let the main button drag on an element; `begin` returns null for places where nothing can be dragged. */
export function onDrag(target: HTMLElement, begin: (event: PointerEvent) => Drag | null, scope: Scope): void {
  let current: Scope | null = null;
  scope.listen(target, "pointerdown", (down) => {
    if (down.button !== 0 || !down.isPrimary) return;
    const drag = begin(down);
    if (!drag) return;
    current?.dispose();
    const during = scope.child();
    current = during;
    let hasMoved = false;
    const move = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
      if (!hasMoved && Math.abs(event.clientX - down.clientX) < CLICK_TOLERANCE) return;
      if (!hasMoved) target.setPointerCapture(down.pointerId);
      hasMoved = true;
      drag.move(event);
    };
    const end = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
      during.dispose();
      drag.end(event, hasMoved);
    };
    // Until the pointer is captured, it may leave the element.
    during.listen(target.ownerDocument, "pointermove", move);
    during.listen(target.ownerDocument, "pointerup", end);
    during.listen(target.ownerDocument, "pointercancel", end);
  });
}
