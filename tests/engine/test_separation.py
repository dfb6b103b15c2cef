"""What separate() gives: the right length, rate and alignment from any source, and sums that add up."""

from __future__ import annotations

import inspect
import io
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import spleeter_nb
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.dsp.scores import sdr
from spleeter_nb.engine import mixture, separation, stores
from spleeter_nb.engine.options import Options
from spleeter_nb.exceptions import AudioChangedError, AudioProcessingError
from spleeter_nb.net.runtime import RuntimeInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

RATE = 8000
WINDOW = 512
SEGMENT = 64 * 128


def stems_of(result: SeparationResult) -> FloatArray:
    return np.stack([stem.samples for stem in result.values()])


def assert_equal_stems(one: SeparationResult, other: SeparationResult) -> None:
    assert list(one) == list(other)
    np.testing.assert_array_equal(stems_of(one), stems_of(other))


@pytest.fixture
def song(tmp_path: Path, noise: Noise) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(20_000), RATE, subtype="FLOAT")
    return path


# Sources


def test_every_kind_of_source_gives_the_same_stems(song: Path, noise: Noise, separated: Separated) -> None:
    expected = separated(noise(20_000))
    with song.open("rb") as file:
        for source in (song, str(song), song.read_bytes(), file, io.BytesIO(song.read_bytes())):
            assert_equal_stems(separated(source), expected)
        assert not file.closed


def test_a_result_says_where_it_comes_from(song: Path, separated: Separated) -> None:
    of_file, of_bytes = separated(song), separated(song.read_bytes())
    assert (of_file.origin, of_file.source.name, of_file.source.format) == (str(song), "song.wav", "wav")
    assert (of_bytes.origin, of_bytes.source.name) == ("audio", "<bytes>")
    assert of_file.runtime == RuntimeInfo("openvino", "cpu", "float32")
    assert of_file.model_name.endswith("config.json")
    assert of_file.seconds == pytest.approx(sum(of_file.timings.values()), abs=0.01)
    assert set(of_file.timings) == {"prepare", "load", "separate", "write"}
    assert of_file.x_realtime > 0


def test_mono_is_heard_on_both_sides(noise: Noise, separated: Separated) -> None:
    mono = noise(9000, 1)
    expected = separated(np.repeat(mono, 2, axis=1))
    assert_equal_stems(separated(mono), expected)
    assert_equal_stems(separated(mono[:, 0]), expected)


def test_more_than_two_channels_are_mixed_down(
    noise: Noise, separated: Separated, caplog: pytest.LogCaptureFixture
) -> None:
    """A8."""
    surround = noise(9000, 6)
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        result = separated(surround)
    assert result.source.channels == 6
    assert {stem.samples.shape for stem in result.values()} == {(9000, 2)}
    left_only = np.zeros_like(surround)
    left_only[:, 0] = surround[:, 0]
    assert not separated(left_only).mixture[:, 1].any()
    assert "6 channels" in caplog.text


@pytest.mark.parametrize("dtype", ["float64", "int16", "int32", "uint8"])
def test_arrays_of_other_types_are_scaled(dtype: str, separated: Separated, noise: Noise) -> None:
    floats = noise(9000)
    scales = {"int16": 2**15, "int32": 2**31, "uint8": 2**7}
    array = floats.astype(np.float64) if dtype == "float64" else np.round(floats * 0.9 * scales[dtype])
    array = array + 128 if dtype == "uint8" else array
    result = separated(array.astype(dtype))
    assert np.abs(result.mixture).max() == pytest.approx(0.5 if dtype == "float64" else 0.45, abs=0.01)


@pytest.mark.parametrize("wiener", [False, True])
def test_values_that_are_no_sound_become_silence(
    *, wiener: bool, noise: Noise, separated: Separated, caplog: pytest.LogCaptureFixture
) -> None:
    """A6."""
    source = noise(9000)
    source[100:104, 0] = (np.nan, np.inf, -np.inf, 3e38)
    result = separated(source, wiener=wiener)
    assert np.isfinite(stems_of(result)).all()
    assert "4 values" in caplog.text


# Length, rate, alignment


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frames", [1, 5000, 24_001])
def test_stems_have_the_length_and_rate_of_the_source(
    rate: int, frames: int, noise: Noise, separated: Separated
) -> None:
    """A9."""
    result = separated(noise(frames), sample_rate=rate)
    assert result.sample_rate == rate
    for stem in result.values():
        assert stem.samples.shape == (frames, 2)
        assert stem.samples.dtype == np.float32
        assert np.isfinite(stem.samples).all()
        assert (stem.frames, stem.sample_rate, stem.duration) == (frames, rate, frames / rate)


