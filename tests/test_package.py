"""The public names."""

from __future__ import annotations

import pytest

import spleeter_nb


@pytest.mark.parametrize("name", spleeter_nb.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(spleeter_nb, name)
    assert value is getattr(spleeter_nb, name)
    assert getattr(value, "__name__", name) == name


def test_public_names_are_completed() -> None:
    assert set(spleeter_nb.__all__) <= set(dir(spleeter_nb))
    assert spleeter_nb.__all__ == sorted(spleeter_nb.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'spleeter_nb' has no attribute 'seperate'"):
        _ = spleeter_nb.seperate
