import { noteOf } from "../draw/frequency";
import { element } from "./dom";
import { formatTime, spokenExactTime } from "./format";
import { type Slider, slider } from "./slider";
import type { SpectrogramContext } from "./spectrogram-parts";
import { caveats, type Value, valueAt } from "./spectrogram-values";
import { BLINK_CHANGED } from "./spectrogram-view";
import { MARKS_CHANGED, VIEW_CHANGED } from "./view";

interface Line {
  readonly seconds: number;
  readonly hz: string;
  readonly note: string;
  readonly values: readonly { readonly name: string; readonly text: string; readonly detail: string }[];
  readonly caveats: readonly string[];
}

/** What is under the cross-hair in words and numbers, and two sliders that move it. */
export function readout(context: SpectrogramContext): { root: HTMLElement; home: HTMLInputElement } {
  const { comparison, view, stage, scope } = context;
  // No live region: the sliders say it, and the pointer would never stop talking.
  const line = element("div", { class: "snb-readout" });
  let now = lineAt(context);
  const { time, frequency } = crossSliders(context, () => now);
  const empty = hint();
  const update = () => {
    now = lineAt(context);
    if (view.cross) line.replaceChildren(...shownLine(now));
    // What is there stays: every change lays out the page.
    else if (!line.contains(empty)) line.replaceChildren(empty);
    time.set(view.place.frame);
    frequency.set(binOf(context, view.place.hz));
  };
  const request = () => stage.request(update);
  for (const event of [MARKS_CHANGED, BLINK_CHANGED]) scope.listen(view, event, request);
  scope.listen(view.viewport, VIEW_CHANGED, request);
  comparison.tiles.on(request, scope);
  comparison.model.on(["panes", "y_axis", "fmin", "fmax"], request, scope);
  update();
  const name = element("span", { class: "snb-what", "aria-hidden": "true" }, "Cross-hair");
  const root = element("div", { class: "snb-cross" }, name, time.root, frequency.root, line);
  return { root, home: time.input };
}

function crossSliders(context: SpectrogramContext, now: () => Line): { time: Slider; frequency: Slider } {
  const { comparison, view, actions, scope } = context;
  const { frames } = comparison.timeline;
  const { bins, nFft, sampleRate } = comparison.tiles.grid;
  const time = slider(
    {
      label: "Cross-hair, time",
      ...{ min: 0, max: frames, step: 1, reset: null, class: "snb-seek" },
      spoken: () => spokenLine(now(), ["time", "hz"]),
      onInput: (frame) => actions.put(frame),
    },
    scope,
  );
  const frequency = slider(
    {
      label: "Cross-hair, frequency",
      ...{ min: 0, max: bins - 1, step: 1, reset: null },
      spoken: () => spokenLine(now(), ["hz", "time"]),
      onInput: (bin) => actions.put(view.place.frame, (bin * sampleRate) / nFft),
    },
    scope,
  );
  return { time, frequency };
}

function binOf({ comparison }: SpectrogramContext, hz: number): number {
  const { nFft, sampleRate } = comparison.tiles.grid;
  return Math.round((hz * nFft) / sampleRate);
}

/** What is at the cross-hair, or where it would be. */
function lineAt({ comparison, view }: SpectrogramContext): Line {
  const { place } = view;
  const { tiles, timeline } = comparison;
  const known = view.shown.map(({ name, pane }) => ({ name, value: valueAt(tiles, pane, place) }));
  const values = known.map(({ value }) => value).filter((value): value is Value => value !== null);
  return {
    seconds: place.frame / timeline.sampleRate,
    hz: `${place.hz.toFixed(1)} Hz`,
    note: noteOf(place.hz),
    values: known.map(({ name, value }) => ({ name, text: value?.text ?? "…", detail: value?.detail ?? "" })),
    caveats: caveats(values, tiles.grid.hopLength / tiles.grid.sampleRate),
  };
}

function shownLine({ seconds, hz, note, values, caveats: marked }: Line): Node[] {
  const part = (name: string, text: string) => element("span", { class: `snb-read-${name}` }, text);
  return [
    ...[part("time", formatTime(seconds)), part("hz", hz), part("note", note)],
    ...marked.map((text) => part("caveat", text)),
    ...values.map(({ name, text, detail }) =>
      element(
        "span",
        { class: "snb-read-value" },
        ...[element("bdi", {}, name), " ", element("b", {}, text), detail ? ` (${detail})` : null],
      ),
    ),
  ];
}

function hint(): HTMLElement {
  return element("span", { class: "snb-hint" }, "Point at a picture, or click it and use the arrow keys.");
}

/** For screen readers, who hear one thing after the other: what the slider moves first. */
function spokenLine(line: Line, order: readonly ("time" | "hz")[]): string {
  const places = { time: spokenExactTime(line.seconds), hz: `${line.hz}${line.note ? `, ${line.note}` : ""}` };
  const said = [
    ...order.map((what) => places[what]),
    ...line.values.map(({ name, text, detail }) => `${name} ${text}${detail ? `, ${detail}` : ""}`),
  ];
  return [...said, ...line.caveats].join("; ");
}