@pytest.mark.parametrize(("rate", "frames"), [(1, 1), (1, 20), (100, 50), (100, 600)])
def test_rates_below_all_sound_work_too(rate: int, frames: int, noise: Noise, separated: Separated) -> None:
    """Several segments may go by before there is a sample."""
    result = separated(noise(frames), sample_rate=rate, residual="stem")
    assert {stem.samples.shape for stem in result.values()} == {(frames, 2)}
    np.testing.assert_allclose(result.mix(), noise(frames), atol=1e-6)


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5])
@pytest.mark.parametrize("wiener", [False, True])
@pytest.mark.parametrize(
    "frames",
    [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, SEGMENT - WINDOW, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 1],
)
def test_lengths_around_a_window_and_a_segment(
    frames: int, overlap: float, *, wiener: bool, noise: Noise, separated: Separated
) -> None:
    """A7."""
    result = separated(noise(frames), overlap=overlap, wiener=wiener)
    assert {stem.samples.shape for stem in result.values()} == {(frames, 2)}
    assert np.isfinite(stems_of(result)).all()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_stems_lie_where_the_source_lies(rate: int, noise: Noise, separated: Separated) -> None:
    source = noise(30_000)
    total = stems_of(separated(source, sample_rate=rate)).sum(axis=(0, 2))
    spectra = np.fft.rfft(total, 1 << 16), np.fft.rfft(source.sum(axis=1), 1 << 16)
    assert np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj())) == 0


def test_offset_and_duration_cut_the_source(noise: Noise, separated: Separated) -> None:
    source = noise(40_000)
    result = separated(source, offset=1.25, duration=2.0)
    np.testing.assert_array_equal(result.mixture, source[10_000:26_000])
    assert_equal_stems(result, separated(source[10_000:26_000]))
    assert len(separated(source, offset=4.5).vocals) == 4000
    assert len(separated(source, offset=4.5, duration=60).vocals) == 4000


def test_the_mixture_is_the_source(song: Path, noise: Noise, separated: Separated) -> None:
    np.testing.assert_array_equal(separated(song).mixture, noise(20_000))


def test_a_file_object_that_is_closed_meanwhile_has_no_mixture(song: Path, separated: Separated) -> None:
    with song.open("rb") as file:
        result = separated(file)
    with pytest.raises(AudioProcessingError, match="Keep it open"):
        _ = result.mixture


def test_a_source_that_became_shorter_has_no_mixture(song: Path, noise: Noise, separated: Separated) -> None:
    result = separated(song)
    soundfile.write(song, noise(19_000), RATE)
    with pytest.raises(AudioChangedError):
        result.residual()


# Sums


