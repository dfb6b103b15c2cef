import { beforeAll, describe, expect, it, vi } from "vitest";
import { Model } from "../../src/afm/model";
import { Scope } from "../../src/afm/scope";
import { defineWidget } from "../../src/afm/widget";
import { element, setAttribute } from "../../src/ui/dom";
import { FakeModel } from "../fake-model";

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => Object.assign(new EventTarget(), { matches: false }));
});

describe("defineWidget", () => {
  it("shares one thing between the views of a model, and cleans up", () => {
    const ended = vi.fn();
    const shares: object[] = [];
    const module = defineWidget({
      initialize: (_, scope) => {
        scope.defer(ended);
        return {};
      },
      render: (shared, root, scope) => {
        shares.push(shared);
        root.append("hello");
        scope.defer(() => shares.pop());
      },
    })();
    const model = new FakeModel({});
    const close = module.initialize({ model });
    const hosts = [document.createElement("div"), document.createElement("div")];
    // As JupyterLab does: another object for every view.
    const leave = hosts.map((el) => module.render({ model: Object.create(model), el }));
    expect(shares[0]).toBe(shares[1]);
    expect(hosts[0]?.textContent).toBe("hello");
    for (const end of leave) end();
    expect(shares).toEqual([]);
    expect(hosts[0]?.childElementCount).toBe(0);
    expect(ended).not.toHaveBeenCalled();
    close();
    expect(ended).toHaveBeenCalledOnce();
  });

  it("works in hosts that never initialize", () => {
    const ended = vi.fn();
    const module = defineWidget({ initialize: (_, scope) => scope.defer(ended), render: () => {} })();
    const leave = module.render({ model: new FakeModel({}), el: document.createElement("div") });
    leave();
    expect(ended).toHaveBeenCalledOnce();
  });

  it("shows what went wrong as text", () => {
    const module = defineWidget({
      initialize: () => null,
      render: () => {
        throw new Error("<img src=x onerror=alert(1)>");
      },
    })();
    const el = document.createElement("div");
    module.render({ model: new FakeModel({}), el });
    expect(el.querySelector("[role=alert]")?.textContent).toBe("<img src=x onerror=alert(1)>");
    expect(el.querySelector("img")).toBeNull();
  });

  it("marks light and dark by what lies behind it", async () => {
    const module = defineWidget({ initialize: () => null, render: () => {} })();
    const el = element("div");
    document.body.append(el);
    document.body.style.backgroundColor = "rgb(20, 20, 20)";
    const leave = module.render({ model: new FakeModel({}), el });
    const root = el.querySelector<HTMLElement>(".snb-root");
    expect(root?.dataset.snbTheme).toBe("dark");
    document.body.style.backgroundColor = "rgb(250, 250, 250)";
    await vi.waitFor(() => expect(root?.dataset.snbTheme).toBe("light"));
    leave();
    el.remove();
  });
});

describe("Model", () => {
  it("tells of the traits asked for, until the scope ends", () => {
    const [any, scope, changed] = [new FakeModel({ a: 1, b: 2 }), new Scope(), vi.fn()];
    const model = new Model<{ a: number; b: number }>(any);
    model.on(["a"], changed, scope);
    model.set({ a: 3, b: 4 });
    expect(changed).toHaveBeenCalledOnce();
    expect(model.get("a")).toBe(3);
    expect(any.saved).toEqual([{ a: 3, b: 4 }]);
    scope.dispose();
    model.set({ a: 5 });
    expect(changed).toHaveBeenCalledOnce();
  });
});

describe("element", () => {
  it("makes text of strings, and attributes of values", () => {
    const made = element("p", { title: "t", hidden: true, lang: null }, "<b>", null, element("i"));
    expect(made.outerHTML).toBe('<p title="t" hidden="">&lt;b&gt;<i></i></p>');
    setAttribute(made, "hidden", false);
    expect(made.hidden).toBe(false);
  });
});
