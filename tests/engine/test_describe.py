"""A song is described as reference meters describe it, from files of any format, in one pass."""

from __future__ import annotations

import io
import math
import os
import signal
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pyloudnorm
import pytest
import soundfile

import spleeter_nb as snb
from spleeter_nb.audio import CODECS
from spleeter_nb.audio import write as write_any
from spleeter_nb.exceptions import (
    AudioLimitError,
    AudioNotFoundError,
    MissingDependencyError,
    SeparationCancelledError,
    TruncatedAudioError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

RATE = 48_000

TOLERANCE = 0.1
"""LU, of EBU Tech 3341."""

SILENCE = -math.inf

FILES = {"wav": "PCM_24", "flac": "PCM_24", "aiff": "PCM_16"}


def tone(*levels: tuple[float, float], channels: int = 2, rate: int = RATE) -> FloatArray:
    """A sine of 1 kHz in all channels, by pairs of level in dBFS (minus infinity: silence) and seconds."""
    amplitude = np.concatenate([np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in levels])
    sine = amplitude * np.sin(2 * np.pi * 1000 * np.arange(len(amplitude)) / rate)
    return np.repeat(sine[:, None], channels, axis=1).astype(np.float32)


def music(rate: int, channels: int, seconds: float = 8) -> FloatArray:
    """Noise that swells and has pauses."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(rate).standard_normal((len(time), channels))
    return (0.15 * noise * (np.sin(time)[:, None] ** 2) * (time % 3 > 0.7)[:, None]).astype(np.float32)


def write(path: Path, samples: FloatArray, rate: int = RATE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype or FILES[path.suffix[1:]])
    return path


def describe(source: object, **options: object) -> snb.Description:
    return snb.describe(source, **{"progress": False, **options})


# EBU Tech 3341 and 3342, by files


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_cases_1_and_2_a_steady_sine_has_its_level(tmp_path: Path, extension: str, level: float) -> None:
    song = describe(write(tmp_path / f"song.{extension}", tone((level, 20))))
    for loudness in (song.loudness, song.momentary_max, song.short_term_max):
        assert loudness == pytest.approx(level, abs=TOLERANCE)
    assert song.true_peak == pytest.approx(level, abs=0.2)
    assert song.loudness_range == pytest.approx(0, abs=TOLERANCE)


@pytest.mark.parametrize(
    "levels",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_cases_3_to_5_the_gates_leave_out_what_is_quiet(tmp_path: Path, levels: list[tuple[float, float]]) -> None:
    song = tone(*levels)
    found = describe(write(tmp_path / "song.flac", song))
    assert found.loudness == pytest.approx(-23, abs=TOLERANCE)
    assert found.loudness == pytest.approx(pyloudnorm.Meter(RATE).integrated_loudness(song), abs=TOLERANCE)


def test_case_6_surround_channels_have_their_weights(tmp_path: Path) -> None:
    levels = [-28.0, -28.0, -24.0, SILENCE, -30.0, -30.0]
    song = np.hstack([tone((level, 20), channels=1) for level in levels])
    assert describe(write(tmp_path / "song.flac", song)).loudness == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize("k", [0, 7, 19])
def test_cases_10_and_13_maxima_are_found_wherever_they_begin(tmp_path: Path, k: int) -> None:
    longer = write(tmp_path / "longer.wav", tone((SILENCE, 0.15 * k), (-23, 3), (SILENCE, 1)))
    shorter = write(tmp_path / "shorter.wav", tone((SILENCE, 0.02 * k), (-23, 0.4), (SILENCE, 1)))
    assert describe(longer).short_term_max == pytest.approx(-23, abs=TOLERANCE)
    assert describe(shorter).momentary_max == pytest.approx(-23, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("cycle", "phase", "amplitude", "expected"),
    [(4, 0.0, 0.5, -6.0), (4, 45.0, 0.5, -6.0), (6, 60.0, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45.0, 1.41, 3.0)],
)
def test_cases_15_to_19_peaks_between_samples(
    tmp_path: Path, cycle: int, phase: float, amplitude: float, expected: float
) -> None:
    time = np.arange(RATE)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 480)
    wave = fade * amplitude * np.sin(2 * np.pi * time / cycle + np.radians(phase))
    path = write(tmp_path / "song.wav", np.stack([wave, 0 * wave], axis=1), subtype="FLOAT")
    assert describe(path).true_peak == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)],
)
def test_tech_3342_the_range_of_steps(tmp_path: Path, levels: list[float], expected: float) -> None:
    path = write(tmp_path / "song.flac", tone(*[(level, 20) for level in levels]))
    assert describe(path).loudness_range == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_is_that_of_an_independent_meter(tmp_path: Path, rate: int, channels: int) -> None:
    song = music(rate, channels)
    found = describe(write(tmp_path / "song.wav", song, rate)).loudness
    assert found == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(song), abs=TOLERANCE)


@pytest.mark.parametrize("codec", [name for name, codec in CODECS.items() if not codec.is_lossless])
def test_loudness_survives_lossy_codecs(tmp_path: Path, codec: str) -> None:
    write_any(tmp_path / "song", tone((-23, 10)), sample_rate=RATE, codec=codec)
    assert describe(tmp_path / "song").loudness == pytest.approx(-23, abs=TOLERANCE)


# Silence


def test_silences_are_exact_to_the_sample(tmp_path: Path) -> None:
    song = np.full((5 * RATE, 2), 0.25, np.float32)
    # Half a second less one sample is no silence.
    silences = [(0, 24_000), (50_001, 99_999), (150_000 - 23_999, 150_000), (5 * RATE - 30_007, 5 * RATE)]
    for start, stop in silences:
        song[start:stop] = 0.0005
    found = describe(write(tmp_path / "song.wav", song))
    del silences[2]
    assert [(round(start * RATE), round(stop * RATE)) for start, stop in found.silences] == silences
    assert found.silence_ratio == pytest.approx(sum(stop - start for start, stop in silences) / len(song))
    assert describe(write(tmp_path / "song.wav", song), silence_threshold=-80).silences == ()


def test_a_song_of_nothing_is_described() -> None:
    found = describe(np.zeros((RATE, 2), np.float32), sample_rate=RATE, features=True)
    assert (found.loudness, found.true_peak, found.loudness_range) == (SILENCE, SILENCE, 0)
    assert (found.silences, found.silence_ratio) == (((0.0, 1.0),), 1.0)
    assert dict(found.rows())["Tempo"] == "none"
    assert "-inf LUFS" in repr(found)


# Sources and what is shown


def test_sources_are_paths_bytes_files_and_arrays() -> None:
    path = snb.demo_song().path
    expected = describe(path)
    assert (expected.duration, expected.frames, expected.info.sample_rate) == (16.8, 740_880, 44_100)
    samples, rate = soundfile.read(path, dtype="float32")
    with path.open("rb") as file:
        found = [describe(path.read_bytes()), describe(file), describe(samples, sample_rate=rate)]
        assert not file.closed
    for song in found:
        assert (song.loudness, song.true_peak, song.frames) == (expected.loudness, expected.true_peak, expected.frames)


def test_features_are_there_on_request() -> None:
    song = snb.demo_song()
    assert describe(song).features is None
    features = describe(song, features=True).features
    assert features is not None
    assert features.tempo == pytest.approx(100, rel=0.02)
    assert features.key == "Bb major"
    facts = dict(describe(song, features=True).rows())
    assert facts["Tempo"].endswith(" beats a minute")
    assert {"Key", "Centroid", "Bandwidth", "Rolloff", "Flatness"} <= set(facts)


def test_librosa_is_asked_for_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    told: list[Progress] = []
    with pytest.raises(MissingDependencyError):
        describe(snb.demo_song(), features=True, progress=told.append)
    assert [event.stage for event in told] == ["prepare", "failed"]


def test_tags_are_part_of_it_and_nothing_of_them_is_html(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        file.title, file.artist = "<b>Rain</b>", "Nobody"
        file.write(tone((-23, 1)))
    song = describe(path)
    assert song.tags.fields["title"] == "<b>Rain</b>"
    assert dict(song.rows())["Artist"] == "Nobody"
    html = song._repr_html_()
    assert "&lt;b&gt;Rain" in html
    assert "<b>" not in html


def test_names_of_strangers_change_no_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a\x1b[31m\n\u202eb.wav", tone((-23, 1)))
    assert dict(describe(path).rows())["File"] == "a [31m  b.wav"


def test_it_says_in_one_line_what_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone((-23, 2)))
    assert repr(describe(path)) == "Description('song.wav': 2.00 s, 48000 Hz, 2 channels; -23.0 LUFS, -23.0 dBTP)"


# Progress, cancel, errors


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[Progress] = []
    describe(write(tmp_path / "song.wav", tone((-23, 30))), progress=told.append)
    stages = [event.stage for event in told]
    assert stages[0] == "prepare"
    assert stages[-1] == "done"
    assert set(stages[1:-1]) == {"describe"}
    fractions = [event.fraction for event in told[1:]]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


@pytest.mark.usefixtures("nothing_left")
def test_another_thread_can_cancel_it() -> None:
    cancel = threading.Event()
    told: list[Progress] = []

    def stop(event: Progress) -> None:
        told.append(event)
        if event.stage == "describe":
            cancel.set()

    with pytest.raises(SeparationCancelledError):
        describe(snb.demo_song(), progress=stop, cancel=cancel)
    assert told[-1].stage == "cancelled"


@pytest.mark.usefixtures("nothing_left")
def test_an_interrupt_stops_it() -> None:
    cancel = threading.Event()

    def interrupt(event: Progress) -> None:
        if event.stage == "describe" and not cancel.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            assert cancel.wait(10)

    with pytest.raises(KeyboardInterrupt):
        describe(snb.demo_song(), progress=interrupt, cancel=cancel)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        describe(tmp_path / "song.wav")
    whole = io.BytesIO()
    soundfile.write(whole, tone((-23, 5)), RATE, format="WAV")
    with pytest.raises(TruncatedAudioError):
        describe(whole.getvalue()[:400_000])


def test_the_part_before_the_damage_is_described_on_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "song.wav", tone((-23, 5)))
    assert describe(path).notes == ()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    half = describe(path, on_corrupt="salvage")
    assert half.duration == pytest.approx(2.5, abs=0.01)
    assert half.loudness == pytest.approx(-23, abs=TOLERANCE)
    assert half.notes == ("damaged: only the first 2.50 s can be read",)
    assert dict(half.rows())["Note"] == half.notes[0]
    assert half.notes[0] in caplog.text


def test_values_that_are_no_numbers_are_told_of() -> None:
    song = tone((-23, 2))
    song[100:105] = np.nan
    assert describe(song, sample_rate=RATE).notes == ("10 values were not finite or beyond any sound, and became 0",)


def test_the_limits_of_the_settings_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_MAX_DURATION_S", "3")
    with pytest.raises(AudioLimitError):
        describe(snb.demo_song())


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({"features": 1}, "True or False"),
        ({"silence_threshold": 3}, "dBFS, -120 to 0"),
        ({"silence_threshold": "quiet"}, "dBFS, -120 to 0"),
        ({"silence_threshold": math.nan}, "dBFS, -120 to 0"),
        ({"silence_threshold": False}, "dBFS, -120 to 0"),
        ({"on_corrupt": "ignore"}, "'error' or 'salvage'"),
        ({"progress": "yes"}, "a callable"),
    ],
)
def test_arguments_are_checked(options: dict[str, object], allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed):
        describe(snb.demo_song(), **options)


def test_memory_does_not_grow_with_the_song(noise: Callable[..., FloatArray], tmp_path: Path) -> None:
    part = noise(200_000)
    with soundfile.SoundFile(tmp_path / "song.wav", "w", 8_000, 2, subtype="PCM_16") as file:
        for _ in range(30):
            file.write(part)
    soundfile.write(tmp_path / "part.wav", part, 8_000)
    describe(tmp_path / "part.wav")
    peaks = []
    for name in ("part.wav", "song.wav"):
        tracemalloc.start()
        try:
            describe(tmp_path / name)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # The whole song is 48 MB.
    assert peaks[1] < peaks[0] + 2**20
