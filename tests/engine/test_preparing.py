"""What is done to a song before: measured as it is asked for, undone in the stems, and the same from any source."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr

from spleeter_nb import Preprocess, SpleeterConfig
from spleeter_nb.dsp.loudness import LoudnessMeter
from spleeter_nb.engine.preparing import Preparation, passes, prepare
from spleeter_nb.engine.separation import Separation, separate_with
from spleeter_nb.exceptions import (
    AudioChangedError,
    AudioProcessingError,
    SeparationCancelledError,
    TruncatedAudioError,
    ValidationError,
)
from tests.engine.conftest import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.engine.preparing import Prepared
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

ALL = Preprocess(
    remove_dc=True, high_pass=40, low_pass=3500, loudness=-30, noise_reduction=0.5, trim_silence=-40, true_peak=-3
)
"""Everything at once, at the rate of the small models."""

STEPS = [
    Preprocess(remove_dc=True),
    Preprocess(high_pass=40),
    Preprocess(low_pass=3500),
    Preprocess(noise_reduction=0.5),
    Preprocess(loudness=-30),
    Preprocess(trim_silence=-40),
    ALL,
]


def named(preprocess: Preprocess) -> str:
    return "+".join(
        name for name, value in dataclasses.asdict(preprocess).items() if value != getattr(Preprocess(), name)
    )


@pytest.fixture(params=STEPS, ids=named)
def preprocess(request: pytest.FixtureRequest) -> Preprocess:
    return request.param


def framed(sound: FloatArray, before: int, after: int) -> FloatArray:
    return np.pad(sound, [(before, after), (0, 0)])


def stems_of(result: SeparationResult) -> FloatArray:
    return np.stack([stem.samples for stem in result.values()])


def lag(one: FloatArray, other: FloatArray) -> int:
    size = 2 * len(other)
    spectra = (np.fft.rfft(samples.sum(axis=1), size) for samples in (one, other))
    correlation = np.fft.irfft(next(spectra) * next(spectra).conj())
    return int((np.argmax(correlation) + size // 2) % size - size // 2)


def in_blocks(samples: FloatArray, size: int) -> Iterator[FloatArray]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


def prepared_as(
    preprocess: Preprocess, samples: FloatArray, rate: int = RATE, *, block: int = 5000
) -> tuple[Prepared, FloatArray]:
    prepared = prepare(preprocess, rate, lambda: in_blocks(samples, block))
    return prepared, np.concatenate(list(prepared.apply(in_blocks(samples, block))))


# What the networks hear


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_they_hear_the_loudness_that_was_asked_for(rate: int, noise: Noise) -> None:
    quiet = 0.01 * noise(5 * rate)
    prepared, heard = prepared_as(Preprocess(high_pass=40, loudness=-23), quiet, rate)
    # An independent meter; it has its filters for 44.1 and 48 kHz.
    assert pyloudnorm.Meter(rate).integrated_loudness(heard) == pytest.approx(-23, abs=0.2 if rate > 8000 else 0.5)
    record = prepared.record
    assert record is not None
    assert record.loudness is not None
    assert record.loudness + record.gain_db == pytest.approx(-23)


def test_no_true_peak_comes_above_the_ceiling(noise: Noise) -> None:
    song = 0.01 * noise(5 * RATE)
    song[1000] = 0.5
    prepared, heard = prepared_as(Preprocess(loudness=-10, true_peak=-3), song)
    meter = LoudnessMeter(RATE, 2)
    meter.push(heard)
    assert meter.true_peak == pytest.approx(-3, abs=0.05)
    assert meter.integrated < -20
    assert prepared.record is not None
    assert prepared.record.true_peak == pytest.approx(-3 - prepared.record.gain_db)


def test_a_dc_offset_is_gone(noise: Noise) -> None:
    offset = np.array([0.1, -0.02], np.float32)
    prepared, heard = prepared_as(Preprocess(remove_dc=True), noise(30_000) * 0.1 + offset)
    assert np.abs(heard.mean(axis=0)).max() < 1e-6
    assert prepared.record is not None
    assert prepared.record.dc_offset == pytest.approx(tuple(offset), abs=2e-3)


def test_noise_becomes_less_and_music_stays() -> None:
    time = np.arange(10 * RATE) / RATE
    tones = 0.3 * np.sin(2 * np.pi * 440 * time)[:, None] * (time % 2 < 1)[:, None]
    hiss = 0.003 * np.random.default_rng(0).standard_normal((len(time), 2))
    _, heard = prepared_as(Preprocess(noise_reduction=1), (tones + hiss).astype(np.float32))
    pauses = (time % 2 > 1.2) & (time % 2 < 1.8)
    assert np.std(heard[pauses]) < 0.2 * np.std(hiss[pauses])
    sounding = (time % 2 > 0.2) & (time % 2 < 0.8)
    assert np.std(heard[sounding] - tones[sounding]) < np.std(hiss)


@pytest.mark.parametrize("before", [0, 1, 7000])
@pytest.mark.parametrize("after", [0, 9000])
def test_silence_at_the_ends_is_not_heard(before: int, after: int, noise: Noise) -> None:
    sound = noise(20_000) + 0.02
    sound[8000:9000] = 0
    prepared, heard = prepared_as(Preprocess(trim_silence=-40), framed(sound, before, after))
    np.testing.assert_array_equal(heard, sound)
    assert prepared.record is not None
    assert prepared.record.heard == (before / RATE, (before + 20_000) / RATE)


def test_in_pure_silence_nothing_is_heard_and_nothing_goes_wrong() -> None:
    prepared, heard = prepared_as(ALL, np.zeros((30_000, 2), np.float32))
    assert not len(heard)
    assert prepared.record == Preparation(preprocess=ALL, dc_offset=(0, 0), heard=(0, 0))


def test_nothing_is_done_where_nothing_is_asked_for(noise: Noise) -> None:
    prepared, heard = prepared_as(Preprocess(), noise(12_000))
    np.testing.assert_array_equal(heard, noise(12_000))
    assert prepared.record is None


def test_a_song_is_read_as_often_as_it_is_said(preprocess: Preprocess, noise: Noise) -> None:
    times = 0

    def read() -> Iterator[FloatArray]:
        nonlocal times
        times += 1
        return in_blocks(noise(12_000), 5000)

    prepare(preprocess, RATE, read)
    assert times == passes(preprocess)
    assert times <= 2


def test_blocks_make_no_difference(preprocess: Preprocess, noise: Noise) -> None:
    song = framed(noise(30_000), 1000, 1000)
    heard = [prepared_as(preprocess, song, block=block)[1] for block in (701, 40_000)]
    np.testing.assert_allclose(heard[0], heard[1], atol=1e-6)


def test_memory_does_not_grow_with_the_song(noise: Noise) -> None:
    block = noise(RATE)

    def peak(seconds: int) -> int:
        def read() -> Iterator[FloatArray]:
            return (block.copy() for _ in range(seconds))

        tracemalloc.start()
        for _ in prepare(ALL, RATE, read).apply(read()):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(5)
    assert peak(120) < 1.1 * peak(20)


# What comes out


def test_stems_lie_where_the_song_lies(preprocess: Preprocess, noise: Noise, separated: Separated) -> None:
    song = framed(noise(30_000), 3000, 3000)
    for rate in (8000, 44_100, 48_000):
        total = separated(song, sample_rate=rate, preprocess=preprocess).mix()
        assert total.shape == song.shape
        assert lag(total, song) == 0


@pytest.mark.parametrize("residual", ["stem", "vocals"])
@pytest.mark.parametrize("options", [{}, {"wiener": True}, {"overlap": 0.25}], ids=str)
def test_stems_still_sum_to_the_song_as_it_is(
    residual: str, options: dict[str, Any], preprocess: Preprocess, noise: Noise, separated: Separated
) -> None:
    song = framed(noise(20_000), 5000, 5000) + np.float32(0.001)
    result = separated(song, sample_rate=48_000, preprocess=preprocess, residual=residual, **options)
    np.testing.assert_array_equal(result.mixture, song)
    np.testing.assert_allclose(result.mix(), song, atol=1e-6)


def test_the_networks_hear_a_quiet_song_as_a_loud_one(noise: Noise, separated: Separated) -> None:
    song = noise(30_000)
    loud, quiet = (separated(gain * song, preprocess=Preprocess(loudness=-23)) for gain in (1.0, np.float32(0.01)))
    np.testing.assert_allclose(stems_of(loud), 100 * stems_of(quiet), atol=1e-5)
    plain = [separated(gain * song) for gain in (1.0, np.float32(0.01))]
    assert np.abs(stems_of(plain[0]) - 100 * stems_of(plain[1])).max() > 1e-3


def test_stems_are_as_loud_as_the_song(noise: Noise, separated: Separated) -> None:
    song = noise(30_000)
    result = separated(song, preprocess=Preprocess(loudness=-40))
    assert result.preparation is not None
    assert result.preparation.gain_db < -20
    # Masks sum to 1, whatever they are.
    np.testing.assert_allclose(result.mix(), separated(song).mix(), atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_stems_are_silent_where_silence_was_left_out(rate: int, noise: Noise, separated: Separated) -> None:
    song = framed(noise(100_000), 70_000, 70_001) + np.float32(0.001)
    result = separated(song, sample_rate=rate, preprocess=Preprocess(trim_silence=-40), residual="stem")
    for name in ("vocals", "accompaniment"):
        samples = result[name].samples
        assert samples.shape == song.shape
        assert not samples[:70_000].any()
        assert not samples[170_000:].any()
        assert samples[70_000:170_000].any()
    np.testing.assert_array_equal(result["residual"].samples[:70_000], song[:70_000])


def test_segments_begin_with_the_sound(noise: Noise, separated: Separated) -> None:
    sound = noise(30_000) + np.float32(0.02)
    alone = separated(sound)
    trimmed = separated(framed(sound, 4000, 9000), preprocess=Preprocess(trim_silence=-40))
    assert len(alone.segment_borders()) == 3
    assert trimmed.segment_borders() == pytest.approx([0.5 + border for border in alone.segment_borders()])
    for name, stem in trimmed.items():
        np.testing.assert_array_equal(stem.samples[4000:34_000], alone[name].samples)


def test_a_silent_song_gives_silent_stems(separated: Separated) -> None:
    result = separated(np.zeros((20_000, 2), np.float32), preprocess=ALL, residual="stem")
    assert not stems_of(result).any()
    assert {stem.frames for stem in result.values()} == {20_000}


@pytest.mark.parametrize("frames", [1, 2, 511, 8193])
def test_songs_of_any_length_are_prepared(frames: int, preprocess: Preprocess, separated: Separated) -> None:
    result = separated(np.full((frames, 2), 0.5, np.float32), preprocess=preprocess)
    assert stems_of(result).shape == (2, frames, 2)
    assert np.isfinite(stems_of(result)).all()


def test_only_the_part_that_is_separated_is_measured(noise: Noise, separated: Separated) -> None:
    song = np.concatenate([noise(8000), 0.01 * noise(24_000), noise(8000)])
    part = separated(song, offset=1.0, duration=3.0, preprocess=ALL)
    alone = separated(song[8000:32_000], preprocess=ALL)
    assert part.preparation == alone.preparation
    np.testing.assert_array_equal(stems_of(part), stems_of(alone))


def test_a_result_tells_what_was_done(noise: Noise, separated: Separated) -> None:
    assert separated(noise(9000)).preparation is None
    assert separated(noise(9000), preprocess=Preprocess()).preparation is None
    preparation = separated(noise(9000), preprocess=Preprocess(high_pass=40)).preparation
    assert preparation == Preparation(preprocess=Preprocess(high_pass=40))


# Sources


@pytest.mark.parametrize("codec", ["wav", "ogg", "mp3", "m4a"])
def test_every_kind_of_source_is_read_anew_for_each_pass(
    codec: str, tmp_path: Path, noise: Noise, separated: Separated
) -> None:
    song = framed(noise(20_000), 4000, 4000)
    path = separated(song).vocals.save(tmp_path / f"song.{codec}")
    expected = separated(path, preprocess=ALL, residual="stem")
    assert expected.preparation is not None
    with path.open("rb") as file:
        file.seek(100)
        for source in (path.read_bytes(), file, io.BytesIO(path.read_bytes()), expected.mixture):
            result = separated(source, preprocess=ALL, residual="stem")
            np.testing.assert_allclose(stems_of(result), stems_of(expected), atol=1e-6)
            assert result.preparation is not None
            assert result.preparation.gain_db == pytest.approx(expected.preparation.gain_db, abs=1e-4)


class Failing(io.BytesIO):
    """A stranger's file object that fails sooner or later."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self.reads = reads

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads -= 1
        if self.reads < 0:
            raise OSError("the line went dead")
        return super().read(size)


