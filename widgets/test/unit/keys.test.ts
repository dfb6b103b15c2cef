import { expect, test } from "vitest";
import { belongsToControl, commandOf, passes } from "../../src/ui/keys";

const press = (key: string, held: Partial<KeyboardEvent> = {}) => ({
  ...{ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false },
  ...held,
});
const shift = { shiftKey: true };

function control(tag: string, type?: string, parent?: string): Element {
  const made = document.createElement(tag);
  if (type) made.setAttribute("type", type);
  if (parent) {
    const around = document.createElement("div");
    around.className = parent;
    around.append(made);
  }
  return made;
}

test.each([
  [" ", {}, { do: "toggle" }],
  ["ArrowLeft", {}, { do: "skip", seconds: -2 }],
  ["ArrowRight", shift, { do: "skip", seconds: 5 }],
  ["Home", {}, { do: "start" }],
  ["End", {}, { do: "end" }],
  ["1", {}, { do: "select", index: 0 }],
  ["9", {}, { do: "select", index: 8 }],
  ["m", {}, { do: "mute" }],
  ["M", shift, { do: "mute" }],
  ["s", {}, { do: "solo" }],
  ["x", {}, { do: "original" }],
  ["l", {}, { do: "loop" }],
  ["[", {}, { do: "loop-start" }],
  ["]", {}, { do: "loop-stop" }],
  ["[", { altKey: true }, { do: "loop-start" }],
  ["+", shift, { do: "zoom-in" }],
  ["=", {}, { do: "zoom-in" }],
  ["-", {}, { do: "zoom-out" }],
  ["?", shift, { do: "help" }],
])("%j does its part", (key, held, command) => {
  expect(commandOf(press(key, held))).toEqual(command);
});

test.each([
  ["Enter", shift],
  ["s", { ctrlKey: true }],
  ["s", { metaKey: true }],
  ["m", { altKey: true }],
  ["Escape", {}],
  ["Tab", {}],
])("%s %j is the notebook's", (key, held) => {
  expect(commandOf(press(key, held))).toBeNull();
  expect(passes(press(key, held))).toBe(true);
});

test.each(["b", "a", "0", "d", "Enter", "constructor"])("%s is no key of the player", (key) => {
  expect(commandOf(press(key))).toBeNull();
});

test("controls keep the keys that work them", () => {
  const range = control("input", "range");
  expect(belongsToControl(press("ArrowLeft"), range, true)).toBe(true);
  expect(belongsToControl(press("m"), range, true)).toBe(false);
  expect(belongsToControl(press("Home"), control("input", "range", "snb-seek"), true)).toBe(false);
  expect(belongsToControl(press("m"), control("input", "text"), true)).toBe(true);
  expect(belongsToControl(press("m"), control("select"), true)).toBe(true);
});

test("Space presses a button that was reached by keyboard; where it was clicked, it plays", () => {
  expect(belongsToControl(press(" "), control("button"), true)).toBe(true);
  expect(belongsToControl(press(" "), control("button"), false)).toBe(false);
});
