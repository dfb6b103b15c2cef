import type { Scope } from "../afm/scope";
import type { Session } from "../audio/session";
import { button, setPressed } from "./button";
import { element } from "./dom";
import { KEYS_HELP } from "./keys";

/** What keys and the mouse do, and what to try without sound; hidden until it is asked for. */
export function helpPanel(session: Session, scope: Scope) {
  const panel = element(
    "section",
    { class: "snb-help", "aria-label": "Help", hidden: true },
    ...content(session, scope),
  );
  const toggle = () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute("aria-expanded", String(!panel.hidden));
  };
  const opener = button({ label: "Help: keys and mouse (?)", icon: "help", onPress: toggle }, scope);
  opener.setAttribute("aria-expanded", "false");
  return { panel, button: opener, toggle };
}

function content(session: Session, scope: Scope): Node[] {
  const keys = KEYS_HELP.map(([names, what]) =>
    element("div", { class: "snb-key" }, keyNames(names), element("dd", {}, what)),
  );
  return [
    element("dl", {}, ...keys),
    element(
      "p",
      {},
      "On the waveforms: click to go there, drag to pan, Shift and drag (or drag on the time axis) to mark a loop, ",
      "Ctrl and wheel to zoom, double click to see all.",
    ),
    element("p", {}, "No sound? ", outputSwitch(session, scope)),
  ];
}

function keyNames(names: string): HTMLElement {
  const keys = names.split(" ").map((name) => (name === "–" ? name : element("kbd", {}, name)));
  return element("dt", {}, ...keys);
}

/** Some hosts and headphones hear what comes from an audio element only. */
function outputSwitch(session: Session, scope: Scope): HTMLElement {
  const label = "Play through an audio element";
  const toggle = button(
    {
      ...{ label, text: label },
      onPress: () => {
        session.isElement = !session.isElement;
      },
    },
    scope,
  );
  const update = () => setPressed(toggle, session.isElement);
  session.on("state", update, scope);
  update();
  return toggle;
}
