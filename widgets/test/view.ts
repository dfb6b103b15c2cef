import { Session } from "../src/audio/session";
import type { Song } from "../src/audio/song";
import type { PlayerState } from "../src/data/state";
import { renderPlayer } from "../src/ui/player";
import "../src/ui/theme.css";
import "../src/ui/controls.css";
import "../src/ui/timeline.css";
import "../src/ui/player.css";
import { songOf } from "./audio";
import { FakeModel } from "./fake-model";
import { traitsOf } from "./player";
import { Stage } from "./stage";

export const RATE = 44_100;
export const SONG = songOf(20 * RATE, 3, {
  stems: ["vocals", "drums", "bass"],
  title: "A song",
  chunkFrames: 5 * RATE,
});
const BINS = 200;

/** Every signal is loud in its own fifth of the song, and silent elsewhere. */
export function overviewOf(song: Song): DataView {
  const signals = song.stems.length + Number(song.hasMixture);
  const pairs = new Int8Array(signals * BINS * 2).map((_, i) => {
    const [signal, bin] = [Math.floor(i / BINS / 2), Math.floor(i / 2) % BINS];
    const isLoud = Math.floor((bin / BINS) * 5) === signal;
    return isLoud ? (i % 2 ? 100 : -100) : 0;
  });
  return new DataView(pairs.buffer);
}

/** A player in the page, 900 pixels wide, without sound unless the model has a kernel. */
export class Shown extends Stage {
  readonly session: Session;

  constructor(
    readonly model: FakeModel,
    width = 900,
  ) {
    super(width);
    this.session = new Session(model, this.scope);
    renderPlayer(this.session, this.root, this.scope);
  }

  lane(signal: number): HTMLElement {
    return this.root.querySelectorAll<HTMLElement>(".snb-lane")[signal] as HTMLElement;
  }

  get mix(): Partial<PlayerState> {
    const names = ["muted", "soloed", "original", "loop", "gains_db", "pans", "speed"];
    return Object.fromEntries(names.map((name) => [name, this.model.get(name)]));
  }
}

export function silentModel(changes: Partial<PlayerState> = {}, song = SONG): FakeModel {
  return new FakeModel(traitsOf(song, { overview: overviewOf(song), ...changes }));
}

/** Two repaints: what was asked for has been drawn, and what that asked for. */
export async function drawn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** Press a key at an element, as browsers do; returns the event, which says whether it was prevented. */
export function press(at: Element, key: string, held: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...held });
  at.dispatchEvent(event);
  return event;
}

/** Press, move and let go the mouse over a box; `path` holds shares of its width. */
export function mouse(box: Element, path: readonly number[], held: PointerEventInit = {}): void {
  const { left, width, top, height } = box.getBoundingClientRect();
  const send = (type: string, share: number) =>
    box.dispatchEvent(
      new PointerEvent(type, {
        ...{ bubbles: true, composed: true, pointerId: 1, isPrimary: true, button: 0 },
        ...{ buttons: type === "pointerup" ? 0 : 1, clientX: left + share * width, clientY: top + height / 2 },
        ...held,
      }),
    );
  const [first = 0] = path;
  send("pointerdown", first);
  for (const share of path.slice(1)) send("pointermove", share);
  send("pointerup", path.at(-1) ?? first);
}
