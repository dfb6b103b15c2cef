"""Every option of a separation: what is allowed, and an error that says so for all else."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import spleeter_nb
from spleeter_nb import Preprocess
from spleeter_nb.engine.options import Options, parse_options, parse_preprocess
from spleeter_nb.exceptions import DeviceError, UnknownOptionError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD: dict[str, list[Any]] = {
    "sample_rate": [None, 8000, np.int64(44_100)],
    "offset": [0, 1.5, np.float32(2), np.int64(3)],
    "duration": [None, 1e-3, 600, np.float64(1)],
    "precision": ["float32", "bfloat16"],
    "device": ["auto", "cpu", "gpu", "cuda:1"],
    "overlap": [0, 0.25, 0.5],
    "wiener": [False, True],
    "mask_extension": [None, "zeros", "average"],
    "residual": [None, "stem", "vocals"],
    "preprocess": [None, Preprocess(), Preprocess(high_pass=30)],
    "on_corrupt": ["error", "salvage"],
    "nonfinite": ["zero", "error"],
    "cache": [True, False],
    "progress": [True, False, print],
    "output_dir": [None, "out", Path("out")],
    "codec": ["wav", "flac", "mp3", "ogg", "m4a", "wma"],
    "bit_depth": [None, 16, 24],
    "bitrate": [None],
    "filename_format": ["{instrument}", "{foldername}/{filename}-{instrument}.{codec}"],
    "on_exist": ["overwrite", "skip", "error"],
}
# Two of what is allowed are not one of it.
ARRAY = np.array(["zeros", "wav"])

# With a word of what is allowed.
BAD: dict[str, tuple[list[Any], str]] = {
    "sample_rate": ([0, -8000, 44_100.0, "44100", True, math.nan], "whole number"),
    "offset": ([-1, math.nan, math.inf, 10**400, "1", None, True, [1]], "0 or more"),
    "duration": ([0, -1, math.nan, math.inf, "1", False], "more than 0"),
    "precision": (["float16", "float23", None, 32, ["float32"], ARRAY], "'bfloat16'"),
    "device": ([None, 0, b"cpu"], "'auto'"),
    "overlap": ([-0.1, 0.51, math.nan, "0.25", None, True], "0 to 0.5"),
    "wiener": ([None, 1, "yes"], "True or False"),
    "mask_extension": (["zeroes", False, 0, ["zeros"], ARRAY], "'average'"),
    "preprocess": (["high_pass=30", {"high_pass": 30}, Preprocess, True], "Preprocess(high_pass=30, loudness=-23)"),
    "on_corrupt": (["salvag", None, True, ["salvage"]], "'salvage'"),
    "nonfinite": (["keep", None, 0, ARRAY], "'zero'"),
    "cache": ([None, 0, "no"], "True or False"),
    "progress": ([None, 1, "yes"], "a callable"),
    "output_dir": ([5, b"out", ["out"]], "a folder"),
    "codec": (["mp4", "WAV", None, 5, ["wav"], ARRAY], "'flac'"),
    "bit_depth": ([8, "16", "floating", 16.0, True, np.int64(16), [16], ARRAY], "24"),
    "bitrate": ([128_000, "128k"], "wav has none"),
    "filename_format": ([None, 5, b"{instrument}"], "template"),
    "on_exist": (["overwrit", None, True, ["skip"], np.array(["skip"])], "skip"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_what_is_allowed_is_taken(name: str, value: object) -> None:
    assert getattr(parse_options({name: value}), name) is value


def test_every_option_is_tested() -> None:
    assert set(GOOD) == {field.name for field in fields(Options)}
    assert set(BAD) == set(GOOD) - {"residual"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (values, _) in BAD.items() for value in values])
def test_what_is_not_allowed_is_named(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        spleeter_nb.separate("never opened", **{name: value})
    assert name in str(caught.value)
    assert BAD[name][1] in str(caught.value)
    assert caught.value.context["option"] == name


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"precision": "bfloat61"}, "'bfloat16'"),
        ({"codec": "flak"}, "'flac'"),
        ({"on_exist": "overwrit"}, "'overwrite'"),
        ({"mask_extension": "averages"}, "'average'"),
    ],
)
def test_the_nearest_value_is_named(options: dict[str, str], hint: str) -> None:
    with pytest.raises(ValidationError, match=f"Did you mean {hint}"):
        parse_options(options)


@pytest.mark.parametrize(("codec", "bit_depth"), [("flac", 32), ("flac", "float")])
def test_a_depth_that_the_codec_has_not_is_refused(codec: str, bit_depth: object) -> None:
    with pytest.raises(ValidationError, match="allowed with flac: 16, 24"):
        parse_options({"codec": codec, "bit_depth": bit_depth})


@pytest.mark.parametrize("bitrate", [None, 192_000, "192k", "192000", "0192K"])
def test_a_lossy_codec_has_a_bitrate(bitrate: int | str | None) -> None:
    encoding = parse_options({"codec": "mp3", "bitrate": bitrate}).encoding
    assert (encoding.codec, encoding.bit_depth, encoding.bitrate) == ("mp3", None, bitrate and 192_000)


@pytest.mark.parametrize("bitrate", [0, -128_000, 128, "1k", "9M", "fast", "", "128 k", 128e3, True, ["128k"], ARRAY])
def test_a_bitrate_that_the_codec_has_not_is_refused(bitrate: object) -> None:
    with pytest.raises(ValidationError, match=r"allowed with mp3: 8000 to 320000 .* '8k' and '320k'") as caught:
        parse_options({"codec": "mp3", "bitrate": bitrate})
    assert caught.value.context["option"] == "bitrate"


def test_a_lossy_codec_has_no_bit_depth() -> None:
    with pytest.raises(ValidationError, match=r"ogg has none: .* wav, flac"):
        parse_options({"codec": "ogg", "bit_depth": 16})


@pytest.mark.parametrize(
    ("name", "nearest"), [("durration", "duration"), ("overlapp", "overlap"), ("bitdepth", "bit_depth"), ("q", None)]
)
def test_an_unknown_option_is_refused_with_the_nearest(name: str, nearest: str | None) -> None:
    with pytest.raises(UnknownOptionError) as caught:
        spleeter_nb.separate("never opened", **{name: 1})
    assert (f"Did you mean {nearest!r}?" in str(caught.value)) is (nearest is not None)
    assert all(field.name in str(caught.value) for field in fields(Options))
    assert isinstance(caught.value, TypeError)


def test_the_stem_of_a_residual_must_be_one_of_the_model(separated: Callable[..., object]) -> None:
    samples = np.zeros((100, 2), np.float32)
    with pytest.raises(ValidationError, match=r"'vocals', 'accompaniment', 'stem'\. Did you mean 'vocals'\?"):
        separated(samples, residual="vocal")
    with pytest.raises(ValidationError, match="residual is 5"):
        separated(samples, residual=5)


def test_devices_that_are_not_there_are_refused(separated: Callable[..., object]) -> None:
    samples = np.zeros((100, 2), np.float32)
    with pytest.raises(ValidationError, match="allowed are auto, cpu, gpu"):
        separated(samples, device="cpuu")
    with pytest.raises(DeviceError, match="device='cuda:99' cannot be used"):
        separated(samples, device="cuda:99")


def test_the_wiener_filter_leaves_nothing_above_the_band_to_average() -> None:
    assert parse_options({"wiener": True, "mask_extension": "zeros"}).wiener
    with pytest.raises(ValidationError, match="Wiener filter leaves nothing above the model's band"):
        parse_options({"wiener": True, "mask_extension": "average"})


def test_options_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Options().overlap = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing", Preprocess()),
        ("remove_dc", Preprocess(remove_dc=True)),
        ("remove_dc=True,low_pass=none", Preprocess(remove_dc=True)),
        ("remove_dc=false", Preprocess()),
        ("high_pass=30,loudness=-23", Preprocess(high_pass=30, loudness=-23)),
        (" remove_dc , low_pass = 1.5e3 ", Preprocess(remove_dc=True, low_pass=1500)),
    ],
)
def test_preprocessing_is_read_from_a_line(text: str, expected: Preprocess) -> None:
    assert parse_preprocess(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hihg_pass=30", "Did you mean 'high_pass'"),
        ("", "There is no preprocessing ''"),
        ("high_pass=30,", "There is no preprocessing ''"),
        ("high_pass=low", "high_pass is 'low'; allowed: 10 to 20000 Hz"),
        ("high_pass", "high_pass is True"),
        ("high_pass=5", "high_pass is 5.0"),
        ("loudness=nan", "loudness is nan"),
        ("remove_dc=1", "remove_dc is 1.0; allowed: True or False"),
    ],
)
def test_a_line_of_preprocessing_that_makes_no_sense_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        parse_preprocess(text)
