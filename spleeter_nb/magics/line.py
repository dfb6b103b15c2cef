"""From what the user wrote to sources and options."""

from __future__ import annotations

import argparse
import ast
import keyword
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.utils.text import DollarFormatter

from spleeter_nb.engine.targets import home_expanded
from spleeter_nb.exceptions import nearest
from spleeter_nb.magics.options import FLAGS, NORMAL_FLAGS, OPTIONS, normal

if TYPE_CHECKING:
    from spleeter_nb.engine.sources import AudioSources
    from spleeter_nb.magics.options import Option

# Of these, braces are not filled in.
_LITERAL = {"filename_format", "var"}

# What may stand in an expression that is a source: the way to a value, and no arithmetic, which file names look like.
_WAYS = (
    ast.Expression,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.Call,
    ast.keyword,
    ast.Constant,
    ast.UnaryOp,
    ast.USub,
    ast.Load,
)


class LineError(UsageError):
    """A line that cannot be read.

    Of a bare `UsageError` IPython prints the text and sends no error, so that programs which run notebooks would take
    the cell for a success.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"UsageError: {self}"]


@dataclass(frozen=True, slots=True)
class Command:
    """What a line says."""

    sources: list[str]
    """As they were written, without quotes."""
    options: dict[str, Any]
    """Options that were given, by name."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise LineError(f"{message[:1].upper()}{message[1:]}. %separate? explains all options.")


def parse(line: str, names: dict[str, Any]) -> Command:
    """Read the line of a magic.

    Parameters
    ----------
    line : str
        What follows ``%separate``.
    names : dict
        The user's variables, to fill in ``{expressions}``.

    Raises
    ------
    LineError
        If a quote is open, an option is unknown, or has no value; the message names the nearest option.
    """
    given, rest = _parser().parse_known_intermixed_args([_spelled(word) for word in _split(line)])
    options = vars(given)
    sources = options.pop("sources", [])
    if rest:
        flag = rest[0].partition("=")[0]
        raise LineError(f"There is no option {flag!r}.{nearest(normal(flag), FLAGS)} %separate? explains all options.")
    for option in OPTIONS:
        if option.metavar and option.name in options:
            options[option.name] = _value(option, options[option.name], names)
    return Command(sources, options)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("%separate", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("sources", nargs="*")
    for option in OPTIONS:
        flags = map(normal, option.flags)
        if option.metavar:
            parser.add_argument(*flags, dest=option.name)
        else:
            parser.add_argument(*flags, dest=option.name, action="store_const", const=option.means)
        if option.opposite:
            parser.add_argument(option.opposite, dest=option.name, action="store_const", const=not option.means)
    return parser


def _without_comment(line: str) -> str:
    """Leave out what follows a ``#`` that is a word by itself, outside of quotes; files may be called ``#1.mp3``."""
    quote = ""
    for i, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and line[i - 1 : i].strip() == line[i + 1 : i + 2].strip() == "":
            return line[:i]
    return line


def _split(line: str) -> list[str]:
    # No escape character: on Windows it separates folders. `commenters` would cut "song#1.mp3".
    lexer = shlex.shlex(_without_comment(line), posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise LineError(
            f"A quote is not closed in: {line}. Put a path that has an apostrophe in it into double quotes."
        ) from None


def _spelled(word: str) -> str:
    """Write a known flag as the parser knows it; all else stays."""
    flag, equals, value = word.partition("=")
    return f"{normal(flag)}{equals}{value}" if normal(flag) in NORMAL_FLAGS else word


def _value(option: Option, text: str, names: dict[str, Any]) -> object:
    if option.name == "var" and (not text.isidentifier() or keyword.iskeyword(text)):
        raise LineError(f"--var is {text!r}; allowed: a name that a variable can have.")
    return option.read(text if option.name in _LITERAL else _filled_in(text, names))


def resolve(text: str, names: dict[str, Any]) -> AudioSources:
    """Find out what a source is: a variable, a file, an expression, or a path that leads nowhere yet.

    Parameters
    ----------
    text : str
        As the user wrote it, without quotes.
    names : dict
        The user's variables.

    Raises
    ------
    LineError
        If it is an expression that fails.
    """
    if text in names:
        source: AudioSources = names[text]
        return source
    if os.path.lexists(text):
        return text
    filled_in = _filled_in(text, names)
    if filled_in == text and _is_way_to_value(text, names):
        try:
            source = eval(text, names)  # noqa: S307 - the user's own expression, as in any cell
        except AttributeError:  # song.mp3, where "song" is a variable
            return text
        except Exception as error:  # it may do anything
            raise LineError(f"{text} raised {type(error).__name__}: {error}") from error
        return source
    return home_expanded(filled_in) if filled_in.startswith("~") else filled_in


def _filled_in(text: str, names: dict[str, Any]) -> str:
    try:
        return str(DollarFormatter().vformat(text, args=[], kwargs=names))
    except Exception:  # noqa: BLE001 - as IPython does: braces that are no expression belong to the text
        return text


def _is_way_to_value(text: str, names: dict[str, Any]) -> bool:
    """Say whether `text` begins with a variable and goes on to its parts, or calls it."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return False
    return all(isinstance(node, _WAYS) and (not isinstance(node, ast.Name) or node.id in names) for node in nodes)
