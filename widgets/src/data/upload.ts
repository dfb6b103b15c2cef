import { type Channel, KernelError } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import { type FilesToBrowser, type FilesToKernel, UPLOAD_BYTES, type UploadAt } from "./wire";

export type FilesChannel = Channel<FilesToKernel, FilesToBrowser>;

/** Pieces that may be under way before the first of them is acknowledged. */
export const WINDOW = 4;
/** A kernel that says nothing for so long is asked where it is; then again, after twice that, four times … */
const PATIENCE_MS = 4_000;
const LONGEST_PATIENCE_MS = 60_000;
/** So often in a row, the same piece is sent again because of damage. */
const MOST_REPEATS = 8;

/** What was sent before is read again for its sum in pieces of this size. */
const HASH_BYTES = 16 * UPLOAD_BYTES;

export type UploadState = "waiting" | "sending" | "finishing" | "done" | "failed" | "cancelled";

class Cancelled extends Error {}

/** One file on its way to the kernel: lost messages are sent again, and what the kernel has of it is not sent twice. */
export class Upload {
  state: UploadState = "waiting";
  /** Bytes that the kernel has acknowledged. */
  received = 0;
  /** Why it failed: text from the kernel, never markup. */
  problem = "";
  /** The kernel has not answered for a while. */
  isQuiet = false;
  /** As the kernel calls it; empty until it answers. */
  id = "";
  #next = 0;
  #repeats = 0;
  /** Sums of the file's beginning, by its length. */
  readonly #sums = new Map<number, number>([[0, 0]]);
  #begun: { readonly at: number; readonly received: number } | null = null;
  #wake: (() => void) | null = null;

  constructor(
    readonly file: File,
    readonly channel: FilesChannel,
    readonly scope: Scope,
    readonly changed: () => void,
  ) {}

  get isOver(): boolean {
    return this.state === "done" || this.state === "failed" || this.state === "cancelled";
  }