def test_a_file_object_that_fails_is_told_of(tmp_path: Path, noise: Noise, separated: Separated) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(20_000), RATE)
    whole = Failing(path.read_bytes(), 10_000)
    separated(whole, preprocess=ALL)
    reads = 10_000 - whole.reads
    for limit in range(1, reads, max(1, reads // 20)):
        with pytest.raises(AudioProcessingError, match="the line went dead"):
            separated(Failing(path.read_bytes(), limit), preprocess=ALL)


def test_the_loudness_is_that_of_both_sides(noise: Noise, separated: Separated) -> None:
    mono = noise(30_000, 1)
    of_mono, of_stereo = (
        separated(song, preprocess=Preprocess(loudness=-23)).preparation for song in (mono, np.repeat(mono, 2, axis=1))
    )
    assert of_mono == of_stereo


def test_a_song_that_is_cut_off_is_no_song(tmp_path: Path, noise: Noise, separated: Separated) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(20_000), RATE)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(TruncatedAudioError):
        separated(path, preprocess=ALL)
    salvaged = separated(path, preprocess=ALL, on_corrupt="salvage")
    assert salvaged.vocals.frames == 17_750
    assert len(salvaged.notes) == 1


@pytest.mark.parametrize("frames", [2000, 60_000])
def test_a_song_that_changes_between_the_passes_is_refused(
    frames: int, tmp_path: Path, noise: Noise, separated: Separated
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, framed(noise(20_000), 20_000, 0), RATE)

    def change(event: Progress) -> None:
        if event.stage == "load":
            soundfile.write(path, noise(frames), RATE)

    with pytest.raises(AudioChangedError):
        separated(path, preprocess=ALL, residual="stem", progress=change)


@pytest.mark.usefixtures("nothing_left")
def test_it_can_be_cancelled_while_it_measures(noise: Noise, small_models: Path, tmp_path: Path) -> None:
    heard: list[Progress] = []

    def cancel(event: Progress) -> None:
        heard.append(event)
        if event.message == "measuring the song":
            separation.cancel.set()

    options = {"sample_rate": RATE, "preprocess": ALL, "progress": cancel, "output_dir": tmp_path / "out"}
    model = small_models / "two" / "config.json"
    separation = Separation.prepared(SpleeterConfig(), noise(400_000), model, options)
    with pytest.raises(SeparationCancelledError):
        separation.run()
    assert [event.stage for event in heard if event.stage not in ("prepare", "cancelled")] == []


def test_measuring_tells_how_far_it_is(noise: Noise, separated: Separated) -> None:
    heard: list[Progress] = []
    separated(noise(300_000), preprocess=ALL, progress=heard.append)
    fractions = [event.fraction for event in heard if event.message == "measuring the song"]
    assert None not in fractions
    assert fractions == sorted(fractions, key=float)  # type: ignore[arg-type]
    assert fractions[-1] == 1
    assert next(event.stage for event in heard if event.message == "" and event.fraction == 1) == "separate"


# What a rate does not allow


@pytest.mark.parametrize(
    ("rate", "preprocess", "problem"),
    [
        (8000, Preprocess(high_pass=4000), "high_pass is 4000 Hz"),
        (500, Preprocess(loudness=-23), "need 1000 Hz"),
        (500, Preprocess(noise_reduction=0.5), "need 1000 Hz"),
    ],
)
def test_what_a_rate_does_not_allow_is_refused_before_a_model_is_fetched(
    rate: int, preprocess: Preprocess, problem: str, noise: Noise, tmp_path: Path
) -> None:
    config = SpleeterConfig(models_dir=tmp_path, auto_download=False)
    with pytest.raises(ValidationError, match=problem):
        separate_with(config, noise(9000), "spleeter:2stems", sample_rate=rate, preprocess=preprocess)


def test_at_the_lowest_rate_all_can_be_done(noise: Noise, separated: Separated) -> None:
    preprocess = dataclasses.replace(ALL, low_pass=400)
    result = separated(noise(9000), sample_rate=1000, preprocess=preprocess, residual="stem")
    np.testing.assert_allclose(result.mix(), noise(9000), atol=1e-6)


# Settings


@pytest.fixture
def with_settings(small_models: Path) -> Separated:
    def separate(source: FloatArray, settings: dict[str, Any], **options: Any) -> SeparationResult:
        options = {"sample_rate": RATE, "progress": False, **options}
        return separate_with(SpleeterConfig(**settings), source, small_models / "two" / "config.json", **options)

    return separate


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"enable_preprocessing": True}, Preprocess(remove_dc=True, high_pass=20)),
        ({"normalize_loudness": True}, Preprocess(loudness=-23)),
        (
            {"enable_preprocessing": True, "normalize_loudness": True},
            Preprocess(remove_dc=True, high_pass=20, loudness=-23),
        ),
    ],
    ids=str,
)
def test_settings_say_what_is_done_where_a_call_says_nothing(
    settings: dict[str, Any], expected: Preprocess | None, noise: Noise, with_settings: Separated
) -> None:
    preparation = with_settings(noise(9000), settings).preparation
    assert (preparation and preparation.preprocess) == expected
    assert with_settings(noise(9000), settings, preprocess=Preprocess()).preparation is None
    own = with_settings(noise(9000), settings, preprocess=Preprocess(low_pass=3000)).preparation
    assert own == Preparation(preprocess=Preprocess(low_pass=3000))


