"""Every measurement, with few tries: in every run of the tests the requirements are met."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults import cuts
from tests.faults.__main__ import MEASUREMENTS, Outcome, rows, table
from tests.faults.figure import CannotRunError, Figure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_requirements_are_met(name: str, tmp_path: Path) -> None:
    module = MEASUREMENTS[name]
    try:
        figures = module.measure(module.QUICK, 0, tmp_path)
    except CannotRunError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    assert figures
    assert [figure for figure in figures if not figure.met] == []


def test_what_is_missed_or_not_measured_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    met, missed, unknown = (Figure("escapes", 0, measured, 5) for measured in (0, 1, float("nan")))
    assert (met.met, missed.met, unknown.met) == (True, False, False)
    monkeypatch.delenv("CI", raising=False)
    outcomes = [
        Outcome("good", 0, 1.0, (met,)),
        Outcome("bad", 0, 1.0, (met, missed)),
        Outcome("none", 0, 0, (), "why"),
    ]
    assert [outcome.failed for outcome in outcomes] == [False, True, False]
    monkeypatch.setenv("CI", "true")
    assert outcomes[2].failed
    assert [row[-1] for row in rows(outcomes)[1:]] == ["met", "met", "MISSED", ""]
    assert "none was not run: why." in table(outcomes)


@pytest.mark.parametrize("reader", ["pyav", "soundfile"])
def test_libraries_are_measured_for_the_anchors_in_the_same_way(reader: str, tmp_path: Path) -> None:
    (figure,) = cuts.measure(54, 0, tmp_path, reader)
    assert 50 < figure.measured < 95
