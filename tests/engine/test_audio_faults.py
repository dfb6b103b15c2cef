"""Rows A of the fault table, by separate() and the command: what becomes of a source that is not as it should be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb.engine.separation import separate_with
from spleeter_nb.exceptions import (
    AudioChangedError,
    AudioLimitError,
    CorruptAudioError,
    EmptyAudioError,
    TruncatedAudioError,
    UnsupportedFormatError,
    ValidationError,
)
from tests.engine.conftest import RATE, entries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb import SeparationResult, SpleeterConfig
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]


@pytest.fixture
def song(tmp_path: Path, noise: Noise) -> Path:
    soundfile.write(tmp_path / "song.wav", noise(40_000), RATE, subtype="FLOAT")
    return tmp_path / "song.wav"


@pytest.fixture
def cut_song(song: Path) -> Path:
    with song.open("r+b") as file:
        file.truncate(song.stat().st_size // 2)
    return song


@pytest.fixture
def separate(config: SpleeterConfig, small_models: Path) -> Separated:
    """Separate with the cache."""

    def separate(source: Any, settings: SpleeterConfig = config, **options: Any) -> SeparationResult:
        return separate_with(settings, source, small_models / "two" / "config.json", **{"progress": False, **options})

    return separate


ENDINGS = ["wav", "flac", "mp3", "ogg", "opus", "m4a", "aac", "wma", "aiff", "mp4", "mkv", "webm", "avi", "txt", ""]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_file(ending: str, tmp_path: Path, separated: Separated) -> None:
    """A1."""
    (tmp_path / f"song.{ending}").touch()
    with pytest.raises(EmptyAudioError, match="not a single byte"):
        separated(tmp_path / f"song.{ending}", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_half_a_song_is_an_error_or_salvaged(
    cut_song: Path, tmp_path: Path, noise: Noise, separated: Separated, caplog: pytest.LogCaptureFixture
) -> None:
    """A2."""
    with pytest.raises(TruncatedAudioError) as caught:
        separated(cut_song, output_dir=tmp_path / "out")
    got = caught.value.context["got"]
    assert (caught.value.context["expected"], got) == (40_000, pytest.approx(20_000, abs=20))
    assert not (tmp_path / "out").exists()
    result = separated(cut_song, on_corrupt="salvage", residual="stem")
    assert result.notes == (f"damaged: only the first {got / RATE:.2f} s can be read",)
    assert [record.getMessage() for record in caplog.records] == [f"'song.wav': {result.notes[0]}."]
    assert {stem.frames for stem in result.values()} == {got}
    np.testing.assert_allclose(result.mix(), noise(40_000)[:got], atol=1e-6)
    assert np.array_equal(result.mixture, noise(40_000)[:got])
    assert result.how.endswith(f"; {result.notes[0]}")


def test_notes_come_out_of_the_cache(cut_song: Path, separate: Separated, tmp_path: Path) -> None:
    """A2."""
    first = separate(cut_song, on_corrupt="salvage")
    again = separate(cut_song, on_corrupt="salvage")
    written = separate(cut_song, on_corrupt="salvage", output_dir=tmp_path / "out")
    assert (first.cache_level, again.cache_level, written.cache_level) == (None, "memory", "memory")
    assert first.notes
    assert first.notes == again.notes == written.notes
    with pytest.raises(TruncatedAudioError):
        separate(cut_song)


def test_surround_sound_is_noted(noise: Noise, separated: Separated) -> None:
    """A8."""
    assert separated(noise(2_000, 6)).notes == ("6 channels were mixed down to two",)
    assert separated(noise(2_000, 64)).notes == ("64 channels were mixed down to two",)
    assert separated(noise(2_000, 1)).notes == separated(noise(2_000, 2)).notes == ()
    with pytest.raises(AudioLimitError):
        separated(noise(2_000, 65))


def test_what_is_no_sound_is_noted_or_an_error(noise: Noise, separated: Separated, tmp_path: Path) -> None:
    """A6."""
    samples = noise(9_000)
    samples[4_000:4_003, 1] = (np.nan, np.inf, 3e38)
    result = separated(samples)
    assert result.notes == ("3 values were not finite or beyond any sound, and became 0",)
    assert all(np.isfinite(stem.samples).all() for stem in result.values())
    with pytest.raises(CorruptAudioError, match="3 of them"):
        separated(samples, nonfinite="error", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert separated(noise(9_000), nonfinite="error").notes == ()


@pytest.mark.parametrize("rate", [8_001, 37_313, 88_200, 192_000])
def test_odd_and_high_rates(rate: int, noise: Noise, tmp_path: Path, separated: Separated) -> None:
    """A9."""
    soundfile.write(tmp_path / "x.wav", noise(rate // 3), rate, subtype="PCM_24")
    result = separated(tmp_path / "x.wav", output_dir=tmp_path, filename_format="{instrument}.{codec}")
    for stem in result.values():
        written = soundfile.info(stem.path)
        assert (written.samplerate, written.frames) == (rate, rate // 3)


# Subtypes by format, without those that compress beyond recognition.
SAMPLES = {
    "WAV": ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"],
    "AIFF": ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"],
    "FLAC": ["PCM_S8", "PCM_16", "PCM_24"],
}


@pytest.mark.parametrize(("format_", "subtype"), [(name, kind) for name, kinds in SAMPLES.items() for kind in kinds])
def test_all_kinds_of_samples(format_: str, subtype: str, noise: Noise, tmp_path: Path, separated: Separated) -> None:
    """A9."""
    source = noise(3_001)
    soundfile.write(tmp_path / "song", source, RATE, format=format_, subtype=subtype)
    result = separated(tmp_path / "song")
    assert {stem.samples.shape for stem in result.values()} == {(3_001, 2)}
    assert np.abs(result.mixture - source).max() < 0.02


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1_000)
        file.write(b"other")
    os.utime(path, ns=(1, 1))


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").replace(path)


@pytest.mark.parametrize("stage", ["load", "separate"])
@pytest.mark.parametrize("change", [appended, rewritten, replaced])
def test_of_a_song_that_changes_nothing_is_published_or_cached(
    stage: str, change: Callable[[Path], None], song: Path, tmp_path: Path, separate: Separated
) -> None:
    """A14."""
    changed = False

    def listen(event: Progress) -> None:
        nonlocal changed
        if event.stage == stage and not changed:
            changed = True
            change(song)

    with pytest.raises(AudioChangedError):
        separate(song, progress=listen, output_dir=tmp_path / "out")
    assert changed
    assert not (tmp_path / "out").exists()
    assert separate(song).cache_level is None


NAMES = [
    "-rf.wav",
    "line\nbreak.wav",
    os.fsdecode(b"\xff\xfe.wav"),
    "\u202egnp.wav",
    "x" * 251 + ".wav",
    "<script>alert(1)<script>.wav",
    "...wav",
    ".wav",
    "http:x.wav",
    "concat:a|b.wav",
    "{instrument}.wav",
    "~root.wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_song_of_any_name(name: str, song: Path, tmp_path: Path, separated: Separated) -> None:
    """A15."""
    out = tmp_path / "out"
    path = song.rename(tmp_path / name)
    before = entries(tmp_path)
    result = separated(path, output_dir=out)
    assert result.source.name == name
    written = [stem.path for stem in result.values() if stem.path]
    assert len(written) == 2
    for stem in written:
        assert stem.parent.parent == out
        assert str(stem).isprintable()
        assert stem.is_file()
    assert {k: v for k, v in entries(tmp_path).items() if not k.startswith("out")} == before
    assert repr(result).isprintable()


def test_names_that_lead_astray_stay_in_the_folder(song: Path, tmp_path: Path, separated: Separated) -> None:
    """A15."""
    (tmp_path / "a").mkdir()
    result = separated(tmp_path / "a" / ".." / "song.wav", output_dir=tmp_path / "out")
    assert result.vocals.path == tmp_path / "out" / "song" / "vocals.wav"
    assert song.exists()
    with pytest.raises(ValidationError):
        separated("a\0b.wav", output_dir=tmp_path / "out")


def test_the_command_tells_of_any_name_and_of_notes(cut_song: Path, tmp_path: Path, small_models: Path) -> None:
    """A2, A15: on a terminal that knows UTF-8 only."""
    names = [*NAMES[:4], "missing\n\udcff.wav"]
    for name in names[:-1]:
        shutil.copy(cut_song, tmp_path / name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "spleeter_nb", "separate", "--json", "--on-corrupt", "salvage", "--no-cache"),
            *("-p", small_models / "two" / "config.json", "-o", tmp_path / "out", "--"),
            *names,
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1
    *reports, missing = json.loads(done.stdout)
    assert [report["source"] for report in reports] == names[:-1]
    assert all("only the first 2.50 s" in note for report in reports for note in report["notes"])
    assert {len(report["notes"]) for report in reports} == {1}
    assert missing["error"]["type"] == "AudioNotFoundError"
    assert done.stderr.decode().replace("\n", "").isprintable()


# Settings


def test_settings_limit_what_is_read(song: Path, separate: Separated, config: SpleeterConfig) -> None:
    with pytest.raises(AudioLimitError, match="max_duration_s"):
        separate(song, config.replace(max_duration_s=4.9))
    with pytest.raises(UnsupportedFormatError, match="supported_formats allows flac, mp3"):
        separate(song, config.replace(supported_formats=["flac", "mp3"]))
    limited = config.replace(max_duration_s=5, max_file_mb=1, supported_formats=["wav"])
    assert separate(song, limited).cache_level is None
    assert separate(song).cache_level == "memory"


def test_a_part_of_a_long_song_is_within_the_limit(song: Path, separate: Separated, config: SpleeterConfig) -> None:
    limited = config.replace(max_duration_s=2)
    result = separate(song, limited, offset=0.5, duration=1.5)
    assert result.duration == 1.5
    assert len(result.mixture) == 1.5 * RATE


def test_a_large_file_is_refused(noise: Noise, tmp_path: Path, separate: Separated, config: SpleeterConfig) -> None:
    path = tmp_path / "large.wav"
    soundfile.write(path, noise(150_000), RATE, subtype="FLOAT")
    with pytest.raises(AudioLimitError, match="max_file_mb allows 1"):
        separate(path, config.replace(max_file_mb=1))


def test_a_format_that_there_is_not_is_refused(song: Path, separate: Separated, config: SpleeterConfig) -> None:
    with pytest.raises(ValidationError, match="'flaq', which is no format"):
        separate(song, config.replace(supported_formats=["flaq"]))
