/**
 * Shows the player over the demo song, with a page in place of a kernel, and below it spectrograms that play along, of a
 * scene that is made up: for looking at, and for trying things out.
 */
import "../src/ui/theme.css";
import "../src/ui/controls.css";
import "../src/ui/timeline.css";
import "../src/ui/player.css";
import "../src/ui/spectrogram.css";
import { Scope } from "../src/afm/scope";
import { PageModel } from "../src/afm/standalone";
import makePlayer from "../src/entries/player";
import makeSpectrogram from "../src/entries/spectrogram";
import { SCENE, SCENE_SIGNALS } from "../test/scene";
import { comparisonModel, level } from "../test/spectrogram";

const scope = new Scope();
const model = new PageModel(document, scope);
const LINK = "dev";
model.set("link", LINK);
const player = makePlayer();
player.initialize({ model });

const comparison = comparisonModel(
  {
    title: "A scene that is made up",
    signals: SCENE_SIGNALS,
    panes: [level("mixture"), level("vocals"), ["mask", "vocals", "mixture"], ["difference", "vocals", "drums"]],
    ...{ y_axis: "log", peak_db: -14, band_limit: 11_025, segments: [0, 5.9, 11.8], link: LINK },
  },
  { frames: Number(model.get("frames")), level: SCENE, nFft: 2048 },
);
const spectrogram = makeSpectrogram();
spectrogram.initialize({ model: comparison });

const views = document.getElementById("views");
function show(): void {
  const el = document.createElement("div");
  views?.append(el);
  player.render({ model, el });
  spectrogram.render({ model: comparison, el });
}
show();

function onClick(id: string, action: () => void): void {
  const button = document.getElementById(id);
  if (button) scope.listen(button, "click", action);
}
onClick("second", show);
onClick("dark", () => document.body.classList.toggle("dark"));
if (location.hash === "#dark") document.body.classList.add("dark");
Object.assign(globalThis, { model, comparison });
