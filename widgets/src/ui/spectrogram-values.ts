import type { Reading, Tiles } from "../data/tiles";
import type { Cross } from "../draw/crosshair";
import type { Pane } from "../draw/spectrogram";

/** What a pane shows under the cross-hair, as people read it. */
export interface Value {
  readonly text: string;
  /** What it was made of, "" for nothing. */
  readonly detail: string;
  /** What the columns span that were read; seconds. */
  readonly seconds: number;
  /** False: from some frames only, an exact one follows. */
  readonly isExact: boolean;
}

/** Null where nothing is known yet. */
export function valueAt(tiles: Tiles, pane: Pane, { frame, hz }: Cross): Value | null {
  const one = tiles.read(pane.signal, frame, hz);
  if (pane.kind === "level") return one && { ...one, text: level(one.db), detail: "" };
  const other = tiles.read(pane.other, frame, hz);
  if (!one || !other) return null;
  const text = pane.kind === "mask" ? mask(one, other) : difference(one, other);
  const detail = pane.kind === "mask" ? "" : `${level(one.db)} against ${level(other.db)}`;
  return { text, detail, seconds: Math.max(one.seconds, other.seconds), isExact: one.isExact && other.isExact };
}

function level(db: number | null): string {
  return db === null ? "silent" : `${db.toFixed(1)} dB`;
}

function mask({ db }: Reading, { db: whole }: Reading): string {
  if (whole === null) return "–";
  return (db === null ? 0 : Math.min(10 ** ((db - whole) / 20), 1)).toFixed(2);
}

function difference({ db: one }: Reading, { db: other }: Reading): string {
  if (one === null || other === null) return "–";
  const apart = one - other;
  return `${apart > 0 ? "+" : ""}${apart.toFixed(1)} dB`;
}

/** What is to be known of values together: "max of 0.37 s", "provisional"; `column` is what one column spans. */
export function caveats(values: readonly Value[], column: number): string[] {
  const longest = Math.max(0, ...values.map(({ seconds }) => seconds));
  return [
    ...(longest > 1.5 * column ? [`max of ${Number(longest.toPrecision(2))} s`] : []),
    ...(values.every(({ isExact }) => isExact) ? [] : ["provisional"]),
  ];
}
