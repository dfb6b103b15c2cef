import type { AnyModel } from "../src/afm/model";

type Listener = (...given: never[]) => void;
type Content = { readonly type: string };

/** What the browser sent to the kernel. */
export interface Sent<M = Content> {
  readonly content: M;
  readonly buffers: readonly (ArrayBuffer | ArrayBufferView)[];
}

/** Answers one message from the browser; set as `kernel` of a FakeModel. */
export type Kernel = (content: Content & Record<string, unknown>, model: FakeModel, buffers: Sent["buffers"]) => void;

/**
 * A model as hosts give it to widgets, in memory. `kernel` is told of every message after the sender has returned, as
 * over a socket; `sent` keeps them all, `saved` the changes of traits that were saved.
 */
export class FakeModel implements AnyModel {
  readonly sent: Sent<Content & Record<string, unknown>>[] = [];
  readonly saved: Record<string, unknown>[] = [];
  kernel: Kernel | null = null;
  readonly #traits: Map<string, unknown>;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #unsaved: Record<string, unknown> = {};

  constructor(traits: object) {
    this.#traits = new Map(Object.entries(traits));
  }

  get(name: string): unknown {
    return this.#traits.get(name);
  }

  set(name: string, value: unknown): void {
    if (this.#traits.get(name) === value) return;
    this.#traits.set(name, value);
    this.#unsaved[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {
    this.saved.push({ ...this.#unsaved });
    for (const name of Object.keys(this.#unsaved)) delete this.#unsaved[name];
  }

  on(event: string, listener: Listener): void {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event)?.add(listener);
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(content: unknown, _callbacks?: unknown, buffers: Sent["buffers"] = []): void {
    const message = structuredClone(content) as Content & Record<string, unknown>;
    this.sent.push({ content: message, buffers });
    queueMicrotask(() => this.kernel?.(message, this, buffers));
  }

  /** A custom message from the kernel. */
  receive(content: Content, buffers: readonly (ArrayBuffer | ArrayBufferView)[] = []): void {
    this.emit("msg:custom", content, buffers);
  }

  /** The kernel changes traits: listeners hear of it, nothing is saved. */
  change(traits: object): void {
    for (const [name, value] of Object.entries(traits)) this.#traits.set(name, value);
    for (const name of Object.keys(traits)) this.emit(`change:${name}`);
  }

  emit(event: string, ...given: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...(given as never[]));
  }

  /** What was sent of one type, in order. */
  sentOf(type: string): Sent<Content & Record<string, unknown>>[] {
    return this.sent.filter(({ content }) => content.type === type);
  }

  /** Listeners that are still registered: 0 after a clean end. */
  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }
}
