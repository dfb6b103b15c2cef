import type { Scope } from "../afm/scope";
import { element } from "../ui/dom";

/** Call `changed` when the page gets another resolution, as on another screen: sizes in CSS pixels stay then. */
export function onResolution(changed: () => void, scope: Scope): void {
  const once = scope.child();
  once.listen(matchMedia(`(resolution: ${devicePixelRatio}dppx)`), "change", () => {
    once.dispose();
    changed();
    onResolution(changed, scope);
  });
}

/** A canvas that fills a box at the screen's own resolution; its units are CSS pixels. */
export class Surface {
  readonly canvas: HTMLCanvasElement;
  width = 0;
  height = 0;

  /** `resized` is called when the box has another size, and once at the start. */
  constructor(box: HTMLElement, resized: () => void, scope: Scope) {
    this.canvas = element("canvas", { class: "snb-canvas", "aria-hidden": "true" });
    box.append(this.canvas);
    scope.onResize(box, ({ width, height }) => {
      [this.width, this.height] = [width, height];
      resized();
    });
  }

  get ratio(): number {
    return globalThis.devicePixelRatio || 1;
  }

  /** Columns of the screen's own pixels. */
  get columns(): number {
    return Math.round(this.width * this.ratio);
  }

  /** Clear it, and return what draws on it; null while it has no size. */
  begin(): CanvasRenderingContext2D | null {
    const { canvas, ratio, columns } = this;
    const rows = Math.round(this.height * ratio);
    if (!columns || !rows) return null;
    // Setting a size drops the canvas's memory and makes a new one.
    if (canvas.width !== columns) canvas.width = columns;
    if (canvas.height !== rows) canvas.height = rows;
    const context = canvas.getContext("2d");
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    context?.clearRect(0, 0, this.width, this.height);
    return context;
  }
}