@pytest.mark.parametrize("rate", [8000, 22_050])
def test_a_default_rate_is_as_if_the_song_had_been_resampled_first(
    rate: int, tmp_path: Path, noise: Noise, with_settings: Separated
) -> None:
    song = framed(noise(40_000), 3000, 3000)
    settings = {"default_sample_rate": rate}
    options = {"preprocess": ALL, "residual": "vocals"}
    result = with_settings(song, settings, sample_rate=16_000, **options)
    resampled = soxr.resample(song, 16_000, rate, quality="HQ")
    expected = with_settings(resampled, {}, sample_rate=rate, **options)
    assert result.source.sample_rate == 16_000
    assert {stem.sample_rate for stem in result.values()} == {result.sample_rate} == {rate}
    np.testing.assert_allclose(result.mixture, resampled, atol=1e-6)
    np.testing.assert_allclose(stems_of(result), stems_of(expected), atol=1e-5)
    assert np.abs(result.residual()).max() < 1e-6
    written = with_settings(song, settings, sample_rate=16_000, output_dir=tmp_path, **options)
    assert soundfile.info(written.vocals.path).samplerate == rate
    assert soundfile.info(written.vocals.path).frames == len(resampled)


# The cache


@pytest.fixture
def cached(config: SpleeterConfig) -> dict[str, Any]:
    return {"cache_enabled": True, "cache_dir": config.cache_dir}


