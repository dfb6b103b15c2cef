"""Values check their own fields."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from spleeter_nb.exceptions import ValidationError
from spleeter_nb.values import Preprocess


def test_by_default_nothing_is_done() -> None:
    preprocess = Preprocess()
    assert dataclasses.asdict(preprocess) == {
        "remove_dc": False,
        "high_pass": None,
        "low_pass": None,
        "loudness": None,
        "true_peak": -1.0,
        "noise_reduction": 0.0,
        "trim_silence": None,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"remove_dc": True},
        {"high_pass": 10, "low_pass": 100.0},
        {"high_pass": 20_000, "low_pass": 96_000},
        {"high_pass": np.float32(80), "low_pass": np.int64(8_000)},
        {"loudness": -70, "true_peak": -60},
        {"loudness": 0.0, "true_peak": 0.0},
        {"noise_reduction": 1, "trim_silence": -60},
    ],
)
def test_what_is_allowed_is_kept(fields: dict[str, Any]) -> None:
    preprocess = Preprocess(**fields)
    assert {name: getattr(preprocess, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("remove_dc", 1, "True or False"),
        ("high_pass", 9.9, "10 to 20000 Hz, or None"),
        ("high_pass", True, "10 to 20000 Hz, or None"),
        ("low_pass", 96_001, "100 to 96000 Hz, or None"),
        ("low_pass", "8 kHz", "100 to 96000 Hz, or None"),
        ("loudness", 0.1, "-70 to 0 LUFS, or None"),
        ("loudness", float("nan"), "-70 to 0 LUFS, or None"),
        ("true_peak", None, r"-60 to 0 dBTP\."),
        ("noise_reduction", 1.01, r"0 to 1\."),
        ("noise_reduction", None, r"0 to 1\."),
        ("trim_silence", -121, "-120 to 0 dBFS, or None"),
        ("trim_silence", [-60], "-120 to 0 dBFS, or None"),
    ],
)
def test_what_is_not_allowed_is_refused(name: str, value: object, allowed: str) -> None:
    with pytest.raises(ValidationError, match=f"^{name} is .*; allowed: {allowed}") as caught:
        Preprocess(**{name: value})  # type: ignore[arg-type]
    assert caught.value.context["option"] == name
    assert caught.value.context["value"] is value


@pytest.mark.parametrize("low_pass", [200, 1_000])
def test_filters_that_leave_nothing_are_refused(low_pass: float) -> None:
    with pytest.raises(
        ValidationError, match=f"high_pass is 1000.0; allowed: less than low_pass, which is {low_pass}.0 Hz"
    ):
        Preprocess(high_pass=1_000, low_pass=low_pass)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Preprocess().high_pass = 80  # type: ignore[misc]
