import type { Scope } from "../afm/scope";
import { readColours, THEME_CHANGED } from "../afm/theme";
import type { Session } from "../audio/session";
import { onResolution } from "../draw/canvas";
import { Stage } from "../draw/stage";
import { Actions } from "./actions";
import { button, setPressed } from "./button";
import { element } from "./dom";
import { facts } from "./facts";
import { gestures } from "./gestures";
import { helpPanel } from "./help";
import { keyboard } from "./keyboard";
import { liveRegion } from "./live";
import { loopControls } from "./loop-fields";
import { marks, ruler } from "./marks";
import { minimap } from "./minimap";
import { masterSlider, presetChoice, speedSlider } from "./mix-controls";
import type { Context, Part } from "./parts";
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
  const help = helpPanel(session, scope);
  const actions = new Actions(session, view, liveRegion(root, scope), help.toggle);
  let colours = readColours(root);
  const context: Context = { session, view, actions, stage: new Stage(box, scope), scope, colours: () => colours };

  const seek = seekSlider(context);
  const byKeyboard = keyboard(box, seek.input, actions, scope);
  const play = transport(context);
  const levels = element("div", { class: "snb-levels" }, speedSlider(context), masterSlider(context));
  const controls = [loopControls(context), presetChoice(context), levels];
  const bar = toolbar("Playback", [play.root, ...controls], byKeyboard, scope);
  const tracks = trackArea(context, toolbar("View", viewButtons(context), byKeyboard, scope));
  const title = element("div", { class: "snb-title", title: name }, name);
  const head = element("div", { class: "snb-head" }, title, help.button);
  box.append(head, help.panel, bar, seek.root, tracks.root, facts(session), errorLine(context));
  scope.listen(root, THEME_CHANGED, () => {
    colours = readColours(root);
    tracks.redraw();
  });
  onResolution(tracks.redraw, scope);
  session.attach(scope);
  follow(context, [play, seek, tracks]);
}

/** Why there is no sound, while that is so. */
function errorLine({ session, scope }: Context): HTMLElement {
  const line = element("p", { class: "snb-error", role: "alert" });
  const update = () => {
    line.textContent = session.error ?? "";
    line.hidden = !session.error;
  };
  session.on("state", update, scope);
  update();
  return line;
}

function viewButtons({ view, actions, scope }: Context): Node[] {
  const followToggle = button(
    {
      ...{ label: "Follow the play head", icon: "follow" },
      onPress: () => {
        view.follows = !view.follows;
        setPressed(followToggle, view.follows);
      },
    },
    scope,
  );
  setPressed(followToggle, view.follows);
  return [
    button({ label: "Zoom out", icon: "minus", onPress: () => actions.run({ do: "zoom-out" }) }, scope),
    button({ label: "Zoom in", icon: "plus", onPress: () => actions.run({ do: "zoom-in" }) }, scope),
    button({ label: "Show the whole song", icon: "fit", onPress: () => view.viewport.fit() }, scope),
    followToggle,
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
  const overlay = marks(context, root, [axis.root, ...rows.map(({ lane }) => lane)]);
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

/** Move the parts with the play head: before every repaint while it plays, else when it is put somewhere. */
function follow({ session, view, stage, scope }: Context, parts: readonly Part[]): void {
  let last = session.position;
  const tick = () => {
    const now = session.position;
    // Pages turn with the play head, not under people who look elsewhere.
    if (view.follows && view.viewport.contains(last)) view.viewport.reveal(now);
    last = now;
    for (const part of parts) part.tick();
  };
  const update = () => {
    stage.animate(session.state === "playing" ? tick : null);
    stage.request(tick);
  };
  session.on("state", update, scope);
  session.on("position", update, scope);
  update();
}
