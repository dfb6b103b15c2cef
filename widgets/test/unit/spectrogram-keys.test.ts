import { expect, test } from "vitest";
import { commandOf, repeats } from "../../src/ui/spectrogram-keys";

const press = (key: string, held: Partial<KeyboardEvent> = {}) =>
  commandOf({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held });

test.each([
  ["ArrowLeft", {}, { do: "move", columns: -1, bins: 0 }],
  ["ArrowRight", { shiftKey: true }, { do: "move", columns: 10, bins: 0 }],
  ["ArrowUp", {}, { do: "move", columns: 0, bins: 1 }],
  ["ArrowDown", { shiftKey: true }, { do: "move", columns: 0, bins: -10 }],
  ["B", { shiftKey: true }, { do: "blink" }],
  ["0", {}, { do: "fit" }],
  ["[", { altKey: true }, { do: "region-start" }],
  ["ArrowUp", { altKey: true }, null],
  ["0", { ctrlKey: true }, null],
  ["b", { metaKey: true }, null],
  ["m", {}, null],
  ["Enter", {}, null],
])("%s with %j", (key, held, command) => {
  expect(press(key, held)).toEqual(command);
});

test("only moving and zooming go on while a key is held down", () => {
  const going = ["ArrowLeft", "+", "-", "0", "b", "l", " ", "?"].filter((key) => {
    const command = press(key);
    return command && repeats(command);
  });
  expect(going).toEqual(["ArrowLeft", "+", "-"]);
});
