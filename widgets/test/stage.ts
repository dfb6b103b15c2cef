import { Scope } from "../src/afm/scope";
import { watchTheme } from "../src/afm/theme";

/** A place in the page for one view, and what is found in it; gone when its scope is disposed of. */
export class Stage {
  readonly scope = new Scope();
  readonly root = document.createElement("div");

  constructor(width: number) {
    this.root.className = "snb-root";
    this.root.style.width = `${width}px`;
    document.body.append(this.root);
    this.scope.defer(() => this.root.remove());
    watchTheme(this.root, this.scope);
  }

  one<E extends Element = HTMLElement>(selector: string): E {
    const found = this.root.querySelector<E>(selector);
    if (!found) throw new Error(`There is no ${selector}.`);
    return found;
  }

  named<E extends HTMLElement = HTMLElement>(name: string): E {
    return this.one<E>(`[aria-label="${name}"]`);
  }
}
