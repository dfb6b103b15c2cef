import { type AnyModel, Model } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { JobState } from "../data/state";
import type { JobToBrowser, JobToKernel } from "../data/wire";
import { button } from "./button";
import { element } from "./dom";
import { formatDuration } from "./format";
import { liveRegion } from "./live";
import { ownKeys } from "./own-keys";
import { progressBar } from "./progress";

const TRAITS = [
  "state",
  "stage",
  "fraction",
  "elapsed",
  "remaining",
  "message",
  "x_realtime",
  "cache_level",
  "error",
  "error_class",
] as const satisfies readonly (keyof JobState)[];

/** What a person calls the stages of a job. */
const STAGES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    queued: "Waiting for its turn",
    prepare: "Opening the song",
    cache: "Looking into the cache",
    wait: "Waiting for a job that makes the same",
    download: "Fetching the model",
    load: "Loading the model",
    separate: "Separating",
    write: "Writing the stems",
  }),
);

/** What the views of one job share. */
export class JobSession {
  readonly model: Model<JobState>;
  readonly channel: Channel<JobToKernel, JobToBrowser>;

  constructor(model: AnyModel, scope: Scope) {
    this.model = new Model(model);
    this.channel = new Channel(model, scope);
  }
}

export function renderJob({ model, channel }: JobSession, root: HTMLElement, scope: Scope): void {
  const title = model.get("title");
  const cancel = button(
    { label: `Cancel the separation of ${title}`, text: "Cancel", onPress: () => channel.send({ type: "cancel_job" }) },
    scope,
  );
  const remove = button(
    { label: `Remove ${title}`, text: "Remove", onPress: () => channel.send({ type: "remove_job" }) },
    scope,
  );
  const bar = progressBar(`Separation of ${title}`);
  const stage = element("div", { class: "snb-job-stage" });
  const times = element("div", { class: "snb-job-times" });
  const error = element("p", { class: "snb-error", role: "alert" });
  const card = element(
    "div",
    { class: "snb-job", role: "group", tabindex: -1, "aria-label": `Separation of ${title}` },
    element("div", { class: "snb-job-title" }, title, element("span", { class: "snb-job-model" }, model.get("model"))),
    element("div", { class: "snb-job-actions" }, cancel, remove),
    bar.root,
    stage,
    times,
    error,
  );
  root.append(card);
  const say = liveRegion(root, scope);
  ownKeys(root, scope);

  let shownAt = 0;
  let said = "";
  const showTimes = () => {
    times.textContent = timesOf(model, model.get("state") === "running" ? (performance.now() - shownAt) / 1000 : 0);
  };
  const show = () => {
    const state = model.get("state");
    const text = stageOf(model);
    shownAt = performance.now();
    card.dataset.state = state;
    stage.textContent = text;
    error.textContent = model.get("error");
    error.hidden = error.textContent === "";
    bar.set(isOver(state) ? 1 : model.get("fraction"), text);
    // The button goes: whoever pressed it is not thrown to the top of the page.
    if (isOver(state) && cancel.matches(":focus")) card.focus();
    cancel.hidden = isOver(state);
    remove.hidden = !isOver(state) || !model.get("removable");
    if (said !== state && isOver(state)) say(`${title}: ${text}`);
    said = state;
    showTimes();
  };
  said = model.get("state");
  show();
  model.on(TRAITS, show, scope);
  scope.every(1000, showTimes);
}

function isOver(state: JobState["state"]): boolean {
  return state !== "queued" && state !== "running";
}

function stageOf(model: Model<JobState>): string {
  const state = model.get("state");
  const cache = model.get("cache_level");
  const speed = model.get("x_realtime");
  if (state === "done" && cache) return `Done, taken from the cache (${cache})`;
  if (state === "done") return speed === null ? "Done, the stems were there already" : `Done, ${formatSpeed(speed)}`;
  if (state === "failed") return `Failed: ${model.get("error_class")}`;
  if (state === "cancelled") return "Cancelled";
  const stage = model.get("stage");
  // A source's name and what it does say more than that something is fetched.
  return (stage === "download" && model.get("message")) || (STAGES.get(stage) ?? stage);
}

/** `waited` is how long ago the kernel told the elapsed time. */
function timesOf(model: Model<JobState>, waited: number): string {
  const state = model.get("state");
  const elapsed = model.get("elapsed");
  if (state === "queued" || state === "failed" || (state === "cancelled" && elapsed === 0)) return "";
  if (isOver(state)) return `in ${elapsed < 10 ? `${elapsed.toFixed(1)} s` : formatDuration(elapsed)}`;
  const left = model.get("remaining");
  const percent = model.get("fraction");
  const parts = [
    percent === null ? "" : `${Math.round(percent * 100)} %`,
    formatDuration(elapsed + waited),
    left === null ? "" : `about ${formatDuration(Math.max(left - waited, 0))} left`,
  ];
  return parts.filter(Boolean).join(" · ");
}

function formatSpeed(xRealtime: number): string {
  return `${xRealtime < 10 ? xRealtime.toFixed(1) : Math.round(xRealtime)} × real time`;
}
