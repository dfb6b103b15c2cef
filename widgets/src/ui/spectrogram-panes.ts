import type { Scope } from "../afm/scope";
import { Surface } from "../draw/canvas";
import { drawFrequencies } from "../draw/frequency-ticks";
import { PaneImage } from "../draw/spectrogram";
import { element, setText } from "./dom";
import type { NamedPane, Setting } from "./spectrogram-comparison";
import type { SpectrogramContext } from "./spectrogram-parts";
import { type Value, valueAt } from "./spectrogram-values";
import { BLINK_CHANGED } from "./spectrogram-view";
import { MARKS_CHANGED, VIEW_CHANGED } from "./view";

/** Settings that change how all panes are drawn. */
const LOOK: readonly Setting[] = ["y_axis", "fmin", "fmax", "cmap", "gain_db", "top_db", "difference_db"];

const KINDS = { level: "level", mask: "mask, 0 to 1", difference: "difference" } as const;

/** One pane: its frequencies, its picture, what that is of and its value under the cross-hair. */
interface PaneBox {
  readonly root: HTMLElement;
  readonly lane: HTMLElement;
  readonly picture: Surface;
  readonly gutter: Surface;
  show(pane: NamedPane): void;
  setValue(value: Value | null): void;
}

/** The panes below each other, as the model has them. */
export class PaneStack {
  readonly root = element("div", { class: "snb-panes" });
  #boxes: readonly PaneBox[] = [];
  #own: Scope;
  readonly #images = new Map<string, PaneImage>();

  constructor(readonly context: SpectrogramContext) {
    const { comparison, view, scope } = context;
    this.#own = scope.child();
    comparison.onSettings(["panes"], () => this.#build(), scope);
    comparison.onSettings(["pane_height"], () => this.#size(), scope);
    comparison.model.on([...LOOK, "note_names"], () => this.redraw(), scope);
    comparison.tiles.on(() => this.#redrawPictures(), scope);
    scope.listen(view.viewport, VIEW_CHANGED, () => this.#redrawPictures());
    scope.listen(view, MARKS_CHANGED, () => this.#requestValues());
    scope.listen(view, BLINK_CHANGED, () => this.#redrawPictures());
    scope.defer(() => {
      for (const image of this.#images.values()) image.release();
    });
  }

  /** Where the pictures are. */
  get lanes(): HTMLElement[] {
    return this.#boxes.map(({ lane }) => lane);
  }

  redraw(): void {
    this.context.stage.request(this.#drawGutters);
    this.#redrawPictures();
  }

  #redrawPictures(): void {
    this.context.stage.request(this.#drawPictures);
    this.#requestValues();
  }

  #requestValues(): void {
    this.context.stage.request(this.#showValues);
  }

  #build(): void {
    this.#own.dispose();
    this.#own = this.context.scope.child();
    const { panes } = this.context.comparison;
    this.#boxes = panes.map((pane) => this.#box(pane));
    const empty = element("p", { class: "snb-empty" }, "There is no pane to be shown.");
    this.root.replaceChildren(...(panes.length ? this.#boxes.map(({ root }) => root) : [empty]));
    const keys = new Set(panes.map(({ key }) => key));
    for (const [key, image] of this.#images) {
      if (keys.has(key)) continue;
      image.release();
      this.#images.delete(key);
    }
    this.redraw();
  }

  #box(pane: NamedPane): PaneBox {
    const made = makeBox(pane);
    const redraw = () => this.redraw();
    const picture = new Surface(made.lane, redraw, this.#own);
    const gutter = new Surface(made.ticks, redraw, this.#own);
    // Names over the picture, not under it.
    made.lane.append(made.label);
    return { ...made, picture, gutter };
  }

  #size(): void {
    this.root.style.setProperty("--snb-pane-height", `${this.context.comparison.model.get("pane_height")}px`);
  }

  readonly #drawPictures = () => {
    const { comparison, view } = this.context;
    const { look, tiles } = comparison;
    for (const [i, pane] of view.shown.entries()) {
      const [box, image] = [this.#boxes[i], this.#image(pane.key)];
      box?.show(pane);
      if (box) tiles.want(image, image.draw(box.picture, view.viewport, pane.pane, look));
    }
  };

  #image(key: string): PaneImage {
    const image = this.#images.get(key) ?? new PaneImage(this.context.comparison.tiles);
    this.#images.set(key, image);
    return image;
  }

  readonly #drawGutters = () => {
    const { comparison, view, colours } = this.context;
    const { muted, line, font } = colours();
    const style = { text: muted, line, font: `11px ${font}` };
    const { axis } = view;
    for (const { gutter } of this.#boxes) drawFrequencies(gutter, axis, comparison.model.get("note_names"), style);
  };

  readonly #showValues = () => {
    const { comparison, view } = this.context;
    const { cross } = view;
    for (const [i, { pane }] of view.shown.entries()) {
      this.#boxes[i]?.setValue(cross && valueAt(comparison.tiles, pane, cross));
    }
  };
}

function makeBox({ name, pane }: NamedPane) {
  const title = element("span", { class: "snb-name", dir: "auto" });
  const kind = element("span", { class: "snb-kind" });
  const detail = element("span", { class: "snb-detail" });
  const value = element("span", { class: "snb-reading" });
  const label = element("div", { class: "snb-label" }, title, kind, detail, value);
  const ticks = element("div", { class: "snb-gutter", "aria-hidden": "true" });
  const lane = element("div", { class: "snb-lane" });
  const spoken = `${name}, ${KINDS[pane.kind]}`;
  const root = element("div", { class: "snb-pane", role: "group", "aria-label": spoken }, ticks, lane);
  let key: string | null = null;
  const show = (shown: NamedPane) => {
    // With every frame that is drawn: the page is laid out for changes only.
    if (shown.key === key) return;
    key = shown.key;
    title.textContent = shown.name;
    kind.textContent = KINDS[shown.pane.kind];
    kind.hidden = shown.pane.kind === "level";
    root.classList.toggle("snb-other", shown.name !== name);
  };
  const setValue = (found: Value | null) => {
    setText(value, found ? `${found.isExact ? "" : "≈ "}${found.text}` : "");
    setText(detail, found?.detail ?? "");
  };
  show({ key: "", name, pane });
  return { root, lane, ticks, label, show, setValue };
}
