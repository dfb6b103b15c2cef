import { isHeard } from "../audio/mixer";
import type { Session } from "../audio/session";
import { formatTime, spokenTime } from "./format";
import type { Command } from "./keys";
import type { Say } from "./live";
import { asLoop, startingAt, stoppingAt } from "./loop";
import type { TimeActions } from "./parts";
import type { Region, View } from "./view";

const ZOOM_STEP = 2;

/** What people do to a player, by whichever key, button or gesture; says in words what has changed. */
export class Actions implements TimeActions {
  constructor(
    readonly session: Session,
    readonly view: View,
    readonly say: Say,
    readonly toggleHelp: () => void,
  ) {}

  run(command: Command): void {
    if (command.do === "skip") this.skip(command.seconds);
    else if (command.do === "select") this.select(command.index);
    else this.#act(command.do);
  }

  #act(name: Exclude<Command["do"], "skip" | "select">): void {
    const acts = {
      toggle: () => this.toggle(),
      start: () => this.seek(0),
      end: () => this.seek(this.session.song.frames),
      mute: () => this.mute(this.#selectedStem),
      solo: () => this.solo(this.#selectedStem),
      original: () => this.toggleOriginal(),
      loop: () => this.toggleLoop(),
      "loop-start": () => this.setRegion(startingAt(this.#seconds, this.#loop, this.#duration)),
      "loop-stop": () => this.setRegion(stoppingAt(this.#seconds, this.#loop, this.#duration)),
      "zoom-in": () => this.zoom(ZOOM_STEP),
      "zoom-out": () => this.zoom(1 / ZOOM_STEP),
      help: () => this.toggleHelp(),
    };
    acts[name]();
  }

  toggle(): void {
    const isSilent = this.session.state === "paused" || this.session.state === "blocked";
    this.say(isSilent ? "Playing" : `Paused at ${spokenTime(this.#seconds)}`);
    void this.session.toggle();
  }

  play(): void {
    void this.session.play();
  }

  /** Pause, and go to the start. */
  stop(): void {
    this.session.pause();
    this.seek(0);
  }

  seek(frame: number): void {
    this.session.seek(Math.round(Math.min(Math.max(frame, 0), this.session.song.frames)));
    this.view.viewport.reveal(this.session.position);
  }

  skip(seconds: number): void {
    this.seek(this.session.position + seconds * this.session.song.sampleRate);
    this.say(spokenTime(this.#seconds));
  }

  select(index: number): void {
    const stem = this.session.song.stems[index];
    if (stem === undefined) return;
    this.view.select(index);
    this.say(`${stem} chosen`);
  }

  mute(stem: string): void {
    const muted = this.session.model.get("muted");
    const isMuted = muted.includes(stem);
    this.session.model.set({ muted: isMuted ? muted.filter((name) => name !== stem) : [...muted, stem] });
    this.say(`${stem} ${isMuted ? "not muted" : "muted"}`);
  }

  solo(stem: string): void {
    const isAlone = this.session.model.get("soloed") === stem;
    this.session.model.set({ soloed: isAlone ? "" : stem });
    this.say(isAlone ? "Solo off" : `Only ${stem}`);
  }

  toggleOriginal(): void {
    if (!this.session.song.hasMixture) return;
    const isOriginal = !this.session.model.get("original");
    this.session.model.set({ original: isOriginal });
    this.say(isOriginal ? "Original" : "Remix");
  }

  /** Switch the loop off, or on again: as it was, else what is in view. */
  toggleLoop(): void {
    const loop = this.#loop;
    const { viewport } = this.view;
    const { sampleRate } = this.session.song;
    if (!loop) this.setRegion(this.view.lastRegion ?? [viewport.first / sampleRate, viewport.stop / sampleRate]);
    else this.session.model.set({ loop: null });
    if (loop) this.say("Loop off");
    this.view.lastRegion = loop ?? this.view.lastRegion;
  }

  setRegion([one, other]: Region): void {
    const loop = asLoop(one, other, this.#duration);
    this.session.model.set({ loop });
    this.say(`Loop from ${formatTime(loop[0], 1)} to ${formatTime(loop[1], 1)}`);
  }

  /** Zoom at the play head where that is in view, else at the middle. */
  zoom(factor: number): void {
    const { viewport } = this.view;
    const at = this.session.position;
    viewport.zoom(factor, viewport.contains(at) ? at : (viewport.first + viewport.stop) / 2);
    this.say(`${formatTime(viewport.span / this.session.song.sampleRate)} in view`);
  }

  /** Whether a stem is part of what is heard now. */
  isHeard(stem: string): boolean {
    const { model } = this.session;
    return !model.get("original") && isHeard(stem, { muted: model.get("muted"), soloed: model.get("soloed") });
  }

  get #selectedStem(): string {
    return this.session.song.stems[this.view.selected] ?? "";
  }

  get #seconds(): number {
    return this.session.position / this.session.song.sampleRate;
  }

  get #duration(): number {
    return this.session.song.frames / this.session.song.sampleRate;
  }

  get #loop(): Region | null {
    return this.session.model.get("loop");
  }
}
