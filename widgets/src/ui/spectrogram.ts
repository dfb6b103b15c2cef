import type { Scope } from "../afm/scope";
import { readColours, THEME_CHANGED } from "../afm/theme";
import type { Playback } from "../audio/playback";
import { onResolution } from "../draw/canvas";
import { drawPaneMarks } from "../draw/crosshair";
import { Stage } from "../draw/stage";
import { disclosure } from "./disclosure";
import { element, hasFocus } from "./dom";
import { errorLine } from "./error-line";
import { facts } from "./facts";
import { follow, followToggle } from "./follow";
import { helpPanel } from "./help";
import { keyboard } from "./keyboard";
import { liveRegion } from "./live";
import { type Drawn, marks, ruler } from "./marks";
import type { Part } from "./parts";
import { SpectrogramActions } from "./spectrogram-actions";
import { blinkToggle } from "./spectrogram-blink";
import { paneChooser } from "./spectrogram-chooser";
import type { Comparison, Setting } from "./spectrogram-comparison";
import { lookControls, regionControl, zoomControls } from "./spectrogram-controls";
import { paneGestures } from "./spectrogram-gestures";
import { hints } from "./spectrogram-hints";
import { type Command, commandOf, KEYS_HELP, repeats } from "./spectrogram-keys";
import { legend } from "./spectrogram-legend";
import { PaneStack } from "./spectrogram-panes";
import type { SpectrogramContext } from "./spectrogram-parts";
import { readout } from "./spectrogram-readout";
import { SpectrogramView } from "./spectrogram-view";
import { type ByKeyboard, toolbar } from "./toolbar";
import { transport } from "./transport";

/** Settings that change what is drawn over the panes. */
const MARKS: readonly Setting[] = ["show_band_limit", "show_segments", "y_axis", "fmin", "fmax", "panes"];

/** Build one view of a comparison into `root`. */
export function renderSpectrogram(comparison: Comparison, root: HTMLElement, scope: Scope): void {
  const name = comparison.model.get("title") || "Spectrograms";
  const box = element("div", { class: "snb-spectrogram", role: "group", "aria-label": `Spectrograms: ${name}` });
  root.append(box);
  const view = new SpectrogramView(comparison);
  const help = helpPanel(KEYS_HELP, [mouseHelp()], scope);
  const say = liveRegion(root, scope);
  const width = () => tracks.width();
  const actions = new SpectrogramActions(comparison, view, { say, toggleHelp: help.toggle, width });
  let colours = readColours(root);
  const context: SpectrogramContext = {
    ...{ comparison, view, actions, scope },
    stage: new Stage(box, scope),
    colours: () => colours,
  };

  const tracks = trackArea(context);
  const cross = readout(context);
  const blink = blinkToggle(context);
  const run = (command: Command) => (command.do === "blink" ? blink.swap() : actions.run(command));
  const byKeyboard = keyboard(box, cross.home, { commandOf, repeats, run }, scope);
  const hint = hints(context);
  const title = element("div", { class: "snb-title", title: name, dir: "auto" }, name);
  box.append(element("div", { class: "snb-head" }, title, hint.state, help.opener), help.panel);
  const bars = controls(context, blink.root, byKeyboard);
  box.append(...bars, cross.root, tracks.root, hint.error, legend(context), numbers(context));
  scope.listen(root, THEME_CHANGED, () => {
    colours = readColours(root);
    tracks.redraw();
  });
  onResolution(tracks.redraw, scope);
  playAlong(context, { box, bars: bars[0], home: cross.home, byKeyboard, parts: [tracks] });
}

/** Toolbars, the first of which has room for a player's, and what they open. */
function controls(context: SpectrogramContext, blink: HTMLElement, byKeyboard: ByKeyboard) {
  const { scope } = context;
  const panes = paneChooser(context);
  const lookBar = toolbar("Picture", lookControls(context), byKeyboard, scope);
  const choices = element("div", { class: "snb-group" }, panes.opener, settingsOpener(lookBar, scope), blink);
  const viewBar = toolbar("View", [zoomControls(context), choices, regionControl(context)], byKeyboard, scope);
  return [element("div", { class: "snb-bars" }, viewBar), lookBar, panes.panel] as const;
}

