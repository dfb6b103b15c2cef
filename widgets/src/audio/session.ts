import { type AnyModel, Model } from "../afm/model";
import { page } from "../afm/page";
import type { Scope } from "../afm/scope";
import { ChunkStore } from "../data/chunks";
import { Loader } from "../data/loader";
import type { PeakPyramid, Peaks } from "../data/peaks";
import type { PlayerState } from "../data/state";
import type { Transport } from "../data/wire";
import { type SharedContext, useContext } from "./context";
import type { Encoded } from "./decoded";
import { Engine } from "./engine";
import { MIX_TRAITS, mixOf } from "./mixer";
import { type Playback, type PlaybackState, register } from "./playback";
import { SampleReader, type Sound } from "./reader";
import { chunkCount, type Song, signalCount } from "./song";
import { Throttle } from "./throttle";
import { encodedIn, loopIn, mixStateIn, overviewsIn, songIn } from "./traits";

export type { Song } from "./song";
export type SessionEvent = "state" | "position" | "mix" | "peaks" | "loaded";

const POSITION_MS = 250;
const DROP_MS = 60_000;

/** What is there while sound is, or was a moment ago. */
interface Output {
  readonly engine: Engine;
  readonly shared: SharedContext;
  readonly scope: Scope;
}

/** One player, shared by all of its views: the song, its sound, and where it is. */
export class Session implements Playback {
  readonly song: Song;
  readonly model: Model<PlayerState>;
  /** Why sound could not be played, for people; null if it can. */
  error: string | null = null;
  readonly #scope: Scope;
  readonly #events = new EventTarget();
  readonly #store: ChunkStore;
  readonly #peaks: readonly Peaks[];
  readonly #loader: Loader;
  readonly #encoded: Encoded;
  readonly #reader: SampleReader;
  readonly #report: Throttle;
  #output: Output | null = null;
  #frame = 0;
  #views = 0;
  #leaving: Scope | null = null;
  #clock: Scope | null = null;
  /** Between the click and sound: whether the browser is still asked for permission, or has not given it. */
  #gate: "open" | "asked" | "blocked" = "open";

  constructor(model: AnyModel, scope: Scope) {
    this.model = new Model(model);
    this.#scope = scope;
    this.song = songIn(this.model);
    this.#store = new ChunkStore(signalCount(this.song), chunkCount(this.song));
    this.#peaks = overviewsIn(this.model, this.song);
    const arrivals = {
      store: this.#store,
      peaks: this.#peaks,
      loaded: () => this.#loaded(),
      refined: () => this.#emit("peaks"),
      failed: (why: string) => this.#fail(why),
    };
    this.#loader = new Loader(model, arrivals, scope);
    this.#encoded = encodedIn(this.#store, this.song);
    this.#reader = new SampleReader(this.song, this.#encoded);
    this.#report = new Throttle(POSITION_MS, scope, () => this.#tellPosition());
    this.#listen();
    register(this.model.get("link"), this, scope);
  }