def test_what_was_done_comes_back_from_the_cache(
    cached: dict[str, Any], noise: Noise, with_settings: Separated
) -> None:
    song = framed(noise(20_000), 1000, 0)
    first, second = (with_settings(song, cached, preprocess=ALL) for _ in range(2))
    assert (first.cache_level, second.cache_level) == (None, "memory")
    assert second.preparation == first.preparation
    assert second.preparation is not None
    assert math.isclose(second.preparation.heard[0], 1000 / RATE, abs_tol=0.01)  # type: ignore[index]
    np.testing.assert_array_equal(stems_of(second), stems_of(first))


def test_a_record_goes_through_json(noise: Noise) -> None:
    record = prepared_as(ALL, noise(20_000))[0].record
    assert record is not None
    assert Preparation.restored(json.loads(json.dumps(dataclasses.asdict(record)))) == record


def test_all_that_is_done_counts_in_the_key(cached: dict[str, Any], noise: Noise, with_settings: Separated) -> None:
    song = noise(9000)
    for preprocess in (None, *STEPS, dataclasses.replace(ALL, loudness=-31)):
        assert with_settings(song, cached, preprocess=preprocess).cache_level is None, preprocess
    assert with_settings(song, {**cached, "default_sample_rate": 22_050}).cache_level is None
    assert with_settings(song, {**cached, "default_sample_rate": RATE}).cache_level == "memory"
    assert with_settings(song, cached, preprocess=Preprocess()).cache_level == "memory"
    same = Preprocess(high_pass=np.float32(40))  # type: ignore[arg-type]
    assert with_settings(song, cached, preprocess=same).cache_level == "memory"
    by_settings = with_settings(song, {**cached, "normalize_loudness": True})
    assert by_settings.cache_level is None
    assert with_settings(song, cached, preprocess=Preprocess(loudness=-23)).cache_level == "memory"
