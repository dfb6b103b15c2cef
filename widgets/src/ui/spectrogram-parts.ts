import type { TimeContext } from "./parts";
import type { SpectrogramActions } from "./spectrogram-actions";
import type { Comparison } from "./spectrogram-comparison";
import type { SpectrogramView } from "./spectrogram-view";

/** What every part of a comparison's view is given. */
export interface SpectrogramContext extends TimeContext {
  readonly comparison: Comparison;
  readonly view: SpectrogramView;
  readonly actions: SpectrogramActions;
}
