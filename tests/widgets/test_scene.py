"""Signals to compare: which there are, that they are what they say, and that nothing whole is made."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb import SeparationResult, Stem
from spleeter_nb.dsp.scores import sdr
from spleeter_nb.exceptions import AudioNotFoundError, UnknownOptionError, ValidationError
from spleeter_nb.values import AudioInfo
from spleeter_nb.widgets.scene import Selection, measured, scene_of, table_of
from tests.widgets.conftest import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spleeter_nb.values import FloatArray

FRAMES = 4000


@pytest.fixture
def one() -> dict[str, FloatArray]:
    rng = np.random.default_rng(1)
    return {name: rng.uniform(-0.3, 0.3, (FRAMES, 2)).astype(np.float32) for name in ("vocals", "drums")}


@pytest.fixture
def mixture(one: Mapping[str, FloatArray]) -> FloatArray:
    return (1.1 * sum(one.values())).astype(np.float32)  # type: ignore[no-any-return]


def result_of(
    stems: Mapping[str, FloatArray], load: Callable[[], Any], *, rate: int = RATE, model: str = "spleeter:2stems"
) -> SeparationResult:
    frames = len(next(iter(stems.values())))
    values = {name: Stem(name, rate, frames, lambda array=array: array) for name, array in stems.items()}
    info = AudioInfo("song.wav", "wav", "pcm_16", rate, 2, frames, 16)
    return SeparationResult(values, model, "song.wav", info, None, None, 1.0, {}, load)


def gone() -> Any:
    raise AudioNotFoundError("'song.wav' is gone.")


# One separation


def test_a_song_is_mixture_stems_and_residual(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    scene = scene_of(one, sample_rate=RATE, mixture=mixture, title="Song")
    assert scene.signals == ["mixture", "vocals", "drums", "residual"]
    assert (scene.stems, scene.pairs, scene.mixture, scene.residuals) == (
        ("vocals", "drums"),
        (),
        "mixture",
        ("residual",),
    )
    assert (scene.title, scene.sample_rate, scene.frames, scene.full_scale) == ("Song", RATE, FRAMES, 1.0)
    residual = scene.sums["residual"].read(100, 300)
    assert residual.dtype == np.float32
    np.testing.assert_allclose(residual, (mixture - sum(one.values()))[100:300], atol=1e-6)


def test_without_a_mixture_there_is_no_residual(one: dict[str, FloatArray]) -> None:
    scene = scene_of(one, sample_rate=RATE)
    assert (scene.signals, scene.mixture, scene.residuals) == (["vocals", "drums"], "", ())


def test_arrays_are_not_copied(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    scene = scene_of(one, sample_rate=RATE, mixture=mixture)
    for name, array in (*one.items(), ("mixture", mixture)):
        assert np.shares_memory(scene.sums[name].read(0, FRAMES), array)


def test_sums_are_made_where_they_are_read() -> None:
    array = np.zeros((2_000_000, 2), np.float32)
    scene = scene_of({str(k): array for k in range(5)}, sample_rate=44_100, mixture=array)
    tracemalloc.start()
    for start in range(0, 2_000_000, 65_536):
        scene.sums["residual"].read(start, min(2_000_000, start + 65_536))
    measured(scene.sums["residual"], 0, 2_000_000)
    assert tracemalloc.get_traced_memory()[1] < 4 * 131_072 * 8
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["mixture", "residual", "vocals (reference)"])
def test_names_are_unique_whatever_stems_are_called(name: str, one: dict[str, FloatArray], mixture: FloatArray) -> None:
    stems = {name: one["drums"], "vocals": one["vocals"]}
    scene = scene_of(stems, sample_rate=RATE, mixture=mixture, references={"vocals": one["vocals"]})
    assert len(set(scene.signals)) == len(scene.signals)
    assert np.shares_memory(scene.sums[name].read(0, FRAMES), one["drums"])
    assert np.shares_memory(scene.sums[scene.mixture].read(0, FRAMES), mixture)
    assert (scene.residuals == ()) == (name == "residual")


def test_a_result_brings_all_itself(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    scene = scene_of(result_of(one, lambda: mixture))
    assert (scene.title, scene.mixture) == ("song.wav", "mixture")
    assert scene.notes == ("spleeter:2stems, all stems were there already",)
    scene = scene_of(result_of(one, gone))
    assert scene.mixture == ""
    assert "gone" in scene.notes[1]


# Two separations


def test_two_separations_stand_side_by_side(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    other = {"vocals": one["vocals"] / 2, "bass": one["drums"]}
    scene = scene_of(one, other, sample_rate=RATE, mixture=mixture)
    assert scene.signals == [
        *("mixture", "vocals (A)", "vocals (B)", "vocals (A - B)", "drums (A)", "bass (B)"),
        *("residual (A)", "residual (B)"),
    ]
    assert scene.stems == ("vocals (A)", "vocals (B)", "drums (A)", "bass (B)")
    assert scene.pairs == (("vocals (A)", "vocals (B)", "vocals (A - B)"),)
    read = {name: signal.read(0, FRAMES) for name, signal in scene.sums.items()}
    np.testing.assert_allclose(read["vocals (A - B)"], one["vocals"] / 2, atol=1e-6)
    np.testing.assert_allclose(read["residual (B)"], mixture - sum(other.values()), atol=1e-6)
    scene = scene_of(one, one, sample_rate=RATE, labels=("float32", "bfloat16"))
    assert scene.pairs[0] == ("vocals (float32)", "vocals (bfloat16)", "vocals (float32 - bfloat16)")


def test_of_two_results_one_mixture_is_read(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    first, second = result_of(one, lambda: mixture), result_of(one, gone, model="spleeter:4stems")
    scene = scene_of(first, second)
    assert scene.residuals == ("residual (A)", "residual (B)")
    assert [note.partition(",")[0] for note in scene.notes] == ["A: spleeter:2stems", "B: spleeter:4stems"]
    # Where the first one has none, the second one's will do.
    assert scene_of(second, first).mixture == "mixture"


@pytest.mark.parametrize(
    ("other", "rate"), [("shorter", RATE), ("arrays", RATE), ("same", 2 * RATE)], ids=["result", "arrays", "rate"]
)
def test_separations_of_other_sound_are_refused(other: str, rate: int, one: dict[str, FloatArray]) -> None:
    cut = {name: array[:-10] for name, array in one.items()}
    second = cut if other == "arrays" else result_of(cut if other == "shorter" else one, gone, rate=rate)
    with pytest.raises(ValidationError, match="Separate the same source") as error:
        scene_of(result_of(one, gone), second)
    assert error.value.context["got"] == (FRAMES - (10 if rate == RATE else 0), rate)


@pytest.mark.parametrize(
    "labels", [None, "AB", ("A",), ("A", "A"), ("A", ""), ("A", 5), ("A", "B", "C"), ("A", "\ud800")]
)
def test_labels_are_two_names(labels: Any, one: dict[str, FloatArray]) -> None:
    with pytest.raises(ValidationError):
        scene_of(one, one, sample_rate=RATE, labels=labels)


@pytest.mark.parametrize("other", [5, [], {}, {"vocals": None}, {"vocals": np.full((FRAMES, 2), np.nan, np.float32)}])
def test_what_is_no_separation_is_refused(other: Any, one: dict[str, FloatArray], mixture: FloatArray) -> None:
    with pytest.raises(ValidationError):
        scene_of(one, other, sample_rate=RATE, mixture=mixture)


# References


def test_references_are_signals_and_measures(one: dict[str, FloatArray]) -> None:
    true = {"vocals": one["vocals"] * np.float32(1.1)}
    scene = scene_of(one, {"vocals": one["drums"]}, sample_rate=RATE, references=true)
    assert scene.signals[-1] == "vocals (reference)"
    numbers = {name: measured(signal, 0, FRAMES) for name, signal in scene.sums.items()}
    assert [name for name, row in numbers.items() if "SDR" in row] == ["vocals (A)", "vocals (B)"]
    assert numbers["vocals (A)"]["SDR"] == pytest.approx(sdr(true["vocals"], one["vocals"]))
    stem = Stem("vocals", RATE, FRAMES, lambda: true["vocals"])
    assert "vocals (reference)" in scene_of(one, sample_rate=RATE, references={"vocals": stem}).signals


@pytest.mark.parametrize(
    "references",
    [
        *(5, [], {"vocals": None}, {"vocals": np.zeros(10)}, {"vocals": np.full((FRAMES, 2), np.inf, np.float32)}),
        {"vocals": Stem("vocals", 2 * RATE, FRAMES, lambda: np.zeros((FRAMES, 2), np.float32))},
    ],
)
def test_wrong_references_are_refused(references: Any, one: dict[str, FloatArray]) -> None:
    with pytest.raises(ValidationError):
        scene_of(one, sample_rate=RATE, references=references)


def test_the_nearest_stem_of_a_reference_is_named(one: dict[str, FloatArray]) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'vocals'"):
        scene_of(one, sample_rate=RATE, references={"vocal": one["vocals"]})


# Numbers


def test_levels_are_those_of_the_samples(one: dict[str, FloatArray]) -> None:
    tone = np.sin(np.arange(400_000) * 0.1).astype(np.float32)
    numbers = measured(scene_of({"tone": tone}, sample_rate=RATE).sums["tone"], 0, 400_000)
    assert numbers == {"RMS": pytest.approx(-3.01, abs=0.01), "peak": pytest.approx(0, abs=0.01)}
    part = measured(scene_of(one, sample_rate=RATE).sums["drums"], 10, 20)
    assert part["peak"] == pytest.approx(20 * math.log10(np.abs(one["drums"][10:20]).max()))
    silent = measured(scene_of({"a": np.zeros(100)}, sample_rate=RATE).sums["a"], 0, 100)
    assert silent == {"RMS": -math.inf, "peak": -math.inf}


def test_numbers_are_text_for_people() -> None:
    assert table_of({}) == []
    numbers = {
        "a": {"RMS": -20.04, "peak": -math.inf, "SDR": math.inf},
        "b\u202e": {"RMS": -1.0, "peak": 0.0},
        "c": {"RMS": -1.0, "peak": 0.0, "SDR": math.nan},
    }
    assert table_of(numbers) == [
        ["Signal", "Level", "Peak", "SDR"],
        ["a", "-20.0 dB", "silent", "equal"],
        ["b ", "-1.0 dB", "0.0 dB", ""],
        ["c", "-1.0 dB", "0.0 dB", ""],
    ]


def test_a_selection_is_made_when_it_is_asked_for(one: dict[str, FloatArray], mixture: FloatArray) -> None:
    selection = Selection(scene_of(one, sample_rate=RATE, mixture=mixture).sums, 10, 30)
    assert list(selection) == ["mixture", "vocals", "drums", "residual"]
    assert {name: samples.shape for name, samples in selection.items()} == dict.fromkeys(selection, (20, 2))
    assert repr(selection) == "Selection(mixture, vocals, drums, residual; 20 samples)"
