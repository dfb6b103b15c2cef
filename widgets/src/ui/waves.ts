import type { Colours } from "../afm/theme";
import type { Session } from "../audio/session";
import { Surface } from "../draw/canvas";
import { Detail } from "../draw/detail";
import { drawPeaks, drawSamples, type WaveStyle } from "../draw/waveform";
import type { Context } from "./parts";
import type { Row } from "./rows";
import { VIEW_CHANGED } from "./view";

/** Draw each row's waveform into its lane; returns what draws them all anew. */
export function waves(context: Context, rows: readonly Row[]): () => void {
  const count = context.session.song.stems.length;
  const stems = ceilingOf(context.session, [...Array(count).keys()]);
  // The mixture is higher than all stems: on one scale with it they would be thin.
  const ceiling = ({ signal }: Row) => (signal < count ? stems : ceilingOf(context.session, [signal]));
  const all = rows.map((row) => wave(context, row, ceiling(row)));
  const redraw = () => {
    for (const draw of all) context.stage.request(draw);
  };
  const { session, view, scope } = context;
  scope.listen(view.viewport, VIEW_CHANGED, redraw);
  session.on("peaks", redraw, scope);
  return redraw;
}

function wave({ session, view, stage, scope, colours }: Context, { lane, signal }: Row, ceiling: number): () => void {
  const draw = () => {
    const { first, stop, span } = view.viewport;
    const { columns } = surface;
    if (!columns) return;
    const style = waveStyle(colours(), signal, session.song.stems.length, ceiling);
    const isDeep = detail.isWanted(span, columns);
    if (!isDeep) detail.release();
    const samples = isDeep ? detail.covering(first, stop) : null;
    if (samples) drawSamples(surface, samples, [first, stop], style);
    else drawPeaks(surface, session.peaks(signal).read(first, stop, columns), session.song.fullScale, style);
  };
  const surface = new Surface(lane, () => stage.request(draw), scope);
  const detail = new Detail(session, signal, () => stage.request(draw));
  session.on(
    "loaded",
    () => {
      if (detail.isLacking) stage.request(draw);
    },
    scope,
  );
  return draw;
}

function waveStyle(colours: Colours, signal: number, stems: number, ceiling: number): WaveStyle {
  const colour = signal < stems ? colours.stems[signal % colours.stems.length] : undefined;
  return { colour: colour ?? colours.muted, line: colours.line, ceiling };
}

/** The highest value of signals: their lanes are scaled by it, all alike, so that they can be compared. */
function ceilingOf(session: Session, signals: readonly number[]): number {
  const { frames, fullScale } = session.song;
  let peak = 1;
  for (const signal of signals)
    for (const value of session.peaks(signal).read(0, frames, 1024)) peak = Math.max(peak, Math.abs(value));
  return (peak / 127) * fullScale;
}
