"""What a page makes sound, measured where it would leave the page: not what the engine says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

TAP = """
(() => {
  if (!globalThis.AudioNode) return;
  const taps = new Map();
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && !(this.context instanceof OfflineAudioContext)) {
      let tap = taps.get(this.context);
      if (!tap) {
        tap = new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
        taps.set(this.context, tap);
      }
      connect.call(this, tap);
    }
    return connect.call(this, target, ...rest);
  };
  const running = () => [...taps].filter(([context]) => context.state === "running");
  globalThis.e2eSound = {
    contexts: () => taps.size,
    level() {
      let power = 0;
      for (const [, tap] of running()) {
        const samples = new Float32Array(2048);
        tap.getFloatTimeDomainData(samples);
        power += samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      }
      return Math.sqrt(power);
    },
    newest() {
      const [context, tap] = running()[0];
      const samples = new Float32Array(tap.fftSize);
      tap.getFloatTimeDomainData(samples);
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      const heard = contextTime + (performance.now() - performanceTime) / 1000;
      return { samples: [...samples], latency: context.currentTime - heard };
    },
    tones(frequencies) {
      const loudest = frequencies.map(() => -Infinity);
      for (const [context, tap] of running()) {
        const bins = new Float32Array(tap.frequencyBinCount);
        tap.getFloatFrequencyData(bins);
        frequencies.forEach((hertz, i) => {
          const at = Math.round((hertz * tap.fftSize) / context.sampleRate);
          loudest[i] = Math.max(loudest[i], ...bins.slice(Math.max(at - 2, 0), at + 3));
        });
      }
      return loudest.map((it) => Math.max(it, -200));
    },
  };
})();
"""
"""Goes into every page before its own scripts: an analyser beside whatever is connected to a destination."""

AUDIBLE_DB = -70.0
SILENT = 1e-4


class Sound:
    """What can be heard of a page now."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def level(self) -> float:
        """Return the effective value (RMS) of what sounds, 0 for silence."""
        return float(self._page.evaluate("e2eSound.level()"))

    def tones(self, *frequencies: float) -> list[bool]:
        """Tell which of these sines (Hz) can be heard."""
        levels: list[float] = self._page.evaluate("(hertz) => e2eSound.tones(hertz)", list(frequencies))
        return [level > AUDIBLE_DB for level in levels]

    def is_silent(self) -> bool:
        return self.level() < SILENT
