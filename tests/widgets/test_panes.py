"""Panes and settings of the look: one form for all that may be said, and errors that help."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from spleeter_nb.exceptions import UnknownOptionError, ValidationError
from spleeter_nb.widgets.panes import (
    AT_REST,
    CHECKS,
    Limits,
    checked,
    checked_panes,
    default_panes,
    limits_of,
    samples_of,
    signal_number,
)
from spleeter_nb.widgets.scene import scene_of
from tests.widgets.conftest import RATE

FRAMES = 16_000
SOUND = np.zeros((FRAMES, 2), np.float32)


@pytest.fixture
def limits() -> Limits:
    return limits_of(scene_of({"vocals": SOUND, "mask": SOUND}, sample_rate=RATE, mixture=SOUND))


def test_a_song_is_drawn_from_mixture_to_residual(limits: Limits) -> None:
    names = [["level", name, ""] for name in ("mixture", "vocals", "mask", "residual")]
    panes = checked_panes(limits, None)
    assert panes == names
    # What somebody does to a list of his own changes nothing here.
    panes[0][1] = panes[1:] = "x"
    assert checked_panes(limits, None) == names
    assert default_panes(scene_of({"a": SOUND}, sample_rate=RATE)) == (("level", "a", ""),)


def test_of_two_separations_the_first_common_stem_is_drawn() -> None:
    scene = scene_of({"a": SOUND, "b": SOUND}, {"c": SOUND, "b": SOUND}, sample_rate=RATE)
    assert default_panes(scene) == (
        ("level", "b (A)", ""),
        ("level", "b (B)", ""),
        ("difference", "b (A)", "b (B)"),
        ("level", "b (A - B)", ""),
    )
    scene = scene_of({"a": SOUND}, {"c": SOUND}, sample_rate=RATE)
    assert default_panes(scene) == (("level", "a (A)", ""), ("level", "c (B)", ""))


def test_first_panes_of_very_many_stems_can_be_set_again() -> None:
    one, other = ({f"{k}{letter}": SOUND for k in range(32)} for letter in "ab")
    limits = limits_of(scene_of(one, other, sample_rate=RATE, mixture=SOUND))
    first = checked_panes(limits, None)
    assert len(limits.signals) == 67
    assert checked_panes(limits, first) == first


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("vocals", ["level", "vocals", ""]),
        ("mask", ["level", "mask", ""]),
        (("level", "vocals"), ["level", "vocals", ""]),
        (["level", "vocals", ""], ["level", "vocals", ""]),
        (("mask", "vocals"), ["mask", "vocals", "mixture"]),
        (["mask", "mask", ""], ["mask", "mask", "mixture"]),
        (("mask", "vocals", "residual"), ["mask", "vocals", "residual"]),
        (("difference", "vocals", "mask"), ["difference", "vocals", "mask"]),
    ],
)
def test_panes_have_one_form(given: Any, becomes: list[str], limits: Limits) -> None:
    assert checked_panes(limits, [given]) == [becomes]
    assert checked_panes(limits, ("mixture", given)) == [["level", "mixture", ""], becomes]
    assert checked_panes(limits, [becomes]) == [becomes]


@pytest.mark.parametrize(
    "given",
    [
        *(5, "vocals", {}, [], ["vocals"] * 65, ["vocals"] * 1_000_000, [5], [None], [[]], [["vocals"]], [{}]),
        *([("difference", "vocals")], [("difference", "vocals", "")], [("level", "vocals", "mask")]),
        *([("mask", "vocals", 5)], [(5, "vocals")], [("mask", ["vocals"])], [("a", "b", "c", "d")]),
        *(["x" * 1_000_000], [("mask", "x" * 1_000_000)], [[[[[]]]]], [10**4000]),
    ],
)
def test_wrong_panes_are_refused(given: Any, limits: Limits) -> None:
    with pytest.raises(ValidationError) as error:
        checked_panes(limits, given)
    assert len(str(error.value)) < 400


def test_the_nearest_names_are_told(limits: Limits) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'vocals'"):
        checked_panes(limits, ["vocal"])
    with pytest.raises(ValidationError, match="Did you mean 'difference'"):
        checked_panes(limits, [("diference", "vocals", "mask")])
    with pytest.raises(UnknownOptionError, match="Did you mean 'residual'"):
        signal_number(limits, "residuals")
    assert signal_number(limits, "residual") == 3


def test_a_mask_wants_a_mixture() -> None:
    limits = limits_of(scene_of({"a": SOUND}, sample_rate=RATE))
    with pytest.raises(ValidationError, match="give mixture="):
        checked_panes(limits, [("mask", "a")])
    assert checked_panes(limits, [("mask", "a", "a")]) == [["mask", "a", "a"]]


def test_settings_at_rest_are_right(limits: Limits) -> None:
    assert set(CHECKS) == set(AT_REST)
    settings = checked(limits, {})
    assert (settings["panes"], settings["fmax"], settings["region"]) == (checked_panes(limits, None), RATE / 2, None)
    assert checked(limits, settings) == settings


WRONG: dict[str, list[Any]] = {
    "y_axis": [None, 5, "", "Log", ["log"]],
    "fmin": [None, "0", -1, RATE / 2 - 49, math.nan, math.inf, True, 10**400],
    "fmax": ["1", 49, RATE / 2 + 1, math.nan, {}, -(10**4000)],
    "cmap": [None, "jet", 0, "x" * 1_000_000],
    "gain_db": [None, -61, 61, math.nan, "0"],
    "top_db": [None, 9, 128, True],
    "difference_db": [None, 0, 65, []],
    "note_names": [None, 0, 1, "yes"],
    "show_band_limit": [None, "on"],
    "show_segments": [1.0, []],
    "pane_height": [None, 59, 601, "140", math.inf],
    "region": [5, [1], [1, 1.01], [-1, 1], [0, 13.1], "ab", [math.nan, 1], {"0": 1}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_settings_are_refused(name: str, value: Any, limits: Limits) -> None:
    with pytest.raises(ValidationError, match=name):
        CHECKS[name](limits, value)


def test_a_band_is_at_least_50_hz_wide(limits: Limits) -> None:
    assert checked(limits, {"fmin": 1000, "fmax": 1050})["fmin"] == 1000
    with pytest.raises(ValidationError, match="at least 50 Hz apart"):
        checked(limits, {"fmin": 1000, "fmax": 1049})


def test_the_nearest_choice_is_named(limits: Limits) -> None:
    with pytest.raises(ValidationError, match="Did you mean 'magma'"):
        checked(limits, {"cmap": "magna"})


@pytest.mark.parametrize(
    ("region", "samples"),
    [(None, (0, FRAMES)), ([0, 2], (0, FRAMES)), ([0.5, 1], (4000, 8000)), ([1.99999, 2], (FRAMES - 1, FRAMES))],
)
def test_regions_are_samples(region: list[float] | None, samples: tuple[int, int], limits: Limits) -> None:
    assert samples_of(limits, region) == samples
