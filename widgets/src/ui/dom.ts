type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | null>;

/** Make an element; children that are strings become text, never markup. `true` sets an empty attribute. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Set an attribute, or remove it where `value` is null or false. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Set a text only if it is another: what is set is laid out, and read by screen readers, again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether the focus is in `box`. Hosts may show it in a shadow tree, of which the document knows nothing. */
export function hasFocus(box: Element): boolean {
  return box.contains((box.getRootNode() as Document | ShadowRoot).activeElement);
}

/** An id that no other element of the page has: each widget has module variables of its own, so counting is not enough. */
export function uniqueId(): string {
  return `snb-${Math.random().toString(36).slice(2)}`;
}