@pytest.mark.parametrize("residual", ["stem", "vocals", "accompaniment"])
@pytest.mark.parametrize("rate", [8000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_with_a_residual_the_stems_sum_to_the_mixture(
    residual: str, rate: int, channels: int, *, noise: Noise, separated: Separated
) -> None:
    source = noise(30_000, channels)
    result = separated(source, sample_rate=rate, residual=residual)
    assert list(result) == ["vocals", "accompaniment", *(["residual"] if residual == "stem" else [])]
    np.testing.assert_allclose(result.mix(), np.broadcast_to(source, (30_000, 2)), atol=1e-6)
    assert np.abs(result.residual()).max() < 1e-6


def test_a_residual_waits_for_the_wiener_filter_in_a_file(
    noise: Noise, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spleeter_nb.engine.mixture._IN_MEMORY", 1000)
    result = separated(noise(40_000), residual="stem", wiener=True)
    assert np.abs(result.residual()).max() < 1e-6


def test_a_residual_goes_to_its_stem_and_leaves_the_others_alone(noise: Noise, separated: Separated) -> None:
    source = noise(20_000)
    plain, added, own = (separated(source, residual=residual) for residual in (None, "vocals", "stem"))
    np.testing.assert_array_equal(plain.accompaniment.samples, added.accompaniment.samples)
    np.testing.assert_array_equal(plain.vocals.samples, own.vocals.samples)
    np.testing.assert_allclose(plain.residual(), own["residual"].samples, atol=1e-6)
    np.testing.assert_allclose(added.vocals.samples, plain.vocals.samples + plain.residual(), atol=1e-6)


def test_a_residual_works_with_the_wiener_filter(noise: Noise, separated: Separated) -> None:
    source = noise(20_000)
    result = separated(source, "wiener", wiener=True, residual="stem")
    assert list(result) == ["speech", "music", "effects", "residual"]
    np.testing.assert_allclose(result.mix(), source, atol=1e-6)


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5])
@pytest.mark.parametrize("model", ["average", "five_softmax"])
def test_with_averaged_masks_the_stems_sum_to_the_mixture_without_a_seam(
    overlap: float, model: str, noise: Noise, separated: Separated
) -> None:
    source = noise(5 * SEGMENT + 77)
    result = separated(source, model, overlap=overlap, mask_extension="average")
    np.testing.assert_allclose(result.mix(), source, atol=1e-6)


def test_with_zeros_the_stems_sum_to_the_mixture_in_the_band(noise: Noise, separated: Separated) -> None:
    source = noise(40_000)
    total, whole = (np.fft.rfft(signal, axis=0) for signal in (separated(source).mix(), source))
    frequencies = np.fft.rfftfreq(40_000, 1 / RATE)
    # The model sees 128 of 257 bins: the band ends at 1992 Hz.
    below, above = frequencies < 1900, frequencies > 2100
    assert np.linalg.norm((total - whole)[below]) < 0.01 * np.linalg.norm(whole[below])
    assert np.linalg.norm(total[above]) < 0.01 * np.linalg.norm(whole[above])


def test_the_mask_extension_of_a_model_holds_until_another_is_asked_for(noise: Noise, separated: Separated) -> None:
    source = noise(10_000)
    assert_equal_stems(separated(source, "average"), separated(source, "average", mask_extension="average"))
    assert np.abs(separated(source, "average", mask_extension="zeros").residual()).max() > 0.01


def test_a_result_tells_its_band_and_its_segments(noise: Noise, separated: Separated) -> None:
    source = noise(100_000)
    result = separated(source)
    # The model sees 128 of 257 bins.
    assert result.band_limit == 2000
    assert result.spec is not None
    advance = result.spec.segment_frames * result.spec.hop_length / RATE
    borders = result.segment_borders()
    assert len(borders) >= 3
    np.testing.assert_allclose(np.diff(borders), advance)
    assert separated(source, mask_extension="average").band_limit is None
    assert separated(source, "average").band_limit is None
    assert separated(source, "average", wiener=True).band_limit == result.band_limit
    overlapped = separated(source, overlap=0.25)
    assert (overlapped.overlap, len(overlapped.segment_borders()) > len(borders)) == (0.25, True)
    # Seconds of the stems: an excerpt is cut from its own beginning.
    assert separated(source, offset=3.0).segment_borders() == tuple(one for one in borders if one < 9.5)
    assert separated(noise(200_000), sample_rate=2 * RATE).segment_borders() == borders


@pytest.mark.parametrize("overlap", [0, 0.25])
def test_wiener_filtered_stems_sum_to_the_mixture_in_the_band(
    overlap: float, noise: Noise, separated: Separated
) -> None:
    source = noise(30_000)
    total, whole = (
        np.fft.rfft(signal, axis=0)
        for signal in (separated(source, "wiener", wiener=True, overlap=overlap).mix(), source)
    )
    below = np.fft.rfftfreq(30_000, 1 / RATE) < 1900
    assert np.linalg.norm((total - whole)[below]) < 0.01 * np.linalg.norm(whole[below])


def test_overlap_changes_the_stems_but_not_by_much(noise: Noise, separated: Separated) -> None:
    source = noise(5 * SEGMENT)
    plain, overlapping = (separated(source, overlap=overlap).vocals.samples for overlap in (0, 0.25))
    assert 0 < np.abs(plain - overlapping).max() < 0.5
    assert sdr(plain, overlapping) > 10


# The same again


@pytest.mark.parametrize("options", [{}, {"wiener": True}, {"overlap": 0.25}, {"sample_rate": 44_100}])
def test_two_runs_are_equal(options: dict[str, object], noise: Noise, separated: Separated) -> None:
    source = noise(30_000)
    first = separated(source, **options)
    separation.LOADED_MODELS.clear()
    assert_equal_stems(first, separated(source, **options))


@pytest.mark.parametrize("rate", [8000, 48_000])
@pytest.mark.parametrize("frames", [100, 4099])
def test_the_size_of_blocks_changes_nothing(
    rate: int, frames: int, *, noise: Noise, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = noise(30_000)
    expected = separated(source, sample_rate=rate, residual="stem")
    monkeypatch.setattr(mixture, "_BLOCK_FRAMES", frames)
    assert_equal_stems(separated(source, sample_rate=rate, residual="stem"), expected)


def test_separations_at_once_equal_serial_ones(noise: Noise, separated: Separated) -> None:
    sources = [noise(30_000, seed=seed) for seed in range(4)]
    serial = [separated(source) for source in sources]
    with ThreadPoolExecutor(4) as pool:
        for expected, result in zip(serial, pool.map(separated, sources), strict=True):
            assert_equal_stems(result, expected)


def test_models_loaded_at_once_do_not_disturb_each_other(noise: Noise, separated: Separated) -> None:
    source = noise(10_000)
    jobs = [("two", False), ("average", False), ("wiener", True), ("two", False)]
    expected = [separated(source, model, wiener=wiener) for model, wiener in jobs]
    separation.LOADED_MODELS.clear()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda job: separated(source, job[0], wiener=job[1]), jobs))
    for one, other in zip(results, expected, strict=True):
        assert_equal_stems(one, other)


