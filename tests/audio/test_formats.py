"""The matrix of formats: a part of it in every run, and its table in the documentation."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.audio.formats import (
    END,
    START,
    SUMMARY_HEAD,
    Outcome,
    cases,
    markdown,
    measure,
    quick,
    store,
    summary,
    tried,
)
from tests.audio.signals import encode, noise, read

if TYPE_CHECKING:
    from tests.audio.formats import Case

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "formats.md"


def table() -> list[list[str]]:
    """The cells of the stored table, without its head."""
    text = PAGE.read_text("utf-8").split(START)[1].split(END)[0]
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert tuple(head) == SUMMARY_HEAD
    return lines


@pytest.mark.parametrize("case", quick(), ids=lambda case: "-".join(map(str, (*case.row, case.channels))))
def test_what_comes_back_is_in_step_and_as_good_as_it_can_be(case: Case, tmp_path: Path) -> None:
    outcome = measure(case, tmp_path)
    assert outcome.met, outcome


def test_the_stored_table_has_what_there_is() -> None:
    rows: dict[tuple[str, ...], list[Case]] = {}
    for case in cases():
        rows.setdefault(case.row, []).append(case)
    assert [line[:5] for line in table()] == [list(tried(of_row)) for of_row in rows.values()]


def test_the_stored_table_was_made_where_nothing_was_missed() -> None:
    for *_, lag, length, quality, plain in table():
        assert length in {"0", "not told"}
        assert lag == "0" or length == "not told"
        assert quality == "exact" or float(plain.removesuffix(" dB")) > -1


def test_the_matrix_has_what_is_promised() -> None:
    tried_rates = {(case.direction, case.format): set() for case in cases()}
    for case in cases():
        tried_rates[case.direction, case.format].add(case.sample_rate)
    read_formats = {name for direction, name in tried_rates if direction == "read"}
    assert {"WAV", "FLAC", "MP3", "OGG", "M4A", "AAC", "WMA", "AIFF", "MKV", "MP4 with pictures"} <= read_formats
    assert {44_100, 48_000, 96_000, 192_000} <= tried_rates["written", "wav"] & tried_rates["written", "flac"]


def test_what_is_missed_is_seen() -> None:
    lossless = next(case for case in cases() if case.bits)
    lossy = next(case for case in cases() if case.plainly)
    untold = next(case for case in cases() if not case.tells_length)
    good = Outcome(lossless, 0, 0, math.inf, None)
    assert good.met
    assert not any(dataclasses.replace(good, **wrong).met for wrong in ({"lag": 1}, {"extra": -1}, {"quality": 150.0}))
    good = Outcome(lossy, 0, 0, 20.0, 20.9)
    assert good.met
    assert not dataclasses.replace(good, reference=21.1).met
    good = Outcome(untold, 0, 500, 20.0, 20.0)
    assert good.met
    assert not any(dataclasses.replace(good, **wrong).met for wrong in ({"lag": 1}, {"extra": 5_000}))


def test_the_table_is_stored_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{START}| old |\n{END}\nAfter.\n")
    lines = summary([Outcome(quick()[0], 0, 0, math.inf, None)])
    store(page, lines)
    assert page.read_text() == f"Before.\n\n{START}{markdown(lines)}{END}\nAfter.\n"
    assert "| exact |" in page.read_text()


@pytest.mark.parametrize("frames", [1, 500, 3_000, 20_011])
@pytest.mark.parametrize("sample_rate", [8_000, 48_000])
@pytest.mark.parametrize("codec", ["aac", "libopus", "libmp3lame"])
def test_a_short_sound_in_matroska_is_not_taken_for_cut(codec: str, sample_rate: int, frames: int) -> None:
    file, samples = io.BytesIO(), noise(frames, 2)
    encode(file, samples, codec=codec, container="matroska", sample_rate=sample_rate)
    got = read(file.getvalue())
    # Opus is at 48 kHz, whatever it was made of.
    assert len(got) >= frames
