import type { Scope } from "../afm/scope";
import type { Playback } from "../audio/playback";
import { button, relabel } from "./button";
import { element, hasFocus } from "./dom";
import { formatTime } from "./format";
import type { Part } from "./parts";

/** Shorter waits, as for a seek, are not noticed and not told. */
const NOTICED_MS = 150;

interface Transport {
  readonly playback: Playback;
  readonly actions: { toggle(): void; play(): void; stop(): void };
  readonly scope: Scope;
}

/** Play, stop and the time; beside them what keeps the sound from coming. */
export function transport({ playback, actions, scope }: Transport): Part {
  const { sampleRate, frames } = playback.song;
  const play = button({ label: "Play", icon: "play", class: "snb-play", onPress: () => actions.toggle() }, scope);
  const start = button({ label: "Stop, and go to the start", icon: "start", onPress: () => actions.stop() }, scope);
  const time = element("span", { class: "snb-time" });
  const length = element("span", { class: "snb-length" }, ` / ${formatTime(frames / sampleRate)}`);
  const notice = element("span", { class: "snb-notice", role: "status" });
  const enable = button(
    { label: "Click to enable sound", icon: "sound", text: "Click to enable sound", onPress: () => actions.play() },
    scope,
  );
  enable.classList.add("snb-enable");

  const showWaiting = (isWaiting: boolean) => {
    play.classList.toggle("snb-busy", isWaiting);
    notice.textContent = isWaiting ? "Buffering…" : "";
  };
  let forgetWaiting: (() => void) | null = null;
  const update = () => {
    const { state } = playback;
    const isOn = state === "playing" || state === "buffering";
    relabel(play, isOn ? "Pause" : "Play", isOn ? "pause" : "play");
    if (state === "buffering") {
      forgetWaiting ??= scope.after(NOTICED_MS, () => showWaiting(true));
    } else {
      forgetWaiting?.();
      forgetWaiting = null;
      showWaiting(false);
    }
    // What is hidden loses the focus, and with it the player its keys.
    if (state !== "blocked" && hasFocus(enable)) play.focus();
    enable.hidden = state !== "blocked";
  };
  playback.on("state", update, scope);
  update();
  const clock = element("span", { class: "snb-clock" }, time, length);
  const tick = () => {
    const text = formatTime(playback.position / sampleRate);
    if (time.textContent !== text) time.textContent = text;
  };
  tick();
  return { root: element("div", { class: "snb-group" }, start, play, clock, enable, notice), tick };
}
