import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/timeline.css";
import "../ui/spectrogram.css";
import { defineWidget } from "../afm/widget";
import { renderSpectrogram } from "../ui/spectrogram";
import { Comparison } from "../ui/spectrogram-comparison";

export default defineWidget({
  initialize: (model, scope) => new Comparison(model, scope),
  render: renderSpectrogram,
});
