import type { Scope } from "../afm/scope";
import type { Playback } from "../audio/playback";
import { formatTime, spokenTime } from "./format";
import type { Say } from "./live";
import { startingAt, stoppingAt } from "./loop";
import type { TimeActions } from "./parts";
import type { Comparison } from "./spectrogram-comparison";
import type { Command } from "./spectrogram-keys";
import type { SpectrogramView } from "./spectrogram-view";
import type { Region } from "./view";

const ZOOM_STEP = 2;
/** From the lowest frequency in view to the highest; a little more than what is refused: differences are not exact. */
const LEAST_BAND_HZ = 50 + 1e-6;
/** A logarithmic axis begins there: whoever zooms out that far wants all. */
const LOWEST_LOG_HZ = 20;

interface Around {
  readonly say: Say;
  readonly toggleHelp: () => void;
  /** Width of the pictures, in pixels. */
  readonly width: () => number;
}

/** What people do to a comparison, by whichever key, button or gesture; says in words what has changed. */
export class SpectrogramActions implements TimeActions {
  #playback: Playback | null = null;
  /** While it lives, the player has a view here; null once it has been told so. */
  #unattached: Scope | null = null;

  constructor(
    readonly comparison: Comparison,
    readonly view: SpectrogramView,
    readonly around: Around,
  ) {}

  get playback(): Playback | null {
    return this.#playback;
  }

  /** Play along, or with null alone, while the scope lives; the player's sound is not sent before somebody plays it. */
  playAlong(playback: Playback | null, during: Scope): void {
    this.#playback = playback;
    this.#unattached = during;
  }

  run(command: Exclude<Command, { do: "blink" }>): void {
    if (command.do === "move") this.move(command.columns, command.bins);
    else this.#act(command.do);
  }

  #act(name: Exclude<Command["do"], "move" | "blink">): void {
    const acts = {
      toggle: () => this.toggle(),
      start: () => this.put(0),
      end: () => this.put(this.comparison.timeline.frames),
      region: () => this.toggleRegion(),
      "region-start": () => this.setRegion(startingAt(this.#seconds, this.#region, this.comparison.duration)),
      "region-stop": () => this.setRegion(stoppingAt(this.#seconds, this.#region, this.comparison.duration)),
      "zoom-in": () => this.zoom(ZOOM_STEP),
      "zoom-out": () => this.zoom(1 / ZOOM_STEP),
      fit: () => this.fit(),
      help: () => this.around.toggleHelp(),
    };
    acts[name]();
  }

  toggle(): void {
    const { playback } = this;
    if (!playback) return;
    const isSilent = playback.state === "paused" || playback.state === "blocked";
    const seconds = playback.position / this.comparison.timeline.sampleRate;
    this.around.say(isSilent ? "Playing" : `Paused at ${spokenTime(seconds)}`);
    if (isSilent) this.play();
    else playback.pause();
  }

  play(): void {
    if (this.#unattached) this.playback?.attach(this.#unattached);
    this.#unattached = null;
    void this.playback?.play();
  }

  /** Pause, and go to the start. */
  stop(): void {
    this.playback?.pause();
    this.playback?.seek(0);
    this.view.viewport.reveal(0);
  }

  /** A click: go there, or where nothing plays, put the cross-hair there. */
  seek(frame: number): void {
    const { playback, view } = this;
    if (!playback) {
      view.pin({ frame, hz: view.hoverHz ?? view.place.hz });
      return;
    }
    view.pin(null);
    playback.seek(Math.round(Math.min(Math.max(frame, 0), this.comparison.timeline.frames)));
    view.viewport.reveal(playback.position);
  }

  /** Put the cross-hair at a sample, at a frequency if one is given, and show it. */
  put(frame: number, hz = this.view.place.hz): void {
    this.view.pin({ frame, hz });
    this.view.viewport.reveal(this.view.place.frame);
  }

  move(columns: number, bins: number): void {
    const { view, comparison } = this;
    const { frame, hz } = view.place;
    const { sampleRate, nFft } = comparison.tiles.grid;
    const { axis, viewport } = view;
    const bin = Math.round((hz * nFft) / sampleRate) + bins;
    const moved = bins ? Math.min(Math.max((bin * sampleRate) / nFft, axis.fmin), axis.fmax) : hz;
    this.put(frame + columns * Math.max(viewport.span / this.around.width(), 1), moved);
  }

  /** Switch the region off, or on again: as it was, else what is in view. */
  toggleRegion(): void {
    const region = this.#region;
    const { viewport, timeline, lastRegion } = this.view;
    const { sampleRate } = timeline;
    if (!region) this.setRegion(lastRegion ?? [viewport.first / sampleRate, viewport.stop / sampleRate]);
    else this.comparison.setRegion(null);
    if (region) this.around.say("Region off");
    this.view.lastRegion = region ?? lastRegion;
  }

  setRegion(region: Region): void {
    const [start, stop] = this.comparison.setRegion(region) ?? region;
    this.around.say(`Region from ${formatTime(start, 1)} to ${formatTime(stop, 1)}`);
  }

  /** Zoom at the cross-hair or the play head where that is in view, else at the middle. */
  zoom(factor: number): void {
    const { viewport, cross } = this.view;
    const places = [cross?.frame, this.playback?.position].filter((at) => at !== undefined);
    viewport.zoom(factor, places.find((at) => viewport.contains(at)) ?? (viewport.first + viewport.stop) / 2);
    this.#saySpan();
  }

  zoomToRegion(): void {
    const { region, viewport } = this.view;
    if (region) viewport.show(...region);
    this.#saySpan();
  }

  /** Show the whole song and all frequencies. */
  fit(): void {
    this.view.viewport.fit();
    this.#saySpan();
    const nyquist = this.comparison.timeline.sampleRate / 2;
    const { fmin, fmax } = this.comparison.look;
    if (fmin !== 0 || fmax !== nyquist) this.comparison.model.set({ fmin: 0, fmax: nyquist });
  }

  /** Show frequencies from one to another; what is too little or out of range is made to fit. */
  setBand(one: number, other: number): void {
    const nyquist = this.comparison.timeline.sampleRate / 2;
    const fmin = Math.min(Math.max(Math.min(one, other), 0), nyquist - LEAST_BAND_HZ);
    const fmax = Math.max(one, other, fmin + LEAST_BAND_HZ);
    this.comparison.model.set({ fmin, fmax: Math.min(fmax, nyquist) });
  }

  /** Show `factor` times fewer frequencies, with `hz` at the same height as before. */
  zoomBand(factor: number, hz: number): void {
    const { axis } = this.view;
    const at = axis.toFraction(hz);
    const [fmin, fmax] = [axis.toHz(at - at / factor), axis.toHz(at + (1 - at) / factor)];
    this.setBand(fmin <= LOWEST_LOG_HZ ? 0 : fmin, fmax);
  }

  /** Show the other one of the two panes that are compared in one place. */
  swap(): void {
    const { view } = this;
    if (!view.blink) return;
    view.isSwapped = !view.isSwapped;
    const key = view.blink[Number(view.isSwapped)];
    this.around.say(this.comparison.panes.find((pane) => pane.key === key)?.name ?? "");
  }

  #saySpan(): void {
    this.around.say(`${formatTime(this.view.viewport.span / this.comparison.timeline.sampleRate)} in view`);
  }

  /** Of the cross-hair, else of the play head. */
  get #seconds(): number {
    const frame = this.view.cross?.frame ?? this.playback?.position ?? this.view.place.frame;
    return frame / this.comparison.timeline.sampleRate;
  }

  get #region(): Region | null {
    return this.comparison.region;
  }
}
