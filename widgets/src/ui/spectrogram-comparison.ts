import { type AnyModel, Model } from "../afm/model";
import type { Scope } from "../afm/scope";
import { onPlaybacks, type Playback, playbackOf } from "../audio/playback";
import type { Timeline } from "../audio/song";
import type { PaneSpec, SpectrogramState } from "../data/state";
import { Tiles } from "../data/tiles";
import type { Look, Pane } from "../draw/spectrogram";
import { asLoop } from "./loop";
import type { Region } from "./view";

export type Setting = Exclude<keyof SpectrogramState & string, "overview">;

/** A pane of the model, with what it is called. */
export interface NamedPane {
  /** Equal for equal panes only. */
  readonly key: string;
  readonly name: string;
  readonly pane: Pane;
}

/** One comparison, shared by all of its views: its settings, its tiles, the player that plays along, and the region. */
export class Comparison {
  readonly model: Model<SpectrogramState>;
  readonly tiles: Tiles;
  readonly timeline: Timeline;
  readonly #scope: Scope;
  readonly #events = new EventTarget();
  #playback: Playback | null = null;

  constructor(model: AnyModel, scope: Scope) {
    this.model = new Model(model);
    this.tiles = new Tiles(model, scope);
    this.timeline = { sampleRate: this.model.get("sample_rate"), frames: this.model.get("frames") };
    this.#scope = scope;
    onPlaybacks(() => this.#meet(), scope);
    // Python tells it after the widget has been made.
    this.model.on(["link"], () => this.#meet(), scope);
    this.#meet();
  }

  get duration(): number {
    return this.timeline.frames / this.timeline.sampleRate;
  }

  /** The region in force, in seconds: of the player that plays along, else its own. */
  get region(): Region | null {
    return this.#playback ? this.#playback.model.get("loop") : this.model.get("region");
  }

  /** Seconds, in any order; null for none. Returns what it has become. */
  setRegion(wanted: Region | null): Region | null {
    const region = wanted && asLoop(wanted[0], wanted[1], this.duration);
    // Whoever owns the player's loop in Python tells our trait of it.
    if (this.#playback) this.#playback.model.set({ loop: region });
    else this.model.set({ region });
    return region;
  }

  /** Call `changed` now, and when the region has changed or is another's. */
  onRegion(changed: () => void, scope: Scope): void {
    this.model.on(["region"], changed, scope);
    this.withPlayback((playback, during) => {
      playback?.on("mix", changed, during);
      changed();
    }, scope);
  }

  /** Call `begin` now, and when the player that plays along comes or goes; the scope given ends with that. */
  withPlayback(begin: (playback: Playback | null, during: Scope) => void, scope: Scope): void {
    let during = scope.child();
    const again = () => {
      during.dispose();
      during = scope.child();
      begin(this.#playback, during);
    };
    scope.listen(this.#events, "playback", again);
    begin(this.#playback, during);
  }

  /** Call `changed` now, and when one of the settings has changed, here or in Python. */
  onSettings(names: readonly Setting[], changed: () => void, scope: Scope): void {
    this.model.on(names, changed, scope);
    changed();
  }

  /** The panes to be shown; what names no signal is left out. */
  get panes(): NamedPane[] {
    const signals = this.model.get("signals");
    return this.model.get("panes").flatMap((spec) => namedPane(spec, signals) ?? []);
  }

  get look(): Look {
    const { model } = this;
    return {
      yAxis: model.get("y_axis"),
      fmin: model.get("fmin"),
      fmax: model.get("fmax"),
      cmap: model.get("cmap"),
      gainDb: model.get("gain_db"),
      topDb: model.get("top_db"),
      peakDb: model.get("peak_db"),
      differenceDb: model.get("difference_db"),
    };
  }

  #meet(): void {
    const playback = playbackOf(this.model.get("link"));
    if (playback === this.#playback || this.#scope.isDisposed) return;
    this.#playback = playback;
    this.#events.dispatchEvent(new Event("playback"));
  }
}

/** What identifies a pane. */
export function keyOf(spec: PaneSpec): string {
  return JSON.stringify(spec);
}

function namedPane(spec: PaneSpec, signals: readonly string[]): NamedPane | null {
  const [kind, name, otherName] = spec;
  const [signal, other] = [signals.indexOf(name), signals.indexOf(otherName)];
  if (signal < 0 || (kind !== "level" && other < 0)) return null;
  const pane: Pane = kind === "level" ? { kind, signal } : { kind, signal, other };
  return { key: keyOf(spec), name: paneName(spec), pane };
}

/** "vocals", "mask of vocals", "vocals − drums". */
export function paneName([kind, signal, other]: PaneSpec): string {
  if (kind === "level") return signal;
  return kind === "mask" ? `mask of ${signal}` : `${signal} − ${other}`;
}
