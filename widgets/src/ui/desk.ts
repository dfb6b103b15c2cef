import { type AnyModel, Model } from "../afm/model";
import { Channel } from "../afm/rpc";
import type { Scope } from "../afm/scope";
import type { DeskState } from "../data/state";
import type { DeskToBrowser, DeskToKernel } from "../data/wire";
import { button } from "./button";
import { element, setAttribute } from "./dom";
import { ownKeys } from "./own-keys";

/** What the views of one desk share. */
export class DeskSession {
  readonly model: Model<DeskState>;
  readonly channel: Channel<DeskToKernel, DeskToBrowser>;

  constructor(model: AnyModel, scope: Scope) {
    this.model = new Model(model);
    this.channel = new Channel(model, scope);
  }
}

const PRECISIONS: readonly (readonly [DeskState["precision"], string])[] = [
  ["float32", "exact (float32)"],
  ["bfloat16", "fast (bfloat16)"],
];

export function renderDesk({ model, channel }: DeskSession, root: HTMLElement, scope: Scope): void {
  const press = (type: DeskToKernel["type"]) => () => channel.send({ type });
  const separate = button(
    { label: "Separate", text: "Separate", class: "snb-primary", onPress: press("separate_songs") },
    scope,
  );
  const demo = button(
    { label: "Try the demonstration song", text: "Try the demonstration song", onPress: press("try_demo") },
    scope,
  );
  const cancel = button({ label: "Cancel all separations", text: "Cancel all", onPress: press("cancel_all") }, scope);
  const precision = element(
    "select",
    { class: "snb-input", "data-lm-suppress-shortcuts": true },
    ...PRECISIONS.map(([value, text]) => element("option", { value }, text)),
  );
  const folder = element("input", {
    class: "snb-input",
    type: "text",
    placeholder: "nowhere, only listen",
    spellcheck: "false",
    "data-lm-suppress-shortcuts": true,
  });
  const error = element("p", { class: "snb-error", role: "alert" });
  root.append(
    element(
      "div",
      { class: "snb-desk", role: "group", "aria-label": "Separation" },
      separate,
      demo,
      cancel,
      element("label", { class: "snb-desk-field" }, "Precision", precision),
      element("label", { class: "snb-desk-field" }, "Write stems to", folder),
      error,
    ),
  );
  ownKeys(root, scope);
  scope.listen(precision, "change", () => model.set({ precision: precision.value as DeskState["precision"] }));
  scope.listen(folder, "change", () => model.set({ output_dir: folder.value }));

  const show = () => {
    const songs = model.get("songs");
    separate.textContent = songs > 1 ? `Separate ${songs} songs` : "Separate";
    setAttribute(separate, "aria-label", separate.textContent);
    separate.title = separate.textContent;
    separate.disabled = songs === 0;
    // Whoever pressed it is not thrown to the top of the page.
    if (model.get("running") === 0 && cancel.matches(":focus")) demo.focus();
    cancel.disabled = model.get("running") === 0;
    precision.value = model.get("precision");
    error.textContent = model.get("error");
    error.hidden = error.textContent === "";
  };
  // Apart from the rest: what somebody types is not wiped when a job begins or ends.
  const showFolder = () => {
    folder.value = model.get("output_dir");
  };
  show();
  showFolder();
  model.on(["songs", "running", "precision", "error"], show, scope);
  model.on(["output_dir"], showFolder, scope);
}
