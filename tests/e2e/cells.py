"""What the cells of these tests say: songs that can be told apart by ear, and players of them."""

from __future__ import annotations

RATE = 44_100
"""Hz, of all songs here."""

TONE_HERTZ = {"vocals": 500.0, "drums": 1500.0, "bass": 2500.0}
"""Each stem is one sine."""
MIXTURE_HERTZ = 4000.0
"""The original, which no remix of these stems can be."""

TONES = f"""
import numpy as np
from spleeter_nb import StemPlayer

rate, seconds = {RATE}, 20
time = np.arange(seconds * rate) / rate

def tone(hertz):
    # Louder towards the end, so that one sees where one is.
    wave = np.linspace(0.05, 0.1, len(time)) * np.sin(2 * np.pi * hertz * time)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)

stems = {{name: tone(hertz) for name, hertz in {TONE_HERTZ}.items()}}
mixture = tone({MIXTURE_HERTZ})
"""

SHOW = """
player = StemPlayer(stems, mixture=mixture, sample_rate=rate, title="Tones")
player
"""

LONG_SONG = """
import numpy as np
from spleeter_nb import StemPlayer

rate = 44_100
rng = np.random.default_rng(0)
noise = rng.uniform(-0.3, 0.3, (10 * rate, 2)).astype(np.float32)
loud = np.repeat(rng.uniform(0, 1, 24 * 40), rate // 4)[: 240 * rate, None].astype(np.float32)
stems = {name: np.tile(np.roll(noise, 999 * i, axis=0), (24, 1)) * np.roll(loud, 30_000 * i, axis=0)
         for i, name in enumerate(("vocals", "drums", "bass", "piano", "other"))}
"""
"""4 minutes of 5 stems, as noisy as music: nothing in them is easy to make small."""

TEN_MINUTES = (
    LONG_SONG
    + """
stems = {name: np.concatenate([stem, stem, stem])[: 600 * rate] for name, stem in stems.items()}
mixture = 1.1 * sum(stems.values())
from spleeter_nb import SpectrogramComparison
import gc, psutil, threading, time
gc.collect()
process = psutil.Process()
baseline = highest = process.memory_info().rss

def watch_memory():
    global highest
    while True:
        highest = max(highest, process.memory_info().rss)
        time.sleep(0.05)

threading.Thread(target=watch_memory, daemon=True).start()
"""
)
"""10 minutes of 5 stems and their sum, and how much memory the kernel has taken since then."""

BUSY = """
from time import sleep
print("busy", flush=True)
try:
    sleep(600)
except KeyboardInterrupt:
    pass
"""
"""Until it is interrupted."""

STAGE = (TONES, SHOW, "", "")
"""The cells of the notebook that tests share: cell 1 shows a player, 2 and 3 are what a test makes of them."""

COMPARISON = """
from spleeter_nb import SpectrogramComparison
view = SpectrogramComparison(stems, mixture=mixture, sample_rate=rate, title="Tones")
view
"""
"""Of the mixture, three stems and the residual."""

LINKED = COMPARISON.replace('title="Tones"', 'title="Tones", player=player')

SIGNALS = """
import numpy as np
from spleeter_nb import SpectrogramComparison

rate, n_fft, hop = 44_100, 4096, 1024
samples = 6 * rate
time = np.arange(samples) / rate
impulse = np.zeros((samples, 2), np.float32)
impulse[100 * hop] = 0.5
signals = {
    # 93 bins; the right channel is softer.
    "tone": np.sin(2 * np.pi * 93 * rate / n_fft * time)[:, None] * [0.1, 0.05],
    # From 200 Hz up to 12 kHz.
    "sweep": 0.2 * np.sin(2 * np.pi * (200 + 11_800 / 12 * time) * time)[:, None] * [1, 1],
    "impulse": impulse,
    "noise": np.random.default_rng(5).normal(0, 0.1, (samples, 2)),
}
"""
