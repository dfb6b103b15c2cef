"""The tree of errors, as its docstring draws it."""

from __future__ import annotations

import builtins
import inspect
import re

import pytest

from spleeter_nb import exceptions
from spleeter_nb.exceptions import SpleeterError, nearest

ERRORS = [value for value in vars(exceptions).values() if inspect.isclass(value) and issubclass(value, SpleeterError)]


@pytest.mark.parametrize("error", ERRORS)
def test_facts_are_kept_beside_the_message(error: type[SpleeterError]) -> None:
    raised = error("what happened", path="song.wav", needed=5)
    assert str(raised) == "what happened"
    assert raised.context == {"path": "song.wav", "needed": 5}
    assert error("what happened").context == {}
    assert error.__doc__


def test_the_docstring_draws_the_tree() -> None:
    """Each line of the drawing is an error, below what it derives from; brackets hold the built-in kind."""
    drawn = []
    above: list[type] = []
    for line in (exceptions.__doc__ or "").splitlines():
        found = re.match(r"^    ([│├└─ ]*)(\w+Error)(?: \((\w+)\))?", line)
        if not found:
            continue
        error = getattr(exceptions, found[2])
        depth = len(found[1]) // 4
        del above[depth:]
        assert issubclass(error, tuple(above[-1:]) or SpleeterError)
        if found[3]:
            assert issubclass(error, getattr(builtins, found[3]))
        above.append(error)
        drawn.append(error)
    assert set(drawn) == set(ERRORS)


@pytest.mark.parametrize(
    ("word", "expected"), [("vocal", " Did you mean 'vocals'?"), ("drumms", " Did you mean 'drums'?"), ("xyz", "")]
)
def test_the_nearest_word_is_named(word: str, expected: str) -> None:
    assert nearest(word, ("vocals", "drums")) == expected
    assert nearest(word, iter(("vocals", "drums"))) == expected
    assert nearest(word, ()) == ""
