"""Completion of ``%separate`` and ``%%separate``: options, their values, variables, paths."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from spleeter_nb.engine.sources import EXTENSIONS
from spleeter_nb.magics.options import FLAGS, NORMAL_FLAGS, normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from spleeter_nb.magics.options import Option

_LINE = re.compile(r"\s*(?:[^%=]+=\s*)?%separate\s(?P<said>.*)")
_FIRST_LINE = re.compile(r"\s*%%separate\s(?P<said>.*)")
_CELL = re.compile(r"\s*%%separate(?:[ \t]|$)", re.MULTILINE)
_QUOTES = ("'", '"')

# File names with one of these in them must be quoted.
_NEEDS_QUOTES = re.compile(r"[\s'\"]")


class SeparateCompleter:
    """Completes what stands behind the magics.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables are offered.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython's has no types
    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Offer what fits before the cursor; nothing elsewhere than behind the magics."""
        begun, found = "", list[SimpleCompletion]()
        before = context.text_until_cursor
        if match := _LINE.fullmatch(before) or _FIRST_LINE.fullmatch(before):
            begun, found = self._in_line(match["said"])
        elif _is_in_body(context):
            begun = before.lstrip()
            found = self._sources(begun, bare=True)
        return {"completions": found, "matched_fragment": begun, "suppress": True, "ordered": True}

    def _in_line(self, said: str) -> tuple[str, list[SimpleCompletion]]:
        """Return the word that was begun, and what it may become."""
        begun = _begun_word(said)
        previous = said.removesuffix(begun).split()[-1:]
        flag, equals, value = begun.partition("=")
        if begun.startswith("-") and equals:
            previous, begun = [flag], value
        option = NORMAL_FLAGS.get(normal("".join(previous)))
        if option and option.metavar:
            return begun, _values(option, begun)
        if begun.startswith("-"):
            flags = (flag for flag in FLAGS if normal(flag).startswith(normal(begun)))
            return begun, _completions(flags, "option")
        return begun, self._sources(begun, bare=False)

    def _sources(self, begun: str, *, bare: bool) -> list[SimpleCompletion]:
        names = (name for name, value in self._shell.user_ns.items() if name.startswith(begun) and _is_source(value))
        shown = (name for name in names if not name.startswith("_") and name not in self._shell.user_ns_hidden)
        return [*_completions(sorted(shown), "instance"), *_completions(_paths(begun, EXTENSIONS, bare=bare), "path")]


def _is_in_body(context: CompletionContext) -> bool:
    match = _CELL.match(context.full_text)
    return match is not None and context.cursor_line > context.full_text.count("\n", 0, match.end())


def _begun_word(said: str) -> str:
    """Return the last word as it stands there, with a quote that may be open; empty after a blank."""
    quote, start = "", len(said)
    for place, char in enumerate(said):
        is_blank = char.isspace() and not quote
        if char in _QUOTES and quote in ("", char):
            quote = "" if quote else char
        if is_blank:
            start = len(said)
        elif start == len(said):
            start = place
    return said[start:]


def _values(option: Option, begun: str) -> list[SimpleCompletion]:
    values = [value for value in option.choices if value.startswith(begun)]
    endings = (".json",) if option.paths == "models" else ()
    paths = () if option.paths == "none" else _paths(begun, endings, bare=False)
    return [*_completions(values, "value"), *_completions(paths, "path")]


def _paths(begun: str, endings: tuple[str, ...], *, bare: bool) -> Iterator[str]:
    """Give folders, and files with one of the endings; quoted where need be, unless `bare`."""
    quote = begun[:1] if begun[:1] in _QUOTES and not bare else ""
    typed = begun.removeprefix(quote)
    parent, name = os.path.split(typed)
    for found, is_folder in _listed(parent):
        is_wanted = is_folder or found.lower().endswith(endings)
        if is_wanted and found.startswith(name) and (name or not found.startswith(".")):
            path = typed.removesuffix(name) + found + ("/" if is_folder else "")
            yield path if bare else _quoted(path, quote, is_complete=not is_folder)


def _listed(folder: str) -> list[tuple[str, bool]]:
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111 - pathlib's raises for ~nobody
            return sorted((entry.name, entry.is_dir()) for entry in entries)
    except (OSError, ValueError):
        return []


def _quoted(path: str, quote: str, *, is_complete: bool) -> str:
    if not quote:
        if not _NEEDS_QUOTES.search(path):
            return path
        quote = "'" if '"' in path else '"'
    return f"{quote}{path}{quote if is_complete else ''}"


def _completions(texts: Iterable[str], kind: str) -> list[SimpleCompletion]:
    return [SimpleCompletion(text, type=kind) for text in texts]


def _is_source(value: Any) -> bool:
    """Say whether a variable may be a source; its kind is asked, since some objects act when they are asked."""
    kind = type(value)
    is_plain = issubclass(kind, str | bytes | os.PathLike | list | tuple)
    return is_plain or hasattr(kind, "__array__") or hasattr(kind, "read")
