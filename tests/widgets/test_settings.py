"""What checks settings: one form for what is right, short words for what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spleeter_nb.exceptions import UnknownOptionError, ValidationError
from spleeter_nb.widgets.settings import check_options, choice, number, region, short, switch


def test_what_is_right_has_one_form() -> None:
    assert repr(number("x", np.float32(2), (0, 5))) == "2.0"
    assert switch("x", np.True_) is True
    assert choice("x", "b", ("a", "b")) == "b"
    assert region("x", np.array([0, 1]), 10.0) == [0.0, 1.0]
    assert region("x", [0, 0.01], 0.01) == [0.0, 0.01]
    assert region("x", None, 10.0) is None


@pytest.mark.parametrize("value", [None, "a" * 10**6, 10**400, -(10**4200), float("nan"), [], True, object()])
def test_what_is_wrong_is_told_shortly(value: Any) -> None:
    for check in (
        lambda: number("x", value, (0, 5)),
        lambda: choice("x", value, ("abc", "def")),
        lambda: region("x", [value, 1], 10.0),
    ):
        with pytest.raises(ValidationError, match="x") as error:
            check()
        assert len(str(error.value)) < 250
    assert len(short(value)) <= 80


def test_the_nearest_is_named() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'mel'"):
        choice("y_axis", "mell", ("linear", "log", "mel"))
    with pytest.raises(UnknownOptionError, match=r"There is no option 'pane'\. Did you mean 'panes'"):
        check_options(["panes", "pane"], ["panes", "region"])
