import { expect, it, vi } from "vitest";
import { Scope } from "../../src/afm/scope";
import { passToHost } from "../../src/afm/shortcuts";
import { element } from "../../src/ui/dom";

const SUPPRESS = "data-lm-suppress-shortcuts";

it.each([
  [{ key: "Enter", shiftKey: true }, false],
  [{ key: "Enter", ctrlKey: true }, false],
  [{ key: "s", ctrlKey: true }, false],
  [{ key: "S", metaKey: true, shiftKey: true }, false],
  [{ key: "Enter" }, true],
  [{ key: "s" }, true],
  [{ key: "a", ctrlKey: true }, true],
])("of %o, a host that listens outside sees it suppressed: %s", async (keys, isSuppressed) => {
  const [scope, button] = [new Scope(), element("button", { [SUPPRESS]: true })];
  const root = element("div", {}, button);
  const host = element("div", {}, root);
  passToHost(root, scope);
  const seen: boolean[] = [];
  host.addEventListener("keydown", () => seen.push(button.hasAttribute(SUPPRESS)));

  button.dispatchEvent(new KeyboardEvent("keydown", { ...keys, bubbles: true }));

  expect(seen).toEqual([isSuppressed]);
  await vi.waitFor(() => expect(button.hasAttribute(SUPPRESS)).toBe(true));
  scope.dispose();
});
