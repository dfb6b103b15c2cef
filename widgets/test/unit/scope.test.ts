import { describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/afm/scope";

describe("Scope", () => {
  it("undoes everything once, last things first", () => {
    const scope = new Scope();
    const order: number[] = [];
    scope.defer(() => order.push(1));
    scope.defer(() => order.push(2));
    scope.dispose();
    scope.dispose();
    expect(order).toEqual([2, 1]);
    expect(scope.isDisposed).toBe(true);
  });

  it("undoes at once what comes too late", () => {
    const scope = new Scope();
    scope.dispose();
    const undo = vi.fn();
    scope.defer(undo);
    expect(undo).toHaveBeenCalledOnce();
  });

  it("stops listening", () => {
    const scope = new Scope();
    const target = new EventTarget();
    const heard = vi.fn();
    scope.listen(target, "x", heard);
    target.dispatchEvent(new Event("x"));
    scope.dispose();
    target.dispatchEvent(new Event("x"));
    expect(heard).toHaveBeenCalledOnce();
  });

  it("ends its children, and forgets those that ended before", () => {
    const scope = new Scope();
    const [early, late] = [scope.child(), scope.child()];
    const undoEarly = vi.fn();
    early.defer(undoEarly);
    early.dispose();
    scope.dispose();
    expect(undoEarly).toHaveBeenCalledOnce();
    expect(late.isDisposed).toBe(true);
  });

  it("stops timers", () => {
    vi.useFakeTimers();
    const scope = new Scope();
    const [ticked, done, prevented] = [vi.fn(), vi.fn(), vi.fn()];
    scope.every(10, ticked);
    scope.after(15, done);
    const prevent = scope.after(15, prevented);
    prevent();
    vi.advanceTimersByTime(25);
    scope.dispose();
    vi.advanceTimersByTime(100);
    vi.useRealTimers();
    expect(ticked).toHaveBeenCalledTimes(2);
    expect(done).toHaveBeenCalledOnce();
    expect(prevented).not.toHaveBeenCalled();
  });

  it("draws frames until told to stop", async () => {
    const scope = new Scope();
    let drawn = 0;
    await new Promise<void>((resolve) => {
      scope.frames(() => {
        drawn += 1;
        if (drawn === 3) resolve();
        return drawn < 3;
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(drawn).toBe(3);
  });
});