# Memory


@pytest.mark.usefixtures("nothing_left")
def test_a_long_result_is_mapped_from_a_file_and_equals_a_short_one(
    noise: Noise, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = noise(40_000)
    expected = separated(source)
    monkeypatch.setattr(stores, "_IN_MEMORY", 100_000)
    result = separated(source)
    assert isinstance(result.vocals.samples.base, np.memmap) or isinstance(result.vocals.samples, np.memmap)
    assert_equal_stems(result, expected)


@pytest.mark.usefixtures("nothing_left")
def test_in_a_small_container_stems_leave_memory_earlier(
    noise: Noise, separated: Separated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "memory_limit", lambda: 32 * 100_000)
    result = separated(noise(40_000))
    assert isinstance(result.vocals.samples.base, np.memmap) or isinstance(result.vocals.samples, np.memmap)


def test_stems_are_read_only_and_copies_are_not(noise: Noise, separated: Separated) -> None:
    vocals = separated(noise(1000)).vocals
    with pytest.raises(ValueError, match="read-only"):
        vocals.samples[:] = 1
    copy = np.array(vocals)
    copy[:] = 1
    assert vocals.samples.max() < 1


# The signature


def test_the_signature_lists_every_option_with_its_default() -> None:
    parameters = inspect.signature(spleeter_nb.separate).parameters
    assert list(parameters) == ["source", "model_name", *(field.name for field in fields(Options))]
    assert parameters["model_name"].default == "spleeter:2stems"
    for field in fields(Options):
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[field.name].default == field.default


# The real model


@pytest.fixture(scope="module")
def demo(two_stems_models_dir: Path) -> SeparationResult:
    config = SpleeterConfig(models_dir=two_stems_models_dir, auto_download=False)
    return separation.separate_with(config, spleeter_nb.demo_song(), "spleeter:2stems", progress=False)


def test_the_demonstration_song_is_separated_well(demo: SeparationResult) -> None:
    references = spleeter_nb.demo_song().references
    scores = demo.score({name: references[name] for name in demo})
    assert scores["vocals"]["SDRi"] >= 12
    assert scores["accompaniment"]["SDRi"] >= 5


def test_bfloat16_is_near_float32(demo: SeparationResult, two_stems_models_dir: Path) -> None:
    config = SpleeterConfig(models_dir=two_stems_models_dir, auto_download=False)
    fast = separation.separate_with(
        config, spleeter_nb.demo_song(), "spleeter:2stems", progress=False, precision="bfloat16"
    )
    assert fast.runtime is not None
    if fast.runtime.precision == "float32":
        assert_equal_stems(fast, demo)
    else:
        for name, stem in demo.items():
            assert sdr(stem.samples, fast[name].samples) > 45


def test_settings_come_from_the_environment(
    two_stems_models_dir: Path, monkeypatch: pytest.MonkeyPatch, noise: Noise
) -> None:
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(two_stems_models_dir))
    monkeypatch.setenv("SPLEETER_AUTO_DOWNLOAD", "false")
    result = spleeter_nb.separate(noise(44_100), sample_rate=44_100, progress=False)
    assert (result.model_name, list(result)) == ("spleeter:2stems", ["vocals", "accompaniment"])