/** There in narrow views only, where the pictures would come too late; in wide ones the panel is never closed. */
function settingsOpener(panel: HTMLElement, scope: Scope): HTMLButtonElement {
  const show = (isOpen: boolean) => panel.classList.toggle("snb-folded", !isOpen);
  const look = { label: "Settings", icon: "settings", text: "Settings", class: "snb-settings" } as const;
  return disclosure({ ...look, panel, show }, scope).opener;
}

function mouseHelp(): HTMLElement {
  return element(
    "p",
    {},
    "On the pictures: click to go there (without a player, to put the cross-hair there), drag to pan, Shift and drag ",
    "(or drag on the time axis) to mark a region, Ctrl and wheel to zoom in time, Alt and wheel in frequency, double ",
    "click to see all.",
  );
}

/** The region's numbers; notes. */
function numbers({ comparison, scope }: SpectrogramContext): HTMLElement {
  const { model } = comparison;
  const read = () => ({ table: model.get("table"), notes: model.get("notes") });
  const { root, set } = facts("Numbers of the region", read(), false);
  model.on(["table", "notes"], () => set(read()), scope);
  return root;
}

/** Time axis and panes, with one overlay over them. */
function trackArea(context: SpectrogramContext): Part & Drawn & { width(): number } {
  const { comparison, view, actions, scope, stage } = context;
  const axis = ruler(context);
  const unit = element("div", { class: "snb-unit", "aria-hidden": "true" });
  const panes = new PaneStack(context);
  const root = element("div", { class: "snb-tracks" });
  const overlay = marks(
    context,
    root,
    () => [axis.root, ...panes.lanes],
    (drawing, bands) => {
      const { hover, region, cross, viewport } = view;
      const position = actions.playback?.position ?? null;
      const all = { position, hover, region, cross, ...lines(context) };
      drawPaneMarks(drawing, bands, all, { viewport, axis: view.axis, colours: context.colours() });
    },
  );
  root.append(element("div", { class: "snb-top" }, unit, axis.root), panes.root, overlay.root);
  paneGestures(context, root);
  comparison.onSettings(
    ["note_names"],
    () => {
      unit.textContent = comparison.model.get("note_names") ? "Note" : "Hz";
    },
    scope,
  );
  comparison.onRegion(overlay.redraw, scope);
  comparison.onSettings(MARKS, overlay.redraw, scope);
  const redraw = () => {
    for (const one of [axis, panes, overlay]) one.redraw();
    stage.request(overlay.tick);
  };
  return { root, tick: overlay.tick, redraw, width: () => axis.root.clientWidth };
}

/** What is drawn on request; Hz and sample indices. */
function lines({ comparison }: SpectrogramContext): { bandLimit: number | null; segments: readonly number[] } {
  const { model, timeline } = comparison;
  return {
    bandLimit: model.get("show_band_limit") ? model.get("band_limit") : null,
    segments: model.get("show_segments") ? model.get("segments").map((seconds) => seconds * timeline.sampleRate) : [],
  };
}

interface Place {
  readonly box: HTMLElement;
  readonly bars: HTMLElement;
  readonly home: HTMLElement;
  readonly byKeyboard: ByKeyboard;
  readonly parts: readonly Part[];
}

/** While there is a player: its buttons, its play head. */
function playAlong(context: SpectrogramContext, place: Place): void {
  const { comparison, view, stage, actions, scope } = context;
  comparison.withPlayback((playback, during) => {
    actions.playAlong(playback, during);
    for (const part of place.parts) stage.request(part.tick);
    if (!playback) return;
    const shown = playBar(context, playback, place, during);
    follow({ playback, view, stage, scope: during }, [...place.parts, shown]);
  }, scope);
}

function playBar({ view, actions }: SpectrogramContext, playback: Playback, place: Place, during: Scope): Part {
  const { root, tick } = transport({ playback, actions, scope: during });
  root.append(followToggle(view, during));
  const bar = toolbar("Playback", [root], place.byKeyboard, during);
  const error = errorLine(playback, during);
  place.bars.prepend(bar);
  place.box.append(error);
  during.defer(() => {
    // What goes with the player takes the focus along, and with it the keys.
    if (hasFocus(bar)) place.home.focus();
    bar.remove();
    error.remove();
  });
  return { root, tick };
}
