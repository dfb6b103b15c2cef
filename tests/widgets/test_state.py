"""What a widget syncs has the same names in TypeScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb import JobView, ModelPicker, SpectrogramComparison
from spleeter_nb.widgets.app import Desk

if TYPE_CHECKING:
    from spleeter_nb.widgets.bridge import Bridge

STATE_TS = Path(__file__).resolve().parents[2] / "widgets" / "src" / "data" / "state.ts"


@pytest.mark.parametrize(
    ("name", "widget"),
    [
        ("ModelsState", ModelPicker),
        ("JobState", JobView),
        ("DeskState", Desk),
        ("SpectrogramState", SpectrogramComparison),
    ],
)
def test_both_sides_name_the_same_traits(name: str, widget: type[Bridge]) -> None:
    (body,) = re.findall(rf"export interface {name} \{{(.*?)\n\}}", STATE_TS.read_text("utf-8"), re.DOTALL)
    synced = set(widget.class_traits(sync=True)) - set(widget.__mro__[1].class_traits(sync=True))
    assert set(re.findall(r"^  (\w+):", body, re.MULTILINE)) == synced
