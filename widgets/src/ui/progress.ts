import { element, setAttribute } from "./dom";

export interface ProgressBar {
  readonly root: HTMLElement;
  /** `fraction` is 0 to 1, null where the whole is unknown; `text` is what screen readers say. */
  set(fraction: number | null, text: string): void;
}

export function progressBar(label: string): ProgressBar {
  const bar = element("div", { class: "snb-progress-bar" });
  const root = element(
    "div",
    { class: "snb-progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    bar,
  );
  return {
    root,
    set(fraction, text) {
      const percent = fraction === null ? null : Math.round(Math.min(Math.max(fraction, 0), 1) * 100);
      setAttribute(root, "aria-valuenow", percent);
      setAttribute(root, "aria-valuetext", text);
      bar.style.width = percent === null ? "" : `${percent}%`;
    },
  };
}
