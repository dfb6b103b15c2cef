import type { Scope } from "../afm/scope";
import { button, setPressed } from "./button";
import { element } from "./dom";
import { formatTime, parseTime } from "./format";
import { type Context, onMix } from "./parts";

/** The loop toggle, with fields for both ends while it is on. */
export function loopControls(context: Context): HTMLElement {
  const { session, actions, scope } = context;
  const toggle = button({ label: "Loop", icon: "loop", text: "Loop", onPress: () => actions.toggleLoop() }, scope);
  const ends = ["Loop start", "Loop end"].map((label, edge) =>
    timeField(
      label,
      (seconds) => {
        const loop = session.model.get("loop");
        if (loop) actions.setLoop(edge ? [loop[0], seconds] : [seconds, loop[1]]);
      },
      scope,
    ),
  );
  const fields = element("span", { class: "snb-loop-fields" }, ends[0]?.root ?? null, "–", ends[1]?.root ?? null);
  onMix(context, () => {
    const loop = session.model.get("loop");
    setPressed(toggle, loop !== null);
    fields.hidden = loop === null;
    for (const [edge, field] of ends.entries()) field.set(loop?.[edge] ?? 0);
  });
  return element("div", { class: "snb-group" }, toggle, fields);
}

function timeField(label: string, changed: (seconds: number) => void, scope: Scope) {
  const root = element("input", {
    type: "text",
    class: "snb-field",
    inputmode: "decimal",
    spellcheck: "false",
    ...{ "aria-label": `${label}, minutes and seconds`, title: label, "data-lm-suppress-shortcuts": true },
  });
  let shown = "";
  const set = (seconds: number) => {
    shown = formatTime(seconds);
    root.value = shown;
  };
  scope.listen(root, "change", () => {
    const seconds = parseTime(root.value);
    if (seconds === null) root.value = shown;
    else changed(seconds);
  });
  return { root, set };
}
