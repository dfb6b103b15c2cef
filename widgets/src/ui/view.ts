import type { Session } from "../audio/session";
import { VIEW_CHANGED, Viewport } from "../draw/viewport";

export type Region = readonly [number, number];

/** Dispatched at a view when something of it but the viewport changed. */
export const MARKS_CHANGED = "marks";
export const SELECTED = "select";
export { VIEW_CHANGED };

/** What one view shows, on screen only: other views of the same model and the kernel know nothing of it. */
export class View extends EventTarget {
  readonly viewport: Viewport;
  /** Whether the view turns pages with the play head. */
  follows = true;
  /** The loop that was switched off last, to switch it on again; seconds. */
  lastLoop: Region | null = null;
  #selected = 0;
  #hover: number | null = null;
  #draft: Region | null = null;

  constructor(readonly session: Session) {
    super();
    this.viewport = new Viewport(session.song.frames);
  }

  /** The stem that keys act on. */
  get selected(): number {
    return this.#selected;
  }

  select(index: number): void {
    if (index === this.#selected || index >= this.session.song.stems.length) return;
    this.#selected = index;
    this.dispatchEvent(new Event(SELECTED));
  }

  /** Where the pointer is, as a sample index. */
  get hover(): number | null {
    return this.#hover;
  }

  set hover(frame: number | null) {
    if (frame === this.#hover) return;
    this.#hover = frame;
    this.dispatchEvent(new Event(MARKS_CHANGED));
  }

  /** The loop region while it is being dragged; sample indices. */
  set draft(region: Region | null) {
    this.#draft = region;
    this.dispatchEvent(new Event(MARKS_CHANGED));
  }

  /** The loop as it is to be drawn, first before last; sample indices. */
  get region(): Region | null {
    if (this.#draft) return [Math.min(...this.#draft), Math.max(...this.#draft)];
    const loop = this.session.model.get("loop");
    const { sampleRate } = this.session.song;
    return loop && [loop[0] * sampleRate, loop[1] * sampleRate];
  }
}
