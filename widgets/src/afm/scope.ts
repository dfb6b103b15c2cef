/** Everything that has to be undone hangs on a scope: disposing of it undoes all, last things first. */
export class Scope {
  readonly #controller = new AbortController();
  readonly #undo: (() => void)[] = [];

  /** Aborted when the scope is disposed of. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isDisposed(): boolean {
    return this.signal.aborted;
  }

  /** Call `undo` on disposal; at once, if that has been. */
  defer(undo: () => void): void {
    if (this.isDisposed) undo();
    else this.#undo.push(undo);
  }

  /** A scope that ends with this one, or before. */
  child(): Scope {
    const scope = new Scope();
    const end = () => scope.dispose();
    this.defer(end);
    scope.defer(() => {
      const at = this.#undo.indexOf(end);
      if (at >= 0) this.#undo.splice(at, 1);
    });
    return scope;
  }

  listen<K extends keyof HTMLElementEventMap>(
    target: EventTarget,
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    options?: Omit<AddEventListenerOptions, "signal">,
  ): void;
  listen(
    target: EventTarget,
    type: string,
    listener: (event: Event) => void,
    options?: Omit<AddEventListenerOptions, "signal">,
  ): void;
  listen(
    target: EventTarget,
    type: string,
    listener: (event: never) => void,
    options: Omit<AddEventListenerOptions, "signal"> = {},
  ): void {
    target.addEventListener(type, listener as EventListener, { ...options, signal: this.signal });
  }

  /** Call `tick` every `ms` milliseconds; returns what stops it. */
  every(ms: number, tick: () => void): () => void {
    const own = this.child();
    const timer = setInterval(tick, ms);
    own.defer(() => clearInterval(timer));
    return () => own.dispose();
  }

  /** Call `action` once after `ms` milliseconds; returns what prevents it. */
  after(ms: number, action: () => void): () => void {
    const own = this.child();
    const timer = setTimeout(() => {
      own.dispose();
      action();
    }, ms);
    own.defer(() => clearTimeout(timer));
    return () => own.dispose();
  }

  /** Call `draw` before each repaint until it returns false; returns what stops it. */
  frames(draw: (now: DOMHighResTimeStamp) => boolean | undefined): () => void {
    const own = this.child();
    const step = (now: DOMHighResTimeStamp) => {
      if (draw(now) === false) own.dispose();
      else if (!own.isDisposed) handle = requestAnimationFrame(step);
    };
    let handle = requestAnimationFrame(step);
    own.defer(() => cancelAnimationFrame(handle));
    return () => own.dispose();
  }

  /** Call `changed` when the element gets another size, and once at the start. */
  onResize(element: Element, changed: (box: DOMRectReadOnly) => void): void {
    const observer = new ResizeObserver((entries) => {
      const entry = entries.at(-1);
      if (entry) changed(entry.contentRect);
    });
    observer.observe(element);
    this.defer(() => observer.disconnect());
  }

  /** Call `changed` when the element comes into sight or leaves it. */
  onVisibility(element: Element, changed: (isVisible: boolean) => void): void {
    const observer = new IntersectionObserver((entries) => {
      const entry = entries.at(-1);
      if (entry) changed(entry.isIntersecting);
    });
    observer.observe(element);
    this.defer(() => observer.disconnect());
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.#controller.abort();
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}
