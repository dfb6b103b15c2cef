"""Write the demo song as the elements that src/afm/standalone.ts reads, for the page in dev/.

``python dev/song.py > elements.html``; needs the package's environment.
"""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import soundfile

DEMO = Path(__file__).parents[2] / "spleeter_nb" / "data" / "demo_song"
SIGNALS = ("vocals", "drums", "bass", "other", "mixture")
BINS = 2000
FINE = 256


def main() -> None:
    sounds = {name: soundfile.read(DEMO / f"{name}.flac", dtype="float32", always_2d=True) for name in SIGNALS}
    rate = sounds["mixture"][1]
    samples = [sound for sound, _ in sounds.values()]
    frames, chunk = len(samples[-1]), 5 * rate
    overview = np.stack([peaks(sound, np.linspace(0, frames, BINS, endpoint=False).astype(int)) for sound in samples])
    state = {
        "title": "The demo song",
        "stems": SIGNALS[:-1],
        "has_mixture": True,
        "sample_rate": rate,
        "frames": frames,
        "chunk_frames": chunk,
        "full_scale": 1.0,
        "overview": base64.b64encode(overview.tobytes()).decode(),
        "powers": [float(np.mean(sound**2)) for sound in samples],
        **{"gains_db": {}, "pans": {}, "muted": [], "soloed": "", "master_db": 0.0, "original": False},
        **{"match_loudness": False, "speed": 1.0, "loop": None},
    }
    sys.stdout.write(f'<script type="application/json" id="snb-data">{json.dumps({"state": state})}</script>\n')
    for signal, sound in enumerate(samples):
        fine = peaks(sound, np.arange(0, frames, FINE)).tobytes()
        write(fine, f'data-signal="{signal}" data-samples-per-bin="{FINE}" data-full-scale="1.0"')
        for i in range(0, frames, chunk):
            stream = io.BytesIO()
            soundfile.write(stream, sound[i : i + chunk], rate, format="FLAC", subtype="PCM_16")
            write(stream.getvalue(), f'data-signal="{signal}" data-chunk="{i // chunk}"')


def peaks(sound: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Lowest and highest of both channels from each start to the next, int8 (bins, 2)."""
    low, high = (pool.reduceat(sound, starts).T for pool in (np.minimum, np.maximum))
    pairs = np.stack([low.min(axis=0), high.max(axis=0)], axis=1)
    return np.clip(np.rint(pairs * 127), -127, 127).astype(np.int8)


def write(content: bytes, attributes: str) -> None:
    text = base64.b64encode(content).decode()
    sys.stdout.write(f'<script type="application/octet-stream;base64" {attributes}>{text}</script>\n')


if __name__ == "__main__":
    main()
