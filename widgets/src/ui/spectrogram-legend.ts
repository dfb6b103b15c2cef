import { gradient } from "../draw/colormaps";
import type { Look } from "../draw/spectrogram";
import { element } from "./dom";
import { formatDecibels } from "./format";
import type { SpectrogramContext } from "./spectrogram-parts";

type Kind = "level" | "mask" | "difference";

const TITLES: Readonly<Record<Kind, string>> = { level: "Level", mask: "Mask", difference: "Difference" };

/** Which colours mean what, for each kind of pane that is shown. */
export function legend({ comparison, scope }: SpectrogramContext): HTMLElement {
  const root = element("div", { class: "snb-legend" });
  const update = () => {
    const kinds = new Set(comparison.panes.map(({ pane }) => pane.kind));
    const { look } = comparison;
    root.replaceChildren(
      ...(["level", "mask", "difference"] as const).filter((kind) => kinds.has(kind)).map((kind) => entry(kind, look)),
    );
  };
  comparison.onSettings(["panes", "cmap", "gain_db", "top_db", "difference_db"], update, scope);
  return root;
}

function entry(kind: Kind, look: Look): HTMLElement {
  const [low, high] = ends(kind, look);
  const bar = element("span", { class: "snb-gradient", "aria-hidden": "true" });
  bar.style.backgroundImage = gradient(({ level: look.cmap, mask: "viridis", difference: "coolwarm" } as const)[kind]);
  return element("span", { class: "snb-legend-entry" }, element("span", {}, TITLES[kind]), low, bar, high);
}

function ends(kind: Kind, { peakDb, gainDb, topDb, differenceDb }: Look): [string, string] {
  if (kind === "mask") return ["0", "1"];
  if (kind === "difference") return [`-${differenceDb} dB`, `+${differenceDb} dB`];
  const high = peakDb - gainDb;
  return [formatDecibels(high - topDb), formatDecibels(high)];
}
