import { Scope } from "../src/afm/scope";
import { watchTheme } from "../src/afm/theme";
import type { Widget } from "../src/afm/widget";
import { FakeModel } from "./fake-model";

/** Texts that would like to be code. */
export const PAYLOADS: readonly string[] = [
  ..."img src=x onerror|svg onload|body onload|details open ontoggle|audio src=x onerror|input autofocus onfocus"
    .split("|")
    .flatMap((start) => ["", '"', "'", '">', "'>", "</p>", "</script>", "-->"].map((end) => `${end}<${start}=run()>`)),
  "<script>run()</script>",
  "<iframe src=javascript:run()>",
  '<a href="javascript:run()">',
  "<style>@import 'http://attacker.invalid/x'</style>",
  "<math><mtext><script>run()</script>",
  "{{constructor.constructor('run()')()}}",
  "$\\href{javascript:run()}{x}$",
  "![x](x' onerror='run())",
  "&lt;script&gt;run()&lt;/script&gt;",
  "\u202egnp.<img src=x onerror=run()>",
  "__proto__",
  "constructor",
];

/** A view of a widget in the page. */
export class View<Shared> {
  readonly scope = new Scope();
  readonly root = document.createElement("div");
  readonly model: FakeModel;
  readonly shared: Shared;

  constructor(widget: Widget<Shared>, traits: object, width = 860) {
    this.model = new FakeModel(traits);
    this.root.className = "snb-root";
    this.root.style.width = `${width}px`;
    document.body.append(this.root);
    this.scope.defer(() => this.root.remove());
    watchTheme(this.root, this.scope);
    this.shared = widget.initialize(this.model, this.scope);
    widget.render(this.shared, this.root, this.scope);
  }

  one<E extends Element = HTMLElement>(selector: string): E {
    const found = this.root.querySelector<E>(selector);
    if (!found) throw new Error(`There is no ${selector}.`);
    return found;
  }

  text(selector: string): string {
    return this.one(selector).textContent ?? "";
  }

  /** The button of this name, where it is to be seen. */
  button(name: string): HTMLButtonElement | null {
    const all = [...this.root.querySelectorAll("button")];
    return all.find((one) => one.getAttribute("aria-label") === name && one.checkVisibility()) ?? null;
  }
}
