import type { Scope } from "../afm/scope";

type Draw = () => void;

/** Draws what was asked for before the next repaint, each thing once, and nothing while it is out of sight. */
export class Stage {
  readonly #wanted = new Set<Draw>();
  #animated: Draw | null = null;
  #isVisible = true;
  #frames: Scope | null = null;

  constructor(
    box: Element,
    readonly scope: Scope,
  ) {
    scope.onVisibility(box, (isVisible) => {
      this.#isVisible = isVisible;
      this.#schedule();
    });
  }

  request(draw: Draw): void {
    this.#wanted.add(draw);
    this.#schedule();
  }

  /** Draw this before every repaint, until another or null is given. */
  animate(draw: Draw | null): void {
    this.#animated = draw;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#frames || !this.#isVisible || !(this.#animated || this.#wanted.size)) return;
    const frames = this.scope.child();
    this.#frames = frames;
    frames.frames(() => {
      this.#draw();
      if (this.#isVisible && (this.#animated || this.#wanted.size)) return true;
      this.#frames = null;
      frames.dispose();
      return false;
    });
  }

  #draw(): void {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    for (const draw of wanted) draw();
    this.#animated?.();
  }
}
