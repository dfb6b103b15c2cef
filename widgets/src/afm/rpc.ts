import type { AnyModel } from "./model";
import type { Scope } from "./scope";

export interface Message {
  readonly type: string;
  readonly id?: number | null;
}

type OfType<M extends Message, T extends M["type"]> = Extract<M, { type: T }>;
/** The answer to a request, with the buffers that came with it. */
export type Answer<M> = M & { readonly buffers: readonly DataView[] };
type Handler<M> = (message: M, buffers: readonly DataView[]) => void;
type Waiting = { resolve: (value: never) => void; reject: (error: Error) => void };

/** The kernel refused a request; `message` is for people, and text, never markup. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  constructor(
    message: string,
    readonly error: string,
  ) {
    super(message);
  }
}

/**
 * Custom messages of one widget, both ways. The kernel speaks only after it was asked; a request has an id and gets
 * exactly one answer with that id, a result or an error.
 */
export class Channel<ToKernel extends Message, ToBrowser extends Message> {
  readonly #handlers = new Map<string, Handler<never>>();
  readonly #waiting = new Map<number, Waiting>();
  // Answers go to all pages of a kernel: two of them must not count alike.
  #lastId = Math.floor(Math.random() * 2 ** 40);

  constructor(
    readonly model: AnyModel,
    scope: Scope,
  ) {
    const receive = (content: unknown, buffers: unknown) => this.#receive(content, buffers);
    model.on("msg:custom", receive);
    scope.defer(() => {
      model.off("msg:custom", receive);
      for (const { reject } of this.#waiting.values()) reject(new KernelError("The widget was closed.", "Cancelled"));
      this.#waiting.clear();
    });
  }

  /** Handle all messages of one type that answer no request. */
  on<T extends ToBrowser["type"]>(type: T, handler: Handler<OfType<ToBrowser, T>>): void {
    this.#handlers.set(type, handler as Handler<never>);
  }

  /** Tell the kernel; nothing is answered. Throws if there is none any more. */
  send(message: ToKernel, buffers: ArrayBuffer[] = []): void {
    try {
      this.model.send(message, undefined, buffers);
    } catch {
      // JupyterLab's own words are "Cannot send".
      throw new KernelError("The kernel was restarted or is gone: run the cell again.", "Disconnected");
    }
  }

  /** Ask the kernel; `answer` is the type of what it answers with. Rejects with what went wrong. */
  request<T extends ToBrowser["type"]>(
    message: ToKernel,
    _answer: T,
    buffers: ArrayBuffer[] = [],
  ): Promise<Answer<OfType<ToBrowser, T>>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.send({ ...message, id }, buffers);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #receive(content: unknown, buffers: unknown): void {
    const message = content as Message & { message?: string; error?: string };
    const views = asViews(buffers);
    const waiting = message.id == null ? undefined : this.#waiting.get(message.id);
    if (waiting && message.id != null) {
      this.#waiting.delete(message.id);
      if (message.type === "failure") waiting.reject(new KernelError(String(message.message), String(message.error)));
      else waiting.resolve({ ...message, buffers: views } as never);
    } else {
      this.#handlers.get(message.type)?.(message as never, views);
    }
  }
}

/** Hosts hand over buffers as ArrayBuffer, as views, or as bare objects with a buffer. */
function asViews(buffers: unknown): DataView[] {
  if (!Array.isArray(buffers)) return [];
  return buffers.map((buffer: ArrayBuffer | ArrayBufferView) =>
    ArrayBuffer.isView(buffer)
      ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
      : new DataView(buffer as ArrayBuffer),
  );
}
