import type { Scope } from "../afm/scope";
import { button, setPressed } from "./button";
import { element } from "./dom";
import { formatTime, parseTime } from "./format";
import type { Region } from "./view";

interface Marking {
  /** What the region is called. */
  readonly name: string;
  /** Seconds. */
  readonly region: () => Region | null;
  toggle(): void;
  set(region: Region): void;
}

/** A toggle for a region, with fields for both of its ends while it is on; and what brings them up to date. */
export function regionControls({ name, region, toggle, set }: Marking, scope: Scope) {
  const pressed = button({ label: name, icon: "loop", text: name, onPress: toggle }, scope);
  const ends = [`${name} start`, `${name} end`].map((label, edge) =>
    timeField(
      label,
      (seconds) => {
        const now = region();
        if (now) set(edge ? [now[0], seconds] : [seconds, now[1]]);
      },
      scope,
    ),
  );
  const fields = element("span", { class: "snb-loop-fields" }, ends[0]?.root ?? null, "–", ends[1]?.root ?? null);
  const update = () => {
    const now = region();
    setPressed(pressed, now !== null);
    fields.hidden = now === null;
    for (const [edge, field] of ends.entries()) field.set(now?.[edge] ?? 0);
  };
  update();
  return { root: element("div", { class: "snb-group" }, pressed, fields), update };
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
