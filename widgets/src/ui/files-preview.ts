import { page } from "../afm/page";
import type { Scope } from "../afm/scope";
import { type FilesSession, nameOf } from "../data/files";
import { button, relabel } from "./button";

type State = "stopped" | "loading" | "playing";

/** Plays how songs begin, one at a time on the page. */
export class Previews {
  readonly #audio = new Audio();
  readonly #changed = new Set<() => void>();
  #path = "";
  #state: State = "stopped";

  constructor(
    readonly session: FilesSession,
    readonly say: (problem: string) => void,
    scope: Scope,
  ) {
    scope.listen(this.#audio, "ended", () => this.pause());
    scope.defer(() => this.pause());
  }

  /** A button that plays and stops one song. */
  button(path: string, scope: Scope): HTMLButtonElement {
    const name = nameOf(path);
    const made = button({ label: `Play ${name}`, icon: "play", onPress: () => void this.#toggle(path) }, scope);
    const show = () => {
      const state = this.#path === path ? this.#state : "stopped";
      made.setAttribute("aria-busy", String(state === "loading"));
      relabel(made, `${state === "stopped" ? "Play" : "Stop"} ${name}`, state === "stopped" ? "play" : "pause");
    };
    this.#changed.add(show);
    scope.defer(() => this.#changed.delete(show));
    show();
    return made;
  }

  pause(): void {
    this.#audio.pause();
    URL.revokeObjectURL(this.#audio.src);
    page().playing.delete(this);
    this.#become("stopped");
  }

  async #toggle(path: string): Promise<void> {
    const isStop = this.#path === path && this.#state !== "stopped";
    for (const other of page().playing) other.pause();
    this.pause();
    if (isStop) return;
    this.#path = path;
    this.#become("loading");
    page().playing.add(this);
    try {
      const flac = await this.session.preview(path);
      // Meanwhile it may have been stopped, or another song begun.
      if (this.#path !== path || this.#state !== "loading") return;
      this.#audio.src = URL.createObjectURL(new Blob([flac as DataView<ArrayBuffer>], { type: "audio/flac" }));
      this.#become("playing");
      await this.#audio.play();
    } catch (error) {
      if (this.#path !== path || this.#state === "stopped") return;
      this.pause();
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  #become(state: State): void {
    this.#state = state;
    for (const show of this.#changed) show();
  }
}
