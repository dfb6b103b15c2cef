import type { Scope } from "../afm/scope";
import type { Playback } from "../audio/playback";
import { element } from "./dom";

/** Why there is no sound, while that is so. */
export function errorLine(playback: Playback, scope: Scope): HTMLElement {
  const line = element("p", { class: "snb-error", role: "alert" });
  const update = () => {
    line.textContent = playback.error ?? "";
    line.hidden = !playback.error;
  };
  playback.on("state", update, scope);
  update();
  return line;
}
