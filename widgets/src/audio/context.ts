import { page } from "../afm/page";
import { Scope } from "../afm/scope";

const IDLE_MS = 30_000;
const START_MS = 250;

/** The audio context of a page for one sample rate, shared by all players of that rate. */
export interface SharedContext {
  readonly context: AudioContext;
  /** Where players send their sound. */
  readonly output: AudioNode;
  /** Whether sound leaves through an `<audio>` element, which some hosts and devices treat better. */
  isElement: boolean;
  /** Have it run for a player; call it within the user's click. False if it does not run within 250 ms. */
  start(player: object): Promise<boolean>;
  /** The player is silent; when all are, the context sleeps after a while. */
  rest(player: object): void;
}

interface Entry extends SharedContext {
  users: number;
  close(): void;
}

/** Use the page's context for a sample rate while `scope` lives; the last user closes it. */
export function useContext(sampleRate: number, scope: Scope): SharedContext {
  const contexts = page().contexts as Map<number, Entry>;
  const entry = contexts.get(sampleRate) ?? new OneContext(sampleRate);
  contexts.set(sampleRate, entry);
  entry.users++;
  scope.defer(() => {
    if (--entry.users > 0) return;
    contexts.delete(sampleRate);
    entry.close();
  });
  return entry;
}

class OneContext implements Entry {
  readonly context: AudioContext;
  readonly output: GainNode;
  users = 0;
  #element: HTMLAudioElement | null = null;
  readonly #active = new Set<object>();
  readonly #scope = new Scope();
  #idle: Scope | null = null;

  constructor(sampleRate: number) {
    this.context = new AudioContext({ sampleRate, latencyHint: "balanced" });
    this.output = new GainNode(this.context);
    this.output.connect(this.context.destination);
  }

  async start(player: object): Promise<boolean> {
    this.#idle?.dispose();
    this.#active.add(player);
    const timer = this.#scope.child();
    const late = new Promise<void>((resolve) => timer.after(START_MS, resolve));
    // Without a click it stays pending, in some browsers it rejects: either way the context does not run.
    const resumed = Promise.all([this.context.resume(), this.#element?.play()]).catch(() => late);
    await Promise.race([resumed, late]);
    timer.dispose();
    return this.context.state === "running";
  }

  rest(player: object): void {
    this.#active.delete(player);
    if (this.#active.size > 0 || this.#scope.isDisposed) return;
    this.#idle?.dispose();
    this.#idle = this.#scope.child();
    this.#idle.after(IDLE_MS, () => void this.context.suspend());
  }

  get isElement(): boolean {
    return this.#element !== null;
  }

  set isElement(isWanted: boolean) {
    if (isWanted === this.isElement) return;
    this.output.disconnect();
    this.#element?.pause();
    this.#element = isWanted ? new Audio() : null;
    if (!this.#element) {
      this.output.connect(this.context.destination);
      return;
    }
    const stream = new MediaStreamAudioDestinationNode(this.context);
    this.output.connect(stream);
    this.#element.srcObject = stream.stream;
    // Where that is refused, the next start tries again, within a click.
    void this.#element.play().catch(() => undefined);
  }

  close(): void {
    this.#scope.dispose();
    this.isElement = false;
    void this.context.close();
  }
}
