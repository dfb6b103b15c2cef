import type { Scope } from "../afm/scope";

/** Lets something happen at most once in so many milliseconds; what comes too soon happens later, once. */
export class Throttle {
  #last = Number.NEGATIVE_INFINITY;
  #pending: Scope | null = null;

  constructor(
    readonly ms: number,
    readonly scope: Scope,
    readonly action: () => void,
  ) {}

  soon(): void {
    if (this.#pending) return;
    const wait = this.#last + this.ms - performance.now();
    if (wait <= 0) {
      this.now();
    } else {
      this.#pending = this.scope.child();
      this.#pending.after(wait, () => this.now());
    }
  }

  now(): void {
    this.#pending?.dispose();
    this.#pending = null;
    this.#last = performance.now();
    this.action();
  }
}
