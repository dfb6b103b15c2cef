"""Stems and results as values."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb import SeparationResult, Stem
from spleeter_nb.audio import AudioWriter, probe
from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.exceptions import (
    AudioChangedError,
    OutputExistsError,
    StorageError,
    UnknownOptionError,
    UnsupportedFormatError,
    ValidationError,
)
from spleeter_nb.values import AudioInfo, ModelSpec

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import FloatArray

RATE = 8000
FRAMES = 12_000


@pytest.fixture
def samples() -> dict[str, FloatArray]:
    rng = np.random.default_rng(0)
    return {name: rng.uniform(-0.4, 0.4, (FRAMES, 2)).astype(np.float32) for name in ("vocals", "drums")}


@pytest.fixture
def result(samples: dict[str, FloatArray]) -> SeparationResult:
    stems = {name: Stem(name, RATE, FRAMES, lambda array=array: array) for name, array in samples.items()}
    info = AudioInfo("song.wav", "wav", "pcm_16", RATE, 2, FRAMES, 16)
    mixture = samples["vocals"] + samples["drums"]
    timings = {"load": 1.0, "separate": 0.5}
    return SeparationResult(stems, "spleeter:2stems", "music/song.wav", info, None, None, 1.5, timings, lambda: mixture)


# As a mapping


def test_a_result_is_a_mapping_of_stems(result: SeparationResult) -> None:
    assert isinstance(result, Mapping)
    assert list(result) == ["vocals", "drums"]
    assert len(result) == 2
    assert "vocals" in result
    assert "piano" not in result
    assert 0 not in result
    assert [stem.name for stem in result.values()] == ["vocals", "drums"]
    assert result.get("piano") is None


def test_keys_and_attributes_are_the_same_stems(result: SeparationResult) -> None:
    assert result["vocals"] is result.vocals
    assert result["drums"] is result.drums


@pytest.mark.parametrize("name", ["vocal", 0])
def test_a_stem_that_is_not_there_is_a_key_error(name: object, result: SeparationResult) -> None:
    with pytest.raises(KeyError, match="the stems are vocals, drums"):
        result[name]  # type: ignore[index]


def test_the_nearest_stem_is_named(result: SeparationResult) -> None:
    with pytest.raises(KeyError, match="Did you mean 'vocals'"):
        result["vocal"]
    with pytest.raises(AttributeError, match=r"its stems are vocals, drums\. Did you mean 'drums'"):
        _ = result.drum
    assert not hasattr(result, "_repr_html_")


def test_a_result_can_be_copied(result: SeparationResult) -> None:
    assert copy.copy(result).vocals is result.vocals


def test_stems_are_completed(result: SeparationResult) -> None:
    assert {"vocals", "drums", "save", "mix"} <= set(dir(result))
    assert result._ipython_key_completions_() == ["vocals", "drums"]


def test_a_result_has_one_deterministic_line(result: SeparationResult) -> None:
    assert repr(result) == "SeparationResult('song.wav': vocals, drums; 1.50 s, 8000 Hz)"
    assert repr(result.vocals) == "Stem('vocals', 1.50 s, 8000 Hz)"


def test_a_result_says_how_long_it_took(result: SeparationResult) -> None:
    assert (result.duration, result.sample_rate, result.x_realtime) == (1.5, RATE, 3.0)


# As arrays


def test_a_stem_is_an_array(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    stem = result.vocals
    assert len(stem) == FRAMES
    assert np.asarray(stem).dtype == np.float32
    np.testing.assert_array_equal(np.asarray(stem), samples["vocals"])
    assert np.shares_memory(np.asarray(stem), stem.samples)
    assert not np.shares_memory(np.array(stem), stem.samples)
    assert np.asarray(stem, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.array(stem, np.float64, copy=False)


# Mixing


def test_gains_are_in_db(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    vocals, drums = samples["vocals"], samples["drums"]
    np.testing.assert_array_equal(result.mix(), vocals + drums)
    np.testing.assert_array_equal(result.mix(vocals=0, drums=-math.inf), vocals)
    np.testing.assert_allclose(result.mix(vocals=-6, drums=20), 10**-0.3 * vocals + 10 * drums, atol=1e-6)
    assert result.mix().dtype == np.float32
    assert not result.mix(vocals=-math.inf, drums=-math.inf).any()
    assert not np.shares_memory(result.mix(drums=-math.inf), vocals)


def test_gains_of_unknown_stems_are_refused(result: SeparationResult) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'vocals'"):
        result.mix(vocal=-6)


@pytest.mark.parametrize("gain", [math.nan, math.inf, "-6", None, 1e6, 120.1, 10**400])
def test_gains_that_are_none_are_refused(gain: object, result: SeparationResult) -> None:
    with pytest.raises(ValidationError, match="allowed: dB"):
        result.mix(vocals=gain)  # type: ignore[arg-type]


def test_gains_at_their_limits(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    np.testing.assert_allclose(result.mix(vocals=120, drums=-(10**400)), 1e6 * samples["vocals"], rtol=1e-6)


def test_the_residual_is_what_no_stem_took(result: SeparationResult) -> None:
    assert not result.residual().any()


def test_stems_null_as_far_as_nothing_is_left(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    # What float32 rounded off when the two were added.
    assert result.null_db < -150
    louder = replace(result, _load_mixture=lambda: samples["vocals"] + samples["drums"] + np.float32(0.01))
    assert louder.null_db == pytest.approx(-40, abs=1e-3)


# Saving


def test_a_stem_is_saved(result: SeparationResult, samples: dict[str, FloatArray], tmp_path: Path) -> None:
    for name, depth, subtype, tolerance in (
        ("a.wav", 16, "PCM_16", 2**-15),
        ("a.wav", 24, "PCM_24", 2**-23),
        ("a.wav", 32, "PCM_32", 2**-24),
        ("new/b.wav", "float", "FLOAT", 0),
        ("c.flac", 16, "PCM_16", 2**-15),
        ("c.FLAC", 24, "PCM_24", 2**-23),
        ("no_suffix", 16, "PCM_16", 2**-15),
    ):
        assert result.vocals.save(tmp_path / name, bit_depth=depth) == tmp_path / name
        assert soundfile.info(tmp_path / name).subtype == subtype
        read, rate = soundfile.read(tmp_path / name, dtype="float32")
        assert rate == RATE
        np.testing.assert_allclose(read, samples["vocals"], rtol=0, atol=tolerance)


def test_a_stem_is_saved_in_the_codec_that_is_given(result: SeparationResult, tmp_path: Path) -> None:
    result.vocals.save(str(tmp_path / "song"), codec="flac")
    assert soundfile.info(tmp_path / "song").format == "FLAC"


def test_lossy_stems_have_the_length_and_the_size_that_were_asked_for(result: SeparationResult, tmp_path: Path) -> None:
    small = result.vocals.save(tmp_path / "small.mp3", bitrate="64k")
    large = result.vocals.save(tmp_path / "large.mp3", bitrate=320_000)
    assert small.stat().st_size < large.stat().st_size
    for path in (small, large, *result.save(tmp_path, codec="m4a", bitrate="96k").values()):
        info = probe(path)
        assert (info.frames, info.sample_rate, info.bit_depth) == (FRAMES, RATE, None)


@pytest.mark.usefixtures("nothing_left")
def test_what_cannot_be_saved_leaves_nothing(result: SeparationResult, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="no codec 'mp4'"):
        result.vocals.save(tmp_path / "new" / "vocals.mp4")
    with pytest.raises(ValidationError, match="wav has none"):
        result.save(tmp_path / "new", bitrate="128k")
    with pytest.raises(ValidationError, match="bit_depth"):
        result.save(tmp_path / "new", codec="flac", bit_depth=32)
    with pytest.raises(ValidationError, match="Did you mean 'overwrite'"):
        result.save(tmp_path / "new", on_exist="overwrit")  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        result.save(tmp_path / (300 * "x"))


def test_a_result_is_saved(result: SeparationResult, samples: dict[str, FloatArray], tmp_path: Path) -> None:
    paths = result.save(
        tmp_path, codec="flac", bit_depth=24, filename_format="{foldername}/{filename} {instrument}.{codec}"
    )
    assert paths == {name: tmp_path / "music" / f"song {name}.flac" for name in samples}
    for name, path in paths.items():
        np.testing.assert_allclose(soundfile.read(path)[0], samples[name], atol=2**-23)


def test_a_result_is_saved_beside_what_exists(result: SeparationResult, tmp_path: Path) -> None:
    kept = tmp_path / "song" / "vocals.wav"
    kept.parent.mkdir()
    kept.write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        result.save(tmp_path, on_exist="error")
    assert list(kept.parent.iterdir()) == [kept]
    result.save(tmp_path, on_exist="skip")
    assert kept.read_bytes() == b"old"
    assert (tmp_path / "song" / "drums.wav").exists()
    result.save(tmp_path)
    assert soundfile.info(kept).frames == FRAMES


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("option", "value"), [("codec", ["wav"]), ("bit_depth", 16.0), ("bit_depth", True), ("filename_format", 5)]
)
def test_options_of_other_types_are_refused(
    option: str, value: object, *, result: SeparationResult, tmp_path: Path
) -> None:
    with pytest.raises((ValidationError, UnsupportedFormatError)):
        result.save(tmp_path / "new", **{option: value})


def test_a_tilde_is_the_home_folder(result: SeparationResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert result.vocals.save("~/a.wav") == tmp_path / "a.wav"
    assert result.save("~/out")["drums"] == tmp_path / "out" / "song" / "drums.wav"
    assert (tmp_path / "a.wav").is_file()
    with pytest.raises(ValidationError, match="home"):
        result.save("~nobody-has-this-name/out")


@pytest.mark.parametrize("on_exist", ["error", "skip"])
def test_a_file_that_appears_while_stems_are_saved_is_kept(
    on_exist: str, result: SeparationResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "song" / "drums.wav"
    finish = AudioWriter.finish

    def finish_late(writer: AudioWriter) -> None:
        finish(writer)
        other.write_bytes(b"somebody else's")

    monkeypatch.setattr(AudioWriter, "finish", finish_late)
    with pytest.raises(OutputExistsError):
        result.save(tmp_path, on_exist=on_exist)
    assert list(tmp_path.rglob("*.*")) == [other]
    assert other.read_bytes() == b"somebody else's"


# The mixture


def test_a_source_of_another_length_is_another_one(result: SeparationResult) -> None:
    changed = replace(result, _load_mixture=lambda: np.zeros((FRAMES - 1, 2), np.float32))
    for ask in (lambda: changed.mixture, changed.residual, lambda: changed.score({"vocals": changed.vocals})):
        with pytest.raises(AudioChangedError, match="Separate it again") as caught:
            ask()
        assert caught.value.context["got"] == FRAMES - 1


# Scores


def test_a_perfect_result_scores_without_bound(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    scores = result.score(samples)
    assert list(scores) == ["vocals", "drums"]
    for values in scores.values():
        assert values["SDR"] == math.inf
        assert values["SDRi"] == math.inf
        assert values["SI-SDR"] > 100


def test_some_references_are_enough(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    half_as_loud = {"drums": (samples["drums"] / 2).tolist()}
    scores = result.score(half_as_loud)
    assert list(scores) == ["drums"]
    assert scores["drums"]["SDR"] == pytest.approx(0, abs=1e-4)
    assert scores["drums"]["SI-SDR"] > 60
    # The mixture: half the reference again, and vocals as loud as drums.
    assert scores["drums"]["SDRi"] == pytest.approx(10 * math.log10(5), abs=0.1)


def test_references_of_other_stems_or_lengths_are_refused(
    result: SeparationResult, samples: dict[str, FloatArray]
) -> None:
    with pytest.raises(ValidationError, match="the stems are vocals, drums"):
        result.score({"piano": samples["vocals"]})
    with pytest.raises(ValidationError):
        result.score({})
    with pytest.raises(ValidationError, match="shape"):
        result.score({"vocals": samples["vocals"][1:]})
    with pytest.raises(ValidationError, match="shape"):
        result.score({"vocals": samples["vocals"][:, :1]})


@pytest.mark.parametrize(
    "reference",
    [
        "words",
        None,
        5,
        [[1, 2], [3]],
        np.zeros((FRAMES, 2), complex),
        np.full((FRAMES, 2), "x"),
        np.zeros((FRAMES, 2), bool),
        np.zeros(FRAMES),
    ],
)
def test_what_is_no_reference_is_refused(reference: object, result: SeparationResult) -> None:
    with pytest.raises(ValidationError, match="'vocals'"):
        result.score({"vocals": reference})


@pytest.mark.parametrize("references", [None, ["vocals"], {1: 0, "vocals": 0}])
def test_references_come_by_name(references: object, result: SeparationResult) -> None:
    with pytest.raises(ValidationError):
        result.score(references)  # type: ignore[arg-type]


# How they were made


def test_without_a_model_nothing_is_told_of_it(result: SeparationResult) -> None:
    assert (result.spec, result.overlap, result.band_limit, result.segment_borders()) == (None, 0.0, None, ())


def test_the_band_ends_where_the_model_does(result: SeparationResult) -> None:
    spec = ModelSpec("spleeter:2stems", ("vocals", "drums"))
    assert replace(result, spec=spec).band_limit == 11_025
    assert replace(result, spec=replace(spec, n_bins=1536)).band_limit == 16_537.5
    assert replace(result, spec=replace(spec, mask_extension="average")).band_limit is None


@pytest.mark.parametrize("overlap", [0, 0.25])
def test_borders_of_segments_are_seconds(overlap: float, result: SeparationResult) -> None:
    # The model runs at half the rate of the stems, which last 1.5 s.
    spec = ModelSpec("m", ("vocals",), n_fft=128, hop_length=32, segment_frames=64, sample_rate=RATE // 2)
    borders = replace(result, spec=spec, overlap=overlap).segment_borders()
    expected = Segmentation(128, 32, 64, round(64 * overlap)).borders(FRAMES // 2)
    assert len(expected) >= 2
    assert borders == tuple(border / (RATE // 2) for border in expected)
    assert 0 < borders[0] < borders[-1] < result.duration


def test_stems_can_be_references(result: SeparationResult) -> None:
    assert result.score({"vocals": result.vocals})["vocals"]["SDR"] == math.inf


def test_bsseval_adds_its_scores(result: SeparationResult, samples: dict[str, FloatArray]) -> None:
    noisy = {name: array + np.float32(0.01) * array[::-1] for name, array in samples.items()}
    scores = result.score(noisy, bsseval=True)
    for values in scores.values():
        assert set(values) == {
            *("SDR", "SI-SDR", "SDRi"),
            *("BSSEval SDR", "BSSEval ISR", "BSSEval SIR", "BSSEval SAR"),
        }
        assert values["BSSEval SDR"] > 20
