import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { songOf } from "../audio";
import { drawn, press, RATE, Shown, silentModel } from "../view";

let shown: Shown;
afterEach(() => {
  shown.scope.dispose();
  document.body.removeAttribute("style");
});

for (const background of ["white", "black"])
  test.each([380, 900])(`axe finds nothing on ${background}, %d pixels wide`, async (width) => {
    document.body.style.backgroundColor = background;
    shown = new Shown(silentModel({ loop: [1, 2], muted: ["drums"] }), width);
    press(shown.named("Position"), "?");
    await drawn();
    const { violations } = await axe.run(shown.root);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

test("controls have roles, names and values", async () => {
  shown = new Shown(silentModel());
  shown.session.seek(3 * RATE);
  await drawn();
  expect(shown.named("Position").getAttribute("aria-valuetext")).toBe("3 seconds of 20 seconds");
  expect(shown.named("vocals").getAttribute("role")).toBe("group");
  expect(shown.named("Playback").getAttribute("role")).toBe("toolbar");
  expect(shown.named("Loop").getAttribute("aria-pressed")).toBe("false");
  for (const canvas of shown.root.querySelectorAll("canvas")) expect(canvas.ariaHidden).toBe("true");
});

test("every target is 24 pixels high at least, also in a narrow place", async () => {
  shown = new Shown(silentModel({ loop: [1, 2] }), 360);
  await drawn();
  for (const one of shown.root.querySelectorAll("button, input, select")) {
    const { width, height } = one.getBoundingClientRect();
    if (width) expect([one.outerHTML, height >= 24, width >= 24]).toEqual([one.outerHTML, true, true]);
  }
});

test("names that others chose are text", async () => {
  const evil = '<img src=x onerror="globalThis.owned = true">"\'</script>';
  const song = songOf(RATE, 2, { stems: [evil, "__proto__"], title: evil });
  shown = new Shown(silentModel({ gains_db: {}, pans: {} }, song));
  await drawn();
  const names = [...shown.root.querySelectorAll(".snb-name")].map(({ textContent }) => textContent);
  expect(names).toEqual([evil, "__proto__", "Original"]);
  expect(shown.one(".snb-title").textContent).toBe(evil);
  press(shown.named("Position"), "m");
  expect(shown.one('[aria-live="polite"]').textContent).toBe(`${evil} muted`);
  expect(shown.root.querySelector("img, script")).toBeNull();
  expect("owned" in globalThis).toBe(false);
});

test("a song without stems, without a mixture, or of one sample is shown too", async () => {
  for (const song of [songOf(RATE, 0), songOf(1, 1), songOf(RATE, 1, { hasMixture: false, title: "" })]) {
    shown?.scope.dispose();
    shown = new Shown(silentModel({}, song));
    press(shown.named("Position"), "x");
    press(shown.named("Position"), "+");
    await drawn();
    expect(shown.root.querySelectorAll(".snb-row")).toHaveLength(song.stems.length + Number(song.hasMixture));
    expect(shown.mix.original).toBe(song.hasMixture);
  }
});

test("what is muted is red and what is soloed is not, whichever widget brings its style last", async () => {
  shown = new Shown(silentModel({ muted: ["drums"], soloed: "vocals" }));
  const sheet = document.querySelector('style[data-vite-dev-id$="/timeline.css"]') as Element;
  const again = document.head.appendChild(sheet.cloneNode(true)) as Element;
  const colour = (name: string) => {
    const button = [...shown.named(name).querySelectorAll("button")].find((one) => one.ariaPressed === "true");
    return getComputedStyle(button as Element).backgroundColor;
  };
  expect(colour("drums")).not.toBe(colour("vocals"));
  again.remove();
});
