/** Ramps begin so much after the call: what is set for a time that the audio thread has passed would click. */
const LEAD_S = 0.01;

interface Line {
  readonly begin: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Moves a parameter in straight lines, and remembers them: Firefox does not tell where one is that moves. */
export class Ramp {
  #lines: readonly Line[] = [];

  constructor(
    readonly context: BaseAudioContext,
    readonly param: AudioParam,
  ) {}

  /** Go from where it is to `value`; returns the time at which it is there. */
  to(value: number, seconds: number): number {
    const now = this.context.currentTime;
    const held = this.#valueAt(now);
    this.param.cancelScheduledValues(now);
    this.param.setValueAtTime(held, now);
    this.#lines = [];
    return this.plan({ begin: now + LEAD_S, end: now + LEAD_S + seconds, from: held, to: value });
  }

  /** Be at `from` at the time `begin`, later than all that was planned, and go to `to`; returns when it is there. */
  plan(line: Line): number {
    this.param.setValueAtTime(line.from, line.begin);
    this.param.linearRampToValueAtTime(line.to, line.end);
    this.#lines = [...this.#lines.slice(-1), line];
    return line.end;
  }

  /** Drop what was planned last, which has not begun. */
  unplan(): void {
    const dropped = this.#lines.at(-1);
    if (dropped) this.param.cancelScheduledValues(dropped.begin);
    this.#lines = this.#lines.slice(0, -1);
  }

  #valueAt(time: number): number {
    const line = this.#lines.findLast(({ begin }) => begin <= time) ?? this.#lines[0];
    if (!line) return this.param.value;
    const passed = (time - line.begin) / (line.end - line.begin || 1);
    return line.from + Math.min(Math.max(passed, 0), 1) * (line.to - line.from);
  }
}