  get state(): PlaybackState {
    if (this.#gate !== "open") return this.#gate === "asked" ? "buffering" : "blocked";
    return this.#output?.engine.state ?? "paused";
  }

  /** The sample that is heard now. */
  get position(): number {
    return this.#output?.engine.position ?? this.#frame;
  }

  /** Chunk by chunk: whether its sound is here for all signals. */
  get loaded(): readonly boolean[] {
    return this.#store.complete;
  }

  /** Whether sound leaves through an `<audio>` element; holds for all players of the page with this rate. */
  get isElement(): boolean {
    return this.#output?.shared.isElement ?? false;
  }

  set isElement(isWanted: boolean) {
    try {
      this.#open().shared.isElement = isWanted;
      this.#emit("state");
    } catch (error) {
      this.#fail(error);
    }
  }

  peaks(signal: number): PeakPyramid {
    const peaks = this.#peaks[signal];
    if (!peaks) throw new RangeError(`There is no signal ${signal}; there are ${this.#peaks.length}.`);
    return peaks;
  }

  /** Samples [first, stop), decoded; null while they are not here. */
  samples(signal: number, first: number, stop: number): Promise<Sound | null> {
    return this.#reader.read(signal, first, stop);
  }

  /** Call `listener` when something of that kind has changed. */
  on(event: SessionEvent, listener: () => void, scope: Scope): void {
    scope.listen(this.#events, event, listener);
  }

  /** A view is there while its scope lives. Without one there is no sound, and after a minute no audio. */
  attach(view: Scope): void {
    this.#leaving?.dispose();
    this.#views++;
    this.#loader.begin(this.position);
    view.defer(() => this.#detach());
  }

  /** Play; called within the user's click, lest the browser refuse. */
  async play(): Promise<void> {
    if (this.#gate === "asked" || this.#scope.isDisposed) return;
    for (const other of [...page().playing]) if (other !== this) other.pause();
    page().playing.add(this);
    this.error = null;
    this.#gate = "asked";
    this.#loader.begin(this.position);
    try {
      const { shared } = this.#open();
      this.#emit("state");
      const isRunning = await shared.start(this);
      if (page().playing.has(this)) this.#pass(isRunning);
    } catch (error) {
      this.pause();
      this.#fail(error);
    }
  }

  pause(): void {
    if (!page().playing.delete(this)) return;
    this.#gate = "open";
    this.#output?.engine.pause();
    this.#rest();
  }

  toggle(): Promise<void> {
    if (this.state === "paused" || this.state === "blocked") return this.play();
    this.pause();
    return Promise.resolve();
  }

  seek(frame: number): void {
    this.#frame = Math.min(Math.max(0, Math.round(frame)), this.song.frames);
    this.#output?.engine.seek(this.#frame);
    this.#loader.want(this.#frame, Math.floor(this.#frame / this.song.chunkFrames));
    this.#emit("position");
    this.#report.soon();
  }

  #listen(): void {
    const { model } = this;
    model.on(MIX_TRAITS, () => this.#output?.engine.mixer.apply(mixOf(mixStateIn(model))), this.#scope);
    model.on(["speed"], () => this.#output?.engine.setSpeed(model.get("speed")), this.#scope);
    model.on(["loop"], () => this.#loop(), this.#scope);
    model.on([...MIX_TRAITS, "speed", "loop"], () => this.#emit("mix"), this.#scope);
    this.#loader.channel.on("transport", (message) => this.#obey(message));
    this.#scope.defer(() => this.#drop());
  }

  #emit(event: SessionEvent): void {
    this.#events.dispatchEvent(new Event(event));
  }

  #loaded(): void {
    void this.#output?.engine.tick();
    this.#emit("loaded");
  }

  #obey({ action, frame }: Transport): void {
    if (frame !== null) this.seek(frame);
    if (action === "play" && this.#views > 0) void this.play();
    if (action === "pause") this.pause();
  }

  /** The loop has changed: whoever is beyond its end goes to its start. */
  #loop(): void {
    const loop = loopIn(this.model, this.song);
    const isBeyond = this.#output?.engine.setLoop(loop) ?? (loop !== null && this.#frame >= loop.stop);
    if (loop && isBeyond) this.seek(loop.first);
  }

  #open(): Output {
    if (this.#output) return this.#output;
    const { song, model } = this;
    const scope = this.#scope.child();
    const shared = useContext(song.sampleRate, scope);
    const { context, output: destination } = shared;
    const start = { context, destination, song, encoded: this.#encoded, mix: mixOf(mixStateIn(model)) };
    const engine = new Engine(start, scope, () => this.#engineChanged());
    engine.setSpeed(model.get("speed"));
    engine.seek(this.#frame);
    engine.setLoop(loopIn(model, this.song));
    scope.listen(context, "statechange", () => this.#contextChanged());
    this.#output = { engine, shared, scope };
    return this.#output;
  }

  #pass(isRunning: boolean): void {
    this.#gate = isRunning ? "open" : "blocked";
    if (isRunning) void this.#output?.engine.play();
    this.#emit("state");
  }

  #contextChanged(): void {
    if (!this.#output) return;
    const { shared, engine } = this.#output;
    if (shared.context.state === "running") {
      // A slow computer, a click elsewhere, or the telephone call is over.
      if (this.#gate === "blocked") this.#pass(true);
      return;
    }
    if (engine.state !== "paused") this.#interrupt(engine);
    engine.release();
  }

  /** The browser took the sound away, as for a telephone call: a click, or the browser, brings it back. */
  #interrupt(engine: Engine): void {
    this.#gate = "blocked";
    engine.pause();
    this.#report.now();
  }

  #engineChanged(): void {
    const isPlaying = this.state === "playing";
    this.#clock?.dispose();
    this.#clock = isPlaying ? this.#scope.child() : null;
    this.#clock?.every(POSITION_MS, () => this.#moved());
    if (isPlaying) this.#report.soon();
    this.#emit("state");
    const isOver = this.state === "paused" && page().playing.delete(this);
    if (!isOver) return;
    if (this.#output?.engine.error) this.#fail(this.#output.engine.error);
    this.#rest();
  }

  #moved(): void {
    this.#emit("position");
    this.#report.soon();
  }

  /** Silent now. */
  #rest(): void {
    this.#output?.shared.rest(this);
    this.#report.now();
    this.#emit("state");
    this.#emit("position");
  }

  #fail(error: unknown): void {
    this.error = error instanceof Error ? error.message : String(error);
    this.#emit("state");
  }

  #tellPosition(): void {
    if (this.#scope.isDisposed) return;
    this.#loader.tell({ type: "position", frame: this.position, playing: this.state === "playing" });
  }

  #detach(): void {
    this.#views--;
    if (this.#views > 0 || this.#scope.isDisposed) return;
    this.pause();
    this.#leaving = this.#scope.child();
    this.#leaving.after(DROP_MS, () => this.#drop());
  }

  /** Let go of all audio. */
  #drop(): void {
    this.pause();
    this.#frame = this.position;
    this.#output?.scope.dispose();
    this.#output = null;
    this.#reader.clear();
    this.#loader.drop();
    this.#emit("loaded");
  }
}