  /** Null as long as nothing can be said. */
  get secondsLeft(): number | null {
    if (!this.#begun || this.received <= this.#begun.received) return null;
    const elapsed = (performance.now() - this.#begun.at) / 1000;
    return ((this.file.size - this.received) * elapsed) / (this.received - this.#begun.received);
  }

  /** Send all of it; never rejects, `state` tells how it went. */
  async run(): Promise<void> {
    try {
      await this.#begin();
      await this.#sendAll();
      const crc = await this.#sum(this.file.size);
      this.#become("finishing");
      await this.#ask({ type: "upload_finish", upload: this.id, crc });
      if (this.isOver) throw new Cancelled();
      this.#become("done");
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#fail(error);
      if (this.id && !(error instanceof KernelError)) await this.#forget();
    }
  }

  cancel(): void {
    if (this.isOver) return;
    this.#become("cancelled");
    this.#wake?.();
  }

  /** The kernel says, without having been asked, how much is there. */
  hear(at: UploadAt): void {
    if (this.state !== "sending") return;
    if (at.problem) this.#fail(new Error(at.problem));
    else this.#goOn(at.offset, at.again);
    this.#wake?.();
  }

  async #begin(): Promise<void> {
    this.#become("sending");
    const { name, size, lastModified } = this.file;
    const begin = { type: "upload_begin", name, size, modified: lastModified } as const;
    let at = await this.#ask(begin);
    this.id = at.upload;
    // What is there may be of another file that is called the same.
    if ((await this.#sum(at.offset)) !== at.crc) {
      await this.#forget();
      at = await this.#ask(begin);
      this.id = at.upload;
    }
    this.#next = this.received = at.offset;
    this.#begun = { at: performance.now(), received: at.offset };
  }

  async #sendAll(): Promise<void> {
    while (this.received < this.file.size) {
      this.#check();
      const isFull = this.#next >= this.file.size || this.#next - this.received >= WINDOW * UPLOAD_BYTES;
      if (!isFull) await this.#sendPiece();
      else if (!(await this.#news())) {
        const at = await this.#ask({ type: "upload_where", upload: this.id });
        this.#goOn(at.offset, true);
      }
    }
    this.#check();
  }

  async #sendPiece(): Promise<void> {
    const offset = this.#next;
    const before = await this.#sum(offset);
    const bytes = await this.#read(offset, offset + UPLOAD_BYTES);
    // Meanwhile, the kernel may have asked for another piece.
    if (offset !== this.#next || this.state !== "sending") return;
    this.#next = offset + bytes.length;
    const crc = crc32(bytes, before);
    this.#sums.set(this.#next, crc);
    this.channel.send({ type: "upload_piece", upload: this.id, offset, crc }, [bytes.buffer]);
  }

  #goOn(received: number, again: boolean): void {
    if (received > this.received) {
      this.received = received;
      this.#repeats = 0;
      for (const length of this.#sums.keys()) if (length < received) this.#sums.delete(length);
    }
    this.#next = again ? this.received : Math.max(this.#next, this.received);
    if (again && ++this.#repeats > MOST_REPEATS) {
      this.#fail(new Error("The file changed while it was sent, or the connection damages it. Choose it again."));
    }
    this.isQuiet = false;
    this.changed();
  }

  /** Ask until an answer comes: connections break and take messages with them, and a busy kernel takes its time. */
  async #ask(message: FilesToKernel): Promise<UploadAt> {
    const asked: Promise<UploadAt | null>[] = [];
    for (let patience = PATIENCE_MS; ; patience = Math.min(2 * patience, LONGEST_PATIENCE_MS)) {
      asked.push(this.channel.request(message, "upload_at"));
      const wait = this.scope.child();
      const pause = new Promise<null>((resolve) => wait.after(patience, () => resolve(null)));
      const answer = await Promise.race([...asked, pause]).finally(() => wait.dispose());
      this.isQuiet = answer === null;
      this.changed();
      if (answer) return answer;
    }
  }

  /** Wait until the kernel says something, or for a while; returns whether it did. */
  #news(): Promise<boolean> {
    const wait = this.scope.child();
    return new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(true);
      wait.after(PATIENCE_MS, () => resolve(false));
    }).finally(() => wait.dispose());
  }

  /** The sum of the first bytes, read again where it is not known. */
  async #sum(length: number): Promise<number> {
    let sum = this.#sums.get(length);
    if (sum !== undefined) return sum;
    sum = 0;
    for (let at = 0; at < length; at += HASH_BYTES) {
      this.#check();
      sum = crc32(await this.#read(at, Math.min(at + HASH_BYTES, length)), sum);
    }
    this.#sums.set(length, sum);
    return sum;
  }

  async #read(first: number, stop: number): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.file.slice(first, stop).arrayBuffer());
  }

  /** Have the kernel delete what it has. */
  async #forget(): Promise<void> {
    await this.#ask({ type: "upload_remove", upload: this.id }).catch(() => undefined);
  }

  #check(): void {
    if (this.state !== "sending") throw new Cancelled();
  }

  #fail(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    this.#become("failed");
  }

  #become(state: UploadState): void {
    if (this.isOver) return;
    this.state = state;
    this.changed();
  }
}

/** Uploads of one widget, one after the other. */
export class UploadQueue {
  #uploads: Upload[] = [];
  #isRunning = false;

  constructor(
    readonly channel: FilesChannel,
    readonly scope: Scope,
    readonly changed: () => void,
  ) {
    channel.on("upload_at", (at) => this.#uploads.find(({ id }) => id === at.upload)?.hear(at));
  }

  /** All that are not done, in order; what was cancelled is not among them. */
  get uploads(): readonly Upload[] {
    return this.#uploads;
  }

  add(files: readonly File[]): void {
    const changed = () => {
      this.#tidy();
      this.changed();
    };
    this.#uploads.push(...files.map((file) => new Upload(file, this.channel, this.scope, changed)));
    this.changed();
    void this.#runAll();
  }

  /** Take one that failed off the list. */
  dismiss(upload: Upload): void {
    this.#uploads = this.#uploads.filter((other) => other !== upload);
    this.changed();
  }

  async #runAll(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let next = this.#waiting(); next && !this.scope.isDisposed; next = this.#waiting()) await next.run();
    this.#isRunning = false;
  }

  #waiting(): Upload | undefined {
    return this.#uploads.find(({ state }) => state === "waiting");
  }

  #tidy(): void {
    this.#uploads = this.#uploads.filter(({ state }) => state !== "done" && state !== "cancelled");
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as zlib counts it; `before` is the sum of what went before. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) {
    crc = (CRC_TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
