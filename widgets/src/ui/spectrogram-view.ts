import type { Cross } from "../draw/crosshair";
import { FrequencyAxis } from "../draw/frequency";
import type { Comparison, NamedPane } from "./spectrogram-comparison";
import { MARKS_CHANGED, TimeView } from "./view";

/** Dispatched when other panes are drawn in place of some. */
export const BLINK_CHANGED = "blink";

/** What one view of a comparison shows. */
export class SpectrogramView extends TimeView {
  #pinned: Cross | null = null;
  #hoverHz: number | null = null;
  #blink: readonly [string, string] | null = null;
  #isSwapped = false;

  constructor(readonly comparison: Comparison) {
    super(comparison.timeline, () => comparison.region);
  }

  get axis(): FrequencyAxis {
    return new FrequencyAxis(this.comparison.look);
  }

  /** Where the pointer is in a pane, else where the cross-hair was put; null for neither. */
  get cross(): Cross | null {
    const { hover } = this;
    return hover !== null && this.#hoverHz !== null ? { frame: hover, hz: this.#hoverHz } : this.#pinned;
  }

  /** Where keys and sliders begin: at the cross-hair, else in the middle. */
  get place(): Cross {
    const { first, stop } = this.viewport;
    return this.cross ?? { frame: Math.round((first + stop) / 2), hz: this.axis.toHz(0.5) };
  }

  /** Put the cross-hair there, wherever the pointer rests; null leaves it to the pointer. */
  pin(cross: Cross | null): void {
    const { frames, sampleRate } = this.timeline;
    this.#pinned = cross && {
      frame: Math.min(Math.max(Math.round(cross.frame), 0), frames),
      hz: Math.min(Math.max(cross.hz, 0), sampleRate / 2),
    };
    if (cross) {
      this.#hoverHz = null;
      this.hover = null;
    }
    this.dispatchEvent(new Event(MARKS_CHANGED));
  }

  set hoverHz(hz: number | null) {
    if (hz === this.#hoverHz) return;
    this.#hoverHz = hz;
    this.dispatchEvent(new Event(MARKS_CHANGED));
  }

  get hoverHz(): number | null {
    return this.#hoverHz;
  }

  /** Keys of the two panes that are compared in one place: those that were chosen, else the first two. */
  get blink(): readonly [string, string] | null {
    const keys = this.comparison.panes.map(({ key }) => key);
    if (this.#blink?.every((key) => keys.includes(key))) return this.#blink;
    const [one, other] = keys;
    return one !== undefined && other !== undefined ? [one, other] : null;
  }

  set blink(keys: readonly [string, string]) {
    this.#blink = keys;
    this.isSwapped = false;
  }

  /** Whether the second of the two is shown in the first one's place. */
  get isSwapped(): boolean {
    return this.#isSwapped;
  }

  set isSwapped(isSwapped: boolean) {
    this.#isSwapped = isSwapped;
    this.dispatchEvent(new Event(BLINK_CHANGED));
  }

  /** The panes as they are drawn, in their places. */
  get shown(): NamedPane[] {
    const { panes } = this.comparison;
    const { blink } = this;
    const other = panes.find(({ key }) => key === blink?.[1]);
    return panes.map((pane) => (this.#isSwapped && other && pane.key === blink?.[0] ? other : pane));
  }
}
