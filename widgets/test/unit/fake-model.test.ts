import { expect, test, vi } from "vitest";
import { Model } from "../../src/afm/model";
import { Scope } from "../../src/afm/scope";
import { FakeModel } from "../fake-model";

test("a fake model behaves as a host's: changes are heard, saved together, and listeners leave with their scope", () => {
  const fake = new FakeModel({ volume: 1, name: "a" });
  const scope = new Scope();
  const changed = vi.fn();
  const model = new Model<{ volume: number; name: string }>(fake);
  model.on(["volume"], changed, scope);
  model.set({ volume: 2, name: "a" });
  fake.change({ volume: 3 });
  expect([changed.mock.calls.length, fake.saved, model.get("volume")]).toEqual([2, [{ volume: 2 }], 3]);
  scope.dispose();
  expect(fake.listenerCount).toBe(0);
});

test("its kernel answers after the sender has returned", async () => {
  const fake = new FakeModel({});
  fake.kernel = (message, model) => model.receive({ type: `${message.type}-answer` });
  const heard = vi.fn();
  fake.on("msg:custom", heard);
  fake.send({ type: "hello" });
  expect(heard).not.toHaveBeenCalled();
  await Promise.resolve();
  expect(heard).toHaveBeenCalledWith({ type: "hello-answer" }, []);
});
