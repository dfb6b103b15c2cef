from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from IPython.core.completer import CompletionContext, provisionalcompleter

from spleeter_nb.magics.completion import SeparateCompleter

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    Complete = Callable[[str], list[str]]

MODELS = [f"spleeter:{count}stems{band}" for count in (2, 4, 5) for band in ("", "-16kHz")]


@pytest.fixture
def complete(shell: InteractiveShell) -> Complete:
    """Give the whole cells that a cell may become, its cursor being at ``|`` or the end."""
    for name in ("My Song.mp3", "it's.wav", '5" live.ogg', "notes.txt", "mine.json", ".hidden.wav", "deep/x.flac"):
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    Path("My Folder").mkdir()
    shell.push({"mixture": np.zeros(1), "meters": 3, "mp": np, "_mine": "x", "Kind": str, "more": ["a.mp3"]})

    def texts(cell: str) -> list[str]:
        before, _, after = cell.partition("|")
        with provisionalcompleter():
            found = list(shell.Completer.completions(before + after, len(before)))
        assert all(completion.end == len(before) for completion in found)
        return [before[: completion.start] + completion.text + after for completion in found]

    return texts


@pytest.mark.parametrize(
    ("cell", "completed"),
    [
        ("%separate --prec", ["%separate --precision"]),
        ("%separate --bit_", ["%separate --bit-depth"]),
        (
            "%separate song.mp3 --no-",
            [f"%separate song.mp3 --no-{name}" for name in ("mwf", "cache", "progress", "spectrograms")],
        ),
        ("%separate -c ", [f"%separate -c {codec}" for codec in ("wav", "flac", "mp3", "ogg", "m4a", "wma")]),
        ("%separate --codec=f", ["%separate --codec=flac"]),
        ("%separate --precision b| song.mp3", ["%separate --precision bfloat16 song.mp3"]),
        ("%separate --bit_depth 2", ["%separate --bit_depth 24"]),
        ("%separate --device cu", ["%separate --device cuda:0"]),
        (
            "stems = %separate -p spleeter:5",
            ["stems = %separate -p spleeter:5stems", "stems = %separate -p spleeter:5stems-16kHz"],
        ),
        ("%separate -p mi", ["%separate -p mine.json"]),
        ("%separate -o ", ['%separate -o "My Folder/', "%separate -o deep/"]),
        ("%separate deep/", ["%separate deep/x.flac"]),
        ("%separate m", ["%separate mixture", "%separate more"]),
        ("%separate mixture d", ["%separate mixture deep/"]),
        ("%separate My", ['%separate "My Folder/', '%separate "My Song.mp3"']),
        ('%separate "My S', ['%separate "My Song.mp3"']),
        ("%separate 'My ", ["%separate 'My Folder/", "%separate 'My Song.mp3'"]),
        ("%separate 5", ["%separate '5\" live.ogg'"]),
        ("%separate i", ['%separate "it\'s.wav"']),
        ("%separate .h", ["%separate .hidden.wav"]),
        ("x = 1\n%separate --prec", ["x = 1\n%separate --precision"]),
        ("%%separate --prec", ["%%separate --precision"]),
        ("%%separate -p spleeter:2|\nMy Song.mp3", [f"%%separate -p {model}\nMy Song.mp3" for model in MODELS[:2]]),
        ("%%separate\nMy S", ["%%separate\nMy Song.mp3"]),
        (
            "\n%%separate -c wav\nmore\n  My ",
            ["\n%%separate -c wav\nmore\n  My Folder/", "\n%%separate -c wav\nmore\n  My Song.mp3"],
        ),
        ("%%separate\nit's", ["%%separate\nit's.wav"]),
        ("%%separate\nmi", ["%%separate\nmixture"]),
    ],
)
def test_what_fits_is_offered_and_nothing_else(complete: Complete, cell: str, completed: list[str]) -> None:
    assert complete(cell) == completed


def test_sources_are_variables_then_paths(complete: Complete) -> None:
    assert complete("%separate ") == [
        *("%separate mixture", "%separate more", "%separate '5\" live.ogg'", '%separate "My Folder/'),
        *('%separate "My Song.mp3"', "%separate deep/", '%separate "it\'s.wav"'),
    ]


def test_models_are_offered(complete: Complete) -> None:
    assert complete("%separate -p spleeter:") == [f"%separate -p {model}" for model in MODELS]


def test_home_stays_as_it_was_written(complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert complete("%separate ~/de") == ["%separate ~/deep/"]


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize(
    "cell",
    [
        *("separa", "x = 5 %separate ", "%separated -c ", "print('%separate ", "x\n%%separate\nmi", "%%separated\nmi"),
        *("%separate nowhere/", "%separate 'nowhere/x", "%separate -s ", "%separate \0/", "%separate ~nobody/"),
    ],
)
def test_nothing_is_offered_elsewhere_and_where_nothing_fits(shell: InteractiveShell, cell: str) -> None:
    *above, line = cell.split("\n")
    context = CompletionContext("", cell, len(line), len(above), None)
    result = SeparateCompleter(shell).complete(context)
    assert result["completions"] == []
    assert line.endswith(result["matched_fragment"])
