/**
 * A host without a kernel, for the page that `save_html` writes: a model over data that the page itself holds.
 *
 * The page, in this order:
 *
 *     <style>standalone.css</style>
 *     <main id="snb-app"></main>                                       (the player is put here)
 *     <script type="application/json" id="snb-data">{"state": {…}}</script>
 *         `state`: the synced traits of the widget by name; bytes (`overview`) as base64 text. `<` is written \u003c.
 *     <script type="application/octet-stream;base64" data-signal="0" data-samples-per-bin="256"
 *             data-full-scale="1.0">…</script>
 *         Fine peaks, int8 pairs as in the message `peaks`; one element a signal; may be left out.
 *     <script type="application/octet-stream;base64" data-signal="0" data-chunk="0">…</script>
 *         One FLAC file for each chunk of each signal, whole as in the message `chunk` with one part; any order.
 *     <script type="module">standalone.js</script>
 *
 * Signals count stems from 0; the mixture comes last. Base64 may hold line breaks. Nothing else is read, and nothing
 * is fetched: the page works from `file:`.
 */
import type { Hello, PlayerToBrowser } from "../data/wire";
import type { AnyModel } from "./model";
import type { Scope } from "./scope";

type Listener = (...given: never[]) => void;

/** Traits that are bytes: base64 text in JSON. */
const BYTES = ["overview"];

/** A model that answers `hello` from the elements of a page; changes stay in the page. */
export class PageModel implements AnyModel {
  readonly #state: Map<string, unknown>;
  readonly #listeners = new Map<string, Set<Listener>>();
  #sending: Scope | null = null;

  constructor(
    readonly page: ParentNode,
    readonly scope: Scope,
  ) {
    const { state } = JSON.parse(page.querySelector("#snb-data")?.textContent ?? "") as { state: object };
    this.#state = new Map(Object.entries(state));
    for (const name of BYTES) this.#state.set(name, new DataView(fromBase64(String(this.#state.get(name) ?? ""))));
  }

  get(name: string): unknown {
    return this.#state.get(name);
  }

  set(name: string, value: unknown): void {
    if (this.#state.get(name) === value) return;
    this.#state.set(name, value);
    this.#emit(`change:${name}`);
  }

  save_changes(): void {}

  on(event: string, listener: Listener): void {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event)?.add(listener);
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(content: unknown): void {
    const message = content as { type: string };
    if (message.type === "hello") this.#answer(message as Hello);
  }

  /** Send peaks and chunks one after another, with pauses in which the page stays usable. */
  #answer(hello: Hello): void {
    this.#sending?.dispose();
    const sending = this.scope.child();
    this.#sending = sending;
    const messages = this.#messages(hello);
    const next = () => {
      const { value, done } = messages.next();
      if (done) return sending.dispose();
      this.#emit("msg:custom", value[0], value[1] ? [fromBase64(value[1].textContent ?? "")] : []);
    };
    sending.every(0, next);
  }

  *#messages({ frame, has_peaks, held }: Hello): Generator<[PlayerToBrowser, Element | null]> {
    if (!has_peaks)
      for (const at of this.page.querySelectorAll<HTMLElement>("[data-samples-per-bin]")) yield [peaksOf(at), at];
    const first = Math.floor(frame / Number(this.get("chunk_frames")));
    const isHeld = (chunk: number) => held.some(([from, stop]) => from <= chunk && chunk < stop);
    const wanted = [...this.page.querySelectorAll<HTMLElement>("[data-chunk]")]
      .map((at) => ({ at, chunk: Number(at.dataset.chunk), signal: Number(at.dataset.signal) }))
      .filter(({ chunk }) => !isHeld(chunk));
    // From the position on, then what comes before it.
    wanted.sort((a, b) => Number(a.chunk < first) - Number(b.chunk < first) || a.chunk - b.chunk);
    for (const { at, chunk, signal } of wanted) yield [{ type: "chunk", signal, chunk, part: 0, parts: 1 }, at];
    yield [{ type: "sent_all" }, null];
  }

  #emit(event: string, ...given: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...(given as never[]));
  }
}

function peaksOf({ dataset }: HTMLElement): PlayerToBrowser {
  return {
    type: "peaks",
    signal: Number(dataset.signal),
    samples_per_bin: Number(dataset.samplesPerBin),
    full_scale: Number(dataset.fullScale),
  };
}

function fromBase64(text: string): ArrayBuffer {
  const bytes = atob(text);
  const buffer = new ArrayBuffer(bytes.length);
  const view = new Uint8Array(buffer);
  for (let i = 0; i < bytes.length; i++) view[i] = bytes.charCodeAt(i);
  return buffer;
}
