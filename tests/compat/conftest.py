"""What tests of Spleeter's own calls share: its models, a short song, and the folder where Spleeter looks."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Hz, of the small models.
RATE = 8000

# By small model.
INSTRUMENTS = {
    "two": ["vocals", "accompaniment"],
    "four_elu": ["vocals", "drums", "bass", "other"],
    "five_softmax": ["vocals", "piano", "drums", "bass", "other"],
}

Write = "Callable[..., Path]"


@pytest.fixture
def write_song(tmp_path: Path) -> Write:
    """Write noise; as many seconds, channels and Hz as asked for."""

    def write(name: str = "song.wav", *, seconds: float = 1.5, channels: int = 2, rate: int = RATE) -> Path:
        path = tmp_path / "songs" / name
        path.parent.mkdir(exist_ok=True)
        samples = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))
        soundfile.write(path, samples, rate)
        return path

    return write


@pytest.fixture
def song(write_song: Callable[..., Path]) -> str:
    return str(write_song())


@pytest.fixture
def config(small_models: Path) -> str:
    """The configuration of a small model with two stems."""
    return str(small_models / "two" / "config.json")


@pytest.fixture
def slow_model(small_models: Path, tmp_path: Path) -> str:
    """A model of so low a rate that ten minutes are few samples."""
    folder = shutil.copytree(small_models / "two", tmp_path / "slow")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, "sample_rate": 100}))
    return str(folder / "config.json")


@pytest.fixture
def spleeters_models(two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published 2stems weights, where Spleeter's own variable says."""
    monkeypatch.setenv("MODEL_PATH", str(two_stems_models_dir))
    return two_stems_models_dir


@pytest.fixture
def tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an adapter that somebody wrote for Spleeter; it makes its songs, and notes what it is asked."""
    package = tmp_path / "studio"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tape.py").write_text(
        textwrap.dedent("""\
        import threading

        import numpy as np

        from spleeter_nb.compat.audio.adapter import AudioAdapter


        class Tape(AudioAdapter):
            def __init__(self):
                self.loaded, self.saved, self.may_save = [], [], threading.Event()
                self.may_save.set()

            def load(self, audio_descriptor, offset=None, duration=None, sample_rate=None, dtype=np.float32):
                self.loaded.append((audio_descriptor, offset, duration, sample_rate))
                seconds = min(duration or 700, float(audio_descriptor.rpartition("/")[2]))
                noise = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * sample_rate), 1))
                return noise.astype(dtype), sample_rate

            def save(self, path, data, sample_rate, codec=None, bitrate=None):
                assert self.may_save.wait(20)
                if bitrate == "none":
                    raise OSError("the tape is full")
                self.saved.append((path, data.shape, sample_rate, codec, bitrate))


        class Player:
            pass
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("studio", "studio.tape"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return "studio.tape.Tape"
