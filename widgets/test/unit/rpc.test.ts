import { describe, expect, it, vi } from "vitest";
import { Channel, KernelError } from "../../src/afm/rpc";
import { Scope } from "../../src/afm/scope";
import { FakeModel } from "../fake-model";

type ToKernel = { type: "ask"; id?: number; what: string };
type ToBrowser = { type: "answer"; id?: number; value: number } | { type: "news" };

function made() {
  const [model, scope] = [new FakeModel({}), new Scope()];
  return { model, scope, channel: new Channel<ToKernel, ToBrowser>(model, scope) };
}

describe("Channel", () => {
  it("gives each request the answer with its id, in whatever order they come", async () => {
    const { model, channel } = made();
    const [first, second] = ["a", "b"].map((what) => channel.request({ type: "ask", what }, "answer"));
    const ids = model.sentOf("ask").map(({ content }) => content.id as number);
    for (const id of ids.toReversed()) model.receive({ type: "answer", id, value: id * 10 } as never);
    expect((await first)?.value).toBe((ids[0] ?? 0) * 10);
    expect((await second)?.value).toBe((ids[1] ?? 0) * 10);
  });

  it("rejects with what the kernel says", async () => {
    const { model, channel } = made();
    model.kernel = ({ id }) => model.receive({ type: "failure", id, message: "no", error: "ModelError" } as never);
    const error = await channel.request({ type: "ask", what: "" }, "answer").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject({ message: "no", error: "ModelError" });
  });

  it("hands buffers over as views, however the host wraps them", () => {
    const { model, channel } = made();
    const seen: number[][] = [];
    channel.on("news", (_, buffers) => seen.push(buffers.map((view) => view.getUint8(0))));
    const bytes = new Uint8Array([1, 2, 3]);
    model.receive({ type: "news" }, [bytes.buffer, bytes.subarray(2), new DataView(bytes.buffer, 1)]);
    model.emit("msg:custom", { type: "news" }, undefined);
    expect(seen).toEqual([[1, 3, 2], []]);
  });

  it("says that the kernel is gone where the host cannot send", async () => {
    const { model, scope, channel } = made();
    model.send = () => {
      throw new Error("Cannot send");
    };
    await expect(channel.request({ type: "ask", what: "" }, "answer")).rejects.toThrow("run the cell again");
    scope.dispose();
  });

  it("passes over what it does not know", () => {
    const { model } = made();
    for (const content of [{ type: "other" }, { type: "answer", id: 99 }, { type: "failure", id: 1 }]) {
      expect(() => model.receive(content)).not.toThrow();
    }
  });

  it("ends with its scope: nobody waits for ever, nothing is heard", async () => {
    const { model, scope, channel } = made();
    const heard = vi.fn();
    channel.on("news", heard);
    const waiting = channel.request({ type: "ask", what: "" }, "answer");
    scope.dispose();
    model.receive({ type: "news" });
    await expect(waiting).rejects.toThrow(KernelError);
    expect(heard).not.toHaveBeenCalled();
    expect(model.listenerCount).toBe(0);
  });
});
