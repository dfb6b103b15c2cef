from __future__ import annotations

import importlib.util
import os
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb.demo import DemoSong, demo_song

if TYPE_CHECKING:
    from types import ModuleType

    from spleeter_nb.values import FloatArray

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "make_demo_song.py"
PARTS = ("vocals", "drums", "bass", "other")


@pytest.fixture(scope="module")
def song() -> DemoSong:
    return demo_song()


@pytest.fixture(scope="module")
def mixture(song: DemoSong) -> FloatArray:
    samples, _ = soundfile.read(song, dtype="float32")
    return samples


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_demo_song", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def level(samples: FloatArray) -> float:
    return 10 * np.log10(np.mean(samples**2))


def test_song_is_a_path_to_its_mixture(song: DemoSong) -> None:
    assert os.fspath(song) == str(song.path)
    assert Path(song).name == "mixture.flac"
    assert soundfile.info(song).samplerate == song.sample_rate


def test_song_is_a_value(song: DemoSong) -> None:
    assert song == demo_song()
    assert hash(song) == hash(demo_song())
    with pytest.raises(FrozenInstanceError):
        song.sample_rate = 8000


def test_references_have_the_promised_names_and_shapes(song: DemoSong, mixture: FloatArray) -> None:
    assert set(song.references) == {*PARTS, "accompaniment"}
    for stem in song.references.values():
        assert stem.shape == mixture.shape
        assert stem.dtype == np.float32


def test_references_are_read_once_and_cannot_be_changed(song: DemoSong) -> None:
    assert song.references is song.references
    with pytest.raises(TypeError):
        song.references["vocals"] = None
    with pytest.raises(ValueError, match="read-only"):
        song.references["vocals"][0] = 1


def test_mixture_is_the_exact_sum_of_the_stems(song: DemoSong, mixture: FloatArray) -> None:
    np.testing.assert_array_equal(sum(song.references[name] for name in PARTS), mixture)
    np.testing.assert_array_equal(song.references["vocals"] + song.references["accompaniment"], mixture)


def test_song_keeps_to_its_limits(song: DemoSong, mixture: FloatArray) -> None:
    assert 12 <= len(mixture) / song.sample_rate <= 20
    assert 0.5 < np.abs(mixture).max() < 0.95
    files = list(song.path.parent.glob("*.flac"))
    assert {file.stem for file in files} == {"mixture", *PARTS}
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_voice_is_balanced_against_the_accompaniment(song: DemoSong) -> None:
    assert -6 < level(song.references["vocals"]) - level(song.references["accompaniment"]) < -3


def test_script_still_plays_the_instruments_of_the_song(song: DemoSong, script: ModuleType) -> None:
    rng = np.random.default_rng(script.SEED)
    played = {name: np.zeros(song.references[name].shape) for name in ("drums", "bass", "other")}
    script.play_drums(played["drums"], rng)
    script.play_bass(played["bass"])
    script.play_chords(played["other"])
    for name, stem in played.items():
        committed = song.references[name]
        gain = np.abs(committed).max() / np.abs(stem).max()
        np.testing.assert_allclose(gain * stem, committed, atol=5e-5)


def test_script_refuses_a_song_beyond_its_limits(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="bytes is 4e\\+06"):
        script.check("bytes", 4_000_000)
