// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Channel } from "../../src/afm/rpc";
import { Scope } from "../../src/afm/scope";
import { crc32, UploadQueue, WINDOW } from "../../src/data/upload";
import { UPLOAD_BYTES } from "../../src/data/wire";
import { FakeModel } from "../fake-model";

type Content = { type: string } & Record<string, unknown>;

interface Received {
  readonly name: string;
  readonly size: number;
  bytes: Uint8Array;
  crc: number;
  told: boolean;
  isWhole: boolean;
}

/** The kernel's side, as spleeter_nb/widgets/uploads.py has it, over a connection that loses and delays. */
class FakeKernel {
  readonly model = new FakeModel({});
  readonly files = new Map<string, Received>();
  /** Whether message number n, either way, is lost. */
  loses: (n: number) => boolean = () => false;
  delay: () => number = () => 1;
  mostUnderWay = 0;
  refuses = "";
  #messages = 0;
  #underWay = 0;

  constructor() {
    this.model.kernel = (content, _, buffers) => {
      if (content.type === "upload_piece") this.mostUnderWay = Math.max(this.mostUnderWay, ++this.#underWay);
      this.#over(() => this.#take(content, buffers[0] as ArrayBuffer | undefined));
    };
  }

  #over(deliver: () => void): void {
    if (!this.loses(this.#messages++)) setTimeout(deliver, this.delay());
  }

  #take(content: Content, buffer?: ArrayBuffer): void {
    const answer = (upload: string, again = false) => {
      const file = this.files.get(upload);
      const [offset, crc] = [file?.bytes.length ?? 0, file?.crc ?? 0];
      const at = { type: "upload_at", id: content.id ?? null, upload, offset, crc, again, problem: "" };
      this.#over(() => {
        if (content.type === "upload_piece") this.#underWay--;
        this.model.receive(at);
      });
    };
    const id = String(content.upload ?? this.#begin(content));
    const file = this.files.get(id);
    if (content.type === "upload_remove") this.files.delete(id);
    if (this.refuses || (!file && content.type !== "upload_remove")) {
      const failure = {
        type: "failure",
        id: content.id,
        message: this.refuses || "no upload",
        error: "ValidationError",
      };
      if (content.id) this.#over(() => this.model.receive(failure));
      return;
    }
    if (file && content.type === "upload_where") file.told = false;
    if (file && content.type === "upload_finish") {
      expect(content.crc).toBe(file.crc);
      file.isWhole = true;
    }
    const again = file && content.type === "upload_piece" && buffer && this.#add(file, content, new Uint8Array(buffer));
    if (again !== null) answer(id, again);
  }

  /** Returns whether it has to be sent again; null if that was said already. */
  #add(file: Received, content: Content, piece: Uint8Array): boolean | null {
    expect(piece.length).toBeLessThanOrEqual(UPLOAD_BYTES);
    const offset = content.offset as number;
    if (offset + piece.length <= file.bytes.length) return false;
    if (offset !== file.bytes.length || crc32(piece, file.crc) !== content.crc) {
      const told = file.told;
      file.told = true;
      return told ? null : true;
    }
    file.crc = crc32(piece, file.crc);
    file.bytes = joined(file.bytes, piece);
    file.told = false;
    return false;
  }

  #begin(content: Content): string {
    const [name, size] = [String(content.name), Number(content.size)];
    for (const [id, file] of this.files) if (file.name === name && file.size === size && !file.isWhole) return id;
    const id = `upload-${this.files.size}`;
    this.files.set(id, { name, size, bytes: new Uint8Array(), crc: 0, told: false, isWhole: false });
    return id;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Repeatable noise. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const next = random(seed);
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = next() * 2 ** 32;
  return bytes;
}

/** Compared element by element, millions of bytes take seconds. */
function isSame(first: Uint8Array | undefined, second: Uint8Array): boolean {
  return first?.length === second.length && first.every((byte, i) => byte === second[i]);
}

const scopes: Scope[] = [];

function queueOn(kernel: FakeKernel) {
  const scope = new Scope();
  scopes.push(scope);
  const changed = vi.fn();
  return { queue: new UploadQueue(new Channel(kernel.model, scope), scope, changed), changed, scope };
}

