import type { Session } from "../audio/session";
import type { Timeline } from "../audio/song";
import { VIEW_CHANGED, Viewport } from "../draw/viewport";

export type Region = readonly [number, number];

/** Dispatched at a view when something of it but the viewport changed. */
export const MARKS_CHANGED = "marks";
export const SELECTED = "select";
export { VIEW_CHANGED };

/** What one view of something in time shows, on screen only: other views and the kernel know nothing of it. */
export class TimeView extends EventTarget {
  readonly viewport: Viewport;
  /** Whether the view turns pages with the play head. */
  follows = true;
  /** The region that was switched off last, to switch it on again; seconds. */
  lastRegion: Region | null = null;
  #hover: number | null = null;
  #draft: Region | null = null;

  /** `marked` tells the region in force, in seconds. */
  constructor(
    readonly timeline: Timeline,
    readonly marked: () => Region | null,
  ) {
    super();
    this.viewport = new Viewport(timeline.frames);
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

  /** The region while it is being dragged; sample indices. */
  set draft(region: Region | null) {
    this.#draft = region;
    this.dispatchEvent(new Event(MARKS_CHANGED));
  }

  /** The region as it is to be drawn, first before last; sample indices. */
  get region(): Region | null {
    if (this.#draft) return [Math.min(...this.#draft), Math.max(...this.#draft)];
    const marked = this.marked();
    const { sampleRate } = this.timeline;
    return marked && [marked[0] * sampleRate, marked[1] * sampleRate];
  }
}

/** What one view of a player shows. */
export class View extends TimeView {
  #selected = 0;

  constructor(readonly session: Session) {
    super(session.song, () => session.model.get("loop"));
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
}
