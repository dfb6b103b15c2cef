import type { Scope } from "../afm/scope";
import { type Colours, readColours, THEME_CHANGED } from "../afm/theme";
import type { Session } from "../audio/session";
import { onResolution } from "../draw/canvas";
import { drawMarks, type MarkColours } from "../draw/cursor";
import { Stage } from "../draw/stage";
import { Actions } from "./actions";
import { button } from "./button";
import { element } from "./dom";
import { errorLine } from "./error-line";
import { facts } from "./facts";
import { follow, followToggle } from "./follow";
import { gestures } from "./gestures";
import { helpPanel } from "./help";
import { keyboard } from "./keyboard";
import { commandOf, KEYS_HELP, repeats } from "./keys";
import { liveRegion } from "./live";
import { marks, ruler } from "./marks";
import { minimap } from "./minimap";
import { masterSlider, presetChoice, speedSlider } from "./mix-controls";
import { outputSwitch } from "./output-switch";
import { type Context, onMix, type Part } from "./parts";
import { regionControls } from "./region-fields";
import { originalRow, type Row, stemRow } from "./rows";
import { seekSlider } from "./seek";
import { toolbar } from "./toolbar";
import { transport } from "./transport";
import { View } from "./view";
import { waves } from "./waves";

/** Build one view of a player into `root`. */
export function renderPlayer(session: Session, root: HTMLElement, scope: Scope): void {
  const name = session.song.title || "Stem player";
  const box = element("div", { class: "snb-player", role: "group", "aria-label": `Stem player: ${name}` });
  root.append(box);
  const view = new View(session);
  const help = helpPanel(KEYS_HELP, moreHelp(session, scope), scope);
  const actions = new Actions(session, view, liveRegion(root, scope), help.toggle);
  let colours = readColours(root);
  const context: Context = { session, view, actions, stage: new Stage(box, scope), scope, colours: () => colours };

  const seek = seekSlider(context);
  const byKeyboard = keyboard(box, seek.input, { commandOf, repeats, run: (command) => actions.run(command) }, scope);
  const play = transport({ playback: session, actions, scope });
  const levels = element("div", { class: "snb-levels" }, speedSlider(context), masterSlider(context));
  const controls = [loopControls(context), presetChoice(context), levels];
  const bar = toolbar("Playback", [play.root, ...controls], byKeyboard, scope);
  const tracks = trackArea(context, toolbar("View", viewButtons(context), byKeyboard, scope));
  const title = element("div", { class: "snb-title", title: name }, name);
  const head = element("div", { class: "snb-head" }, title, help.opener);
  box.append(head, help.panel, bar, seek.root, tracks.root, details(session), errorLine(session, scope));
  scope.listen(root, THEME_CHANGED, () => {
    colours = readColours(root);
    tracks.redraw();
  });
  onResolution(tracks.redraw, scope);
  session.attach(scope);
  follow({ playback: session, view, stage: context.stage, scope }, [play, seek, tracks]);
}

/** What the mouse does, and what to try without sound. */
function moreHelp(session: Session, scope: Scope): Node[] {
  return [
    element(
      "p",
      {},
      "On the waveforms: click to go there, drag to pan, Shift and drag (or drag on the time axis) to mark a loop, ",
      "Ctrl and wheel to zoom, double click to see all.",
    ),
    element("p", {}, "No sound? ", outputSwitch(session, scope)),
  ];
}

/** What there is to know of the stems; open where somebody has just separated them. */
function details({ model }: Session): HTMLElement {
  const [table, notes] = [model.get("table"), model.get("notes")];
  return facts("Details", { table, notes }, notes.length > 0).root;
}

/** The loop toggle, with fields for both ends while it is on. */
function loopControls(context: Context): HTMLElement {
  const { session, actions, scope } = context;
  const { root, update } = regionControls(
    {
      name: "Loop",
      region: () => session.model.get("loop"),
      toggle: () => actions.toggleLoop(),
      set: (loop) => actions.setRegion(loop),
    },
    scope,
  );
  onMix(context, update);
  return root;
}

function viewButtons({ view, actions, scope }: Context): Node[] {
  return [
    button({ label: "Zoom out", icon: "minus", onPress: () => actions.run({ do: "zoom-out" }) }, scope),
    button({ label: "Zoom in", icon: "plus", onPress: () => actions.run({ do: "zoom-in" }) }, scope),
    button({ label: "Show the whole song", icon: "fit", onPress: () => view.viewport.fit() }, scope),
    followToggle(view, scope),
  ];
}

function makeRows(context: Context): Row[] {
  const { stems, hasMixture } = context.session.song;
  const rows = stems.map((stem, signal) => stemRow(context, stem, signal));
  return hasMixture ? [...rows, originalRow(context, stems.length)] : rows;
}

/** Minimap, time axis and rows, with one overlay over them. */
function trackArea(context: Context, viewBar: HTMLElement): Part & { redraw: () => void } {
  const rows = makeRows(context);
  const signals = rows.map(({ signal }) => signal);
  const { stems, hasMixture } = context.session.song;
  const overview = minimap(context, hasMixture ? [stems.length] : signals);
  const axis = ruler(context);
  const root = element("div", { class: "snb-tracks" });
  const crossed = [axis.root, ...rows.map(({ lane }) => lane)];
  const overlay = marks(
    context,
    root,
    () => crossed,
    (drawing, bands) => {
      const { hover, region, viewport } = context.view;
      const { position } = context.session;
      drawMarks(drawing, bands, { position, hover, region }, { viewport, colours: markColours(context.colours()) });
    },
  );
  context.session.on("mix", overlay.redraw, context.scope);
  const head = element("div", { class: "snb-overview" }, overview.root, axis.root);
  root.append(element("div", { class: "snb-top" }, viewBar, head), ...rows.map((row) => row.root), overlay.root);
  gestures(context, root);
  const redrawWaves = waves(context, rows);
  const tick = () => {
    overlay.tick();
    overview.tick();
  };
  const redraw = () => {
    for (const again of [overview.redraw, axis.redraw, redrawWaves]) again();
    context.stage.request(tick);
  };
  return { root, tick, redraw };
}

function markColours({ cursor, muted, accent, region }: Colours): MarkColours {
  return { position: cursor, hover: muted, edge: accent, region, halo: null };
}