function fileOf(bytes: Uint8Array<ArrayBuffer>, name = "song.wav"): File {
  return new File([bytes], name, { lastModified: 5 });
}

/** Give real time to what reads files. */
function breath(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Let the fake time run until nothing is under way. */
async function settle(queue: UploadQueue, most = 100_000): Promise<void> {
  for (let i = 0; i < most && queue.uploads.some(({ isOver }) => !isOver); i++) {
    await vi.advanceTimersByTimeAsync(50);
    await breath();
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  for (const scope of scopes.splice(0)) scope.dispose();
  vi.useRealTimers();
});

const SIZE = 6 * UPLOAD_BYTES + 1234;

describe("crc32", () => {
  it("is zlib's, whole and in pieces", () => {
    // The check value of the CRC catalogue, and what zlib.crc32 gives for 0 to 255.
    const digits = new TextEncoder().encode("123456789");
    expect(crc32(digits)).toBe(0xcbf43926);
    expect(crc32(digits.subarray(4), crc32(digits.subarray(0, 4)))).toBe(0xcbf43926);
    expect(crc32(Uint8Array.from({ length: 256 }, (_, i) => i))).toBe(0x29058c73);
    expect(crc32(new Uint8Array())).toBe(0);
  });
});

describe("UploadQueue", () => {
  it("sends a file whole, with a window of four pieces", async () => {
    const kernel = new FakeKernel();
    const { queue, changed } = queueOn(kernel);
    const bytes = noise(SIZE);
    queue.add([fileOf(bytes)]);
    await settle(queue);
    const [file] = kernel.files.values();
    expect(file?.isWhole).toBe(true);
    expect(isSame(file?.bytes, bytes)).toBe(true);
    expect(queue.uploads).toEqual([]);
    expect(kernel.mostUnderWay).toBe(WINDOW);
    expect(kernel.model.sentOf("upload_piece")).toHaveLength(7);
    expect(changed).toHaveBeenCalled();
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("arrives whole over a connection that loses and delays (%i)", async (seed) => {
    const kernel = new FakeKernel();
    const next = random(seed);
    kernel.loses = () => next() < 0.2;
    kernel.delay = () => next() * 200;
    const { queue } = queueOn(kernel);
    const bytes = noise(SIZE, seed);
    queue.add([fileOf(bytes)]);
    await settle(queue);
    const [file] = kernel.files.values();
    expect([file?.isWhole, kernel.files.size]).toEqual([true, 1]);
    expect(isSame(file?.bytes, bytes)).toBe(true);
  });

  it("waits for a busy kernel without piling up questions", async () => {
    const kernel = new FakeKernel();
    kernel.loses = () => true;
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(SIZE))]);
    for (let i = 0; i < 600; i++) await vi.advanceTimersByTimeAsync(1000);
    expect(queue.uploads[0]?.isQuiet).toBe(true);
    expect(kernel.model.sent.length).toBeLessThan(16);
    kernel.loses = () => false;
    await settle(queue);
    expect([...kernel.files.values()][0]?.isWhole).toBe(true);
  });

  it("goes on where another page left off, and sends nothing twice", async () => {
    const kernel = new FakeKernel();
    const bytes = noise(SIZE);
    const half = bytes.slice(0, 3 * UPLOAD_BYTES);
    kernel.files.set("old", {
      name: "song.wav",
      size: SIZE,
      bytes: half,
      crc: crc32(half),
      told: false,
      isWhole: false,
    });
    const { queue } = queueOn(kernel);
    queue.add([fileOf(bytes)]);
    await settle(queue);
    expect(isSame(kernel.files.get("old")?.bytes, bytes)).toBe(true);
    expect(kernel.model.sentOf("upload_piece")).toHaveLength(4);
  });

  it("begins anew where what is there is of another file", async () => {
    const kernel = new FakeKernel();
    const bytes = noise(SIZE);
    kernel.files.set("old", {
      name: "song.wav",
      size: SIZE,
      bytes: noise(1000, 9),
      crc: 1,
      told: false,
      isWhole: false,
    });
    const { queue } = queueOn(kernel);
    queue.add([fileOf(bytes)]);
    await settle(queue);
    expect(kernel.files.has("old")).toBe(false);
    expect(isSame([...kernel.files.values()][0]?.bytes, bytes)).toBe(true);
  });

  it("sends several files one after the other", async () => {
    const kernel = new FakeKernel();
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(100), "a.wav"), fileOf(noise(200), "b.wav")]);
    queue.add([fileOf(noise(300), "c.wav")]);
    expect(queue.uploads.map(({ state }) => state)).toEqual(["sending", "waiting", "waiting"]);
    await settle(queue);
    expect([...kernel.files.values()].map(({ name, isWhole }) => [name, isWhole])).toEqual([
      ["a.wav", true],
      ["b.wav", true],
      ["c.wav", true],
    ]);
  });

  it.each([0, 1, 2, 5, 8, 9])("can be cancelled at any time, after %i messages", async (messages) => {
    const kernel = new FakeKernel();
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(SIZE))]);
    const upload = queue.uploads[0];
    for (let i = 0; i < 10_000 && kernel.model.sent.length < messages; i++) {
      await vi.advanceTimersByTimeAsync(1);
      await breath();
    }
    upload?.cancel();
    upload?.cancel();
    expect([upload?.state, queue.uploads.length]).toEqual(["cancelled", 0]);
    for (let i = 0; i < 100; i++) await vi.advanceTimersByTimeAsync(50);
    await vi.waitFor(() => expect(kernel.files.size).toBe(0));
    expect(upload?.state).toBe("cancelled");
  });

  it("tells why the kernel refuses, and goes on with the next", async () => {
    const kernel = new FakeKernel();
    kernel.refuses = "The disk is full.";
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(100))]);
    const [upload] = queue.uploads;
    await settle(queue);
    expect([upload?.state, upload?.problem]).toEqual(["failed", "The disk is full."]);
    kernel.refuses = "";
    queue.add([fileOf(noise(100), "b.wav")]);
    await settle(queue);
    expect(queue.uploads).toEqual([upload]);
    if (upload) queue.dismiss(upload);
    expect(queue.uploads).toEqual([]);
  });

  it("ends when the kernel says that it can take no more", async () => {
    const kernel = new FakeKernel();
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(SIZE))]);
    const [upload] = queue.uploads;
    while (!upload?.received) {
      await vi.advanceTimersByTimeAsync(1);
      await breath();
    }
    const problem = {
      type: "upload_at",
      id: null,
      upload: upload.id,
      offset: 0,
      crc: 0,
      again: false,
      problem: "full",
    };
    kernel.model.receive(problem as never);
    await settle(queue);
    expect([upload.state, upload.problem]).toEqual(["failed", "full"]);
  });

  it("gives up on a file that changes while it is sent", async () => {
    const kernel = new FakeKernel();
    const { queue } = queueOn(kernel);
    const file = fileOf(noise(SIZE));
    vi.spyOn(file, "slice").mockImplementation(() => {
      throw new Error("The file could not be read.");
    });
    queue.add([file]);
    const [upload] = queue.uploads;
    await settle(queue);
    expect([upload?.state, upload?.problem]).toEqual(["failed", "The file could not be read."]);
    for (let i = 0; i < 100; i++) await vi.advanceTimersByTimeAsync(50);
    expect(kernel.files.size).toBe(0);
  });

  it("gives up when every piece is damaged", async () => {
    const kernel = new FakeKernel();
    const take = kernel.model.kernel;
    kernel.model.kernel = (content, model, buffers) =>
      take?.(content.type === "upload_piece" ? { ...content, crc: 1 } : content, model, buffers);
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(100))]);
    const [upload] = queue.uploads;
    await settle(queue);
    expect(upload?.state).toBe("failed");
    expect(upload?.problem).toMatch(/Choose it again/);
  });

  it("says how long it will take", async () => {
    const kernel = new FakeKernel();
    kernel.delay = () => 250;
    const { queue } = queueOn(kernel);
    queue.add([fileOf(noise(SIZE))]);
    const [upload] = queue.uploads;
    expect(upload?.secondsLeft).toBeNull();
    while (!upload?.received) {
      await vi.advanceTimersByTimeAsync(10);
      await breath();
    }
    expect(upload.secondsLeft).toBeGreaterThan(0);
    expect(upload.secondsLeft).toBeLessThan(10);
    await settle(queue);
  });
});
