import { type AnyModel, Model } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { ModelRow, ModelsState } from "../data/state";
import type { ModelsToBrowser, ModelsToKernel } from "../data/wire";
import { button } from "./button";
import { element, uniqueId } from "./dom";
import { formatDuration, formatSize, formatTime } from "./format";
import { liveRegion } from "./live";
import { ownKeys } from "./own-keys";
import { progressBar } from "./progress";

/** What the views of one picker share. */
export class ModelsSession {
  readonly model: Model<ModelsState>;
  readonly channel: Channel<ModelsToKernel, ModelsToBrowser>;

  constructor(model: AnyModel, scope: Scope) {
    this.model = new Model(model);
    this.channel = new Channel(model, scope);
  }
}

export function renderModels(session: ModelsSession, root: HTMLElement, scope: Scope): void {
  const { model } = session;
  // So that radio buttons of two views are two groups.
  const group = uniqueId();
  const list = element("div", { class: "snb-models", role: "radiogroup", "aria-label": "Model" });
  root.append(list);
  const say = liveRegion(root, scope);
  ownKeys(root, scope);
  const rows = model.get("models").map((row) => new RowView(row.name, session, group, scope));
  list.append(...rows.map(({ root }) => root));

  let measured = model.get("measuring");
  let fetched = new Set(Object.keys(model.get("downloads")));
  const show = () => {
    for (const row of rows) row.show();
    const fetching = new Set(Object.keys(model.get("downloads")));
    for (const weights of fetched) if (!fetching.has(weights)) say(endOf(model, weights));
    fetched = fetching;
    const measuring = model.get("measuring");
    if (measured && !measuring) say(`${measured} was measured`);
    measured = measuring;
  };
  show();
  model.on(["value", "models", "downloads", "errors", "estimates", "duration", "measuring"], show, scope);
}

function endOf(model: Model<ModelsState>, weights: string): string {
  const row = model.get("models").find((one) => one.weights === weights);
  return row?.installed ? `${row.name} is installed` : `${row?.name ?? weights} was not installed`;
}

/** One model: choosing it, what is known of it, and what can be done with it. */
class RowView {
  readonly root: HTMLElement;
  readonly #radio: HTMLInputElement;
  readonly #state = element("div", { class: "snb-model-state" });
  readonly #time = element("div", { class: "snb-model-time" });
  readonly #bar;
  readonly #error = element("p", { class: "snb-error", role: "alert" });
  readonly #download;
  readonly #cancel;
  readonly #measure;

  constructor(
    readonly name: string,
    readonly session: ModelsSession,
    group: string,
    scope: Scope,
  ) {
    const row = this.#row;
    const { channel, model } = session;
    this.#radio = element("input", { type: "radio", name: group, value: name, "data-lm-suppress-shortcuts": true });
    scope.listen(this.#radio, "change", () => model.set({ value: name }));
    this.#bar = progressBar(`Download of ${name}`);
    this.#download = button(
      { label: `Download ${name}`, text: "Download", onPress: () => channel.send({ type: "download_model", name }) },
      scope,
    );
    this.#cancel = button(
      {
        label: `Cancel the download of ${name}`,
        text: "Cancel",
        onPress: () => channel.send({ type: "cancel_download", name }),
      },
      scope,
    );
    this.#measure = button(
      {
        label: `Measure how fast ${name} is here, with the demonstration song`,
        text: "Measure",
        onPress: () => channel.send({ type: "measure_model", name }),
      },
      scope,
    );
    const stems = row?.stems.join(", ") ?? "";
    const band = row ? `up to ${Math.round(row.band_limit / 100) / 10} kHz` : "";
    this.root = element(
      "div",
      { class: "snb-model" },
      element(
        "label",
        { class: "snb-model-choice" },
        this.#radio,
        element(
          "span",
          {},
          element("span", { class: "snb-model-name" }, name),
          element("br"),
          element("span", { class: "snb-model-detail" }, `${stems} · ${band}`),
        ),
      ),
      element("div", {}, this.#state, this.#time),
      element("div", { class: "snb-model-actions" }, this.#measure, this.#download, this.#cancel),
      this.#bar.root,
      this.#error,
    );
  }

  get #row(): ModelRow | undefined {
    return this.session.model.get("models").find(({ name }) => name === this.name);
  }

  show(): void {
    const { model } = this.session;
    const row = this.#row;
    if (!row) return;
    const isChosen = model.get("value") === this.name;
    const download = own(model.get("downloads"), row.weights);
    const problem = own(model.get("errors"), this.name) ?? row.problem ?? "";
    this.root.dataset.chosen = String(isChosen);
    this.#radio.checked = isChosen;
    this.#state.textContent = download ? fetchingText(download) : stateOf(row);
    this.#time.textContent = this.#timeText(row);
    const focused = this.root.querySelector<HTMLButtonElement>("button:focus");
    this.#measure.hidden = !row.installed || this.#isKnown || model.get("duration") === null;
    this.#measure.disabled = model.get("measuring") !== "";
    const isFetching = Boolean(download);
    this.#download.hidden = row.installed || isFetching;
    this.#cancel.hidden = !isFetching;
    // The button that was pressed has gone: the focus stays in this row.
    if (focused?.hidden || focused?.disabled) (isFetching ? this.#cancel : this.#radio).focus();
    this.#bar.root.hidden = !isFetching;
    this.#bar.set(download?.fraction ?? null, download ? fetchingText(download) : "");
    this.#error.textContent = problem;
    this.#error.hidden = problem === "";
  }

  get #isKnown(): boolean {
    return own(this.session.model.get("estimates"), this.name) !== undefined;
  }

  #timeText(row: ModelRow): string {
    const { model } = this.session;
    const estimate = own(model.get("estimates"), this.name);
    if (model.get("measuring") === this.name) return "measuring…";
    const duration = model.get("duration");
    if (duration === null) return "";
    if (!estimate) return row.installed ? "time unknown until the first separation" : "";
    const from = estimate.basis === "scaled" ? ", from other models" : "";
    return `about ${formatDuration(estimate.seconds)} for ${formatTime(duration, 0)} of sound${from}`;
  }
}

/** Names are others', and may be those of what every object has. */
function own<V>(record: Readonly<Record<string, V>>, name: string): V | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function stateOf(row: ModelRow): string {
  if (row.installed) return row.size === null ? "installed" : `installed, ${formatSize(row.size)}`;
  const here = row.problem === null ? "not installed" : "damaged";
  return row.download_size === null ? here : `${here}, ${formatSize(row.download_size)} to fetch`;
}

function fetchingText({ fraction, message }: { fraction: number | null; message: string }): string {
  return fraction === null ? message || "fetching…" : `fetching: ${Math.round(fraction * 100)} %`;
}
