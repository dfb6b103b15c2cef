import { element } from "../ui/dom";
import type { AnyModel } from "./model";
import { Scope } from "./scope";
import { passToHost } from "./shortcuts";
import { watchTheme } from "./theme";

interface Host {
  model: AnyModel;
  el: HTMLElement;
}

export interface Widget<Shared> {
  /** Once for each model on a page: what its views share. Must be quick; ask the kernel when the first view is made. */
  initialize(model: AnyModel, scope: Scope): Shared;
  /** Once for each view. */
  render(shared: Shared, root: HTMLElement, scope: Scope): void;
}

/**
 * Make what a module of anywidget exports. Hosts call it once for each model and what they get serves that one only:
 * the `model` that they hand over tells nothing, for JupyterLab makes another object of it for every view. Everything
 * hangs on scopes, which the clean-ups dispose of.
 */
export function defineWidget<Shared>(widget: Widget<Shared>) {
  return () => {
    let shared: { readonly value: Shared } | null = null;
    function share(model: AnyModel): () => void {
      const scope = new Scope();
      shared = { value: widget.initialize(model, scope) };
      scope.defer(() => {
        shared = null;
      });
      return () => scope.dispose();
    }

    return {
      initialize: ({ model }: Omit<Host, "el">) => share(model),
      render({ model, el }: Host): () => void {
        const scope = new Scope();
        // Hosts that never call `initialize` get it with the first view.
        if (!shared) scope.defer(share(model));
        const root = element("div", { class: "snb-root" });
        el.append(root);
        scope.defer(() => root.remove());
        watchTheme(root, scope);
        passToHost(root, scope);
        try {
          if (shared) widget.render(shared.value, root, scope);
        } catch (error) {
          showError(root, error);
        }
        return () => scope.dispose();
      },
    };
  };
}

/** Tell people under the widget what went wrong, as text. */
export function showError(root: HTMLElement, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  root.append(element("p", { class: "snb-error", role: "alert" }, text));
}
