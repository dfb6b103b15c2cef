"""Settings from a YAML file: small, plain, and every fault told with its line.

Imported only when there is a file: PyYAML takes longer to load than the settings take to read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from spleeter_nb.config.origins import Given, Layer, Origin
from spleeter_nb.config.urls import redacted
from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Groups: TypeAlias = "Mapping[str, Mapping[str, str]]"
"""The name of each setting, by group and key."""

_ROOT = "spleeter"
_MAX_BYTES = 65_536
_MAX_DEPTH = 8

# Opening a pipe must not wait for a writer, a terminal must not become ours; Windows has neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)

# Dates and whatever else YAML knows stay text: no setting is one.
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float")}


def read_file(path: str | os.PathLike[str], groups: Groups) -> Layer:
    """Read the settings of a file.

    Parameters
    ----------
    path : str or PathLike
        The file: UTF-8, at most 64 KiB, one document.
    groups : mapping of str to mapping of str to str
        The name of each setting, by group and key.

    Returns
    -------
    mapping of str to Given
        Values by the name of the setting, not yet checked.

    Raises
    ------
    UnknownOptionError
        If there is no such group or key; the message names the nearest.
    ValidationError
        If it cannot be read, or is no plain YAML with groups of settings.
    """
    return _Reader(Path(path), groups).settings()


class _Reader:
    """Reads one file; exists so that every fault can name it."""

    def __init__(self, path: Path, groups: Groups) -> None:
        self._path = path
        self._groups = groups
        self._places = {group: f"{_ROOT}.{group}" for group in groups} | {
            name: f"{_ROOT}.{group}.{key}" for group, keys in groups.items() for key, name in keys.items()
        }

    def settings(self) -> Layer:
        given: dict[str, Given] = {}
        for group, content, _ in self._entries(self._root(), _ROOT, self._groups):
            keys = self._groups[group]
            for key, node, line in self._entries(content, f"{_ROOT}.{group}", keys):
                parts = {part: self._origin(at) for part, _, at in self._pairs(node)}
                given[keys[key]] = Given(self._value(node), self._origin(line), parts)
        return given

    def _root(self) -> yaml.Node | None:
        """Find what stands below ``spleeter:``; the keys beside it belong to other tools."""
        document = self._document()
        if not _is_mapping(document):
            raise self._fault(f"it holds no mapping with {_ROOT!r} at the top", _line(document))
        entries = {key: (node, line) for key, node, line in self._pairs(document)}
        if _ROOT in entries:
            return entries[_ROOT][0]
        for key, (_, line) in entries.items():
            if key in self._places or nearest(key, [_ROOT]):
                raise self._unknown(key, "", [_ROOT], line)
        return None

    def _entries(
        self, node: yaml.Node | None, where: str, allowed: Collection[str]
    ) -> Iterator[tuple[str, yaml.Node, int]]:
        """Give the entries of one of our own mappings."""
        if not _is_mapping(node):
            raise self._fault(f"{where!r} is no mapping; it holds {', '.join(allowed)}", _line(node), setting=where)
        for key, value, line in self._pairs(node):
            if key not in allowed:
                raise self._unknown(key, f"{where}.", allowed, line)
            yield key, value, line

    def _pairs(self, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node, int]]:
        """Give the keys of a mapping with their values and lines; nothing of any other node."""
        seen: dict[str, int] = {}
        for key_node, value in node.value if isinstance(node, yaml.MappingNode) else ():
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._fault("a key must be a plain name", line)
            key = key_node.value
            if key in seen:
                raise self._fault(f"{redacted(key)!r} stands here again, it is in line {seen[key]} already", line)
            seen[key] = line
            yield key, value, line

    def _value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {key: self._value(value) for key, value, _ in self._pairs(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        if node.tag not in _PLAIN:
            return node.value
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except ValueError:
            # Python reads no number of more than 4 300 digits, and no lone sign: text is refused where it is used.
            return node.value

    def _document(self) -> yaml.Node | None:
        text = self._text()
        # Raised outside: what PyYAML raises quotes the line, which may hold a password.
        try:
            fault = _forbidden(text)
            if fault is None:
                return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            fault = ", ".join(filter(None, (error.context, error.problem))), mark.line + 1 if mark else 1
        except yaml.reader.ReaderError as error:
            fault = "a control character is not allowed", text.count("\n", 0, error.position) + 1
        problem, line = fault
        raise self._fault(f"it is no plain YAML: {problem}", line)

    def _text(self) -> str:
        data = self._bytes()
        if len(data) > _MAX_BYTES:
            raise self._fault(f"it is larger than {_MAX_BYTES:,} bytes, which no settings are")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
        raise self._fault("it is not UTF-8: save it with that encoding", line)

    def _bytes(self) -> bytes:
        try:
            with open(self._path.expanduser(), "rb", opener=lambda path, _: os.open(path, _FLAGS)) as file:
                data = file.read(_MAX_BYTES + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
        except (OSError, ValueError, RuntimeError) as error:
            problem = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise self._fault(f"it cannot be read: {problem}") from error
        if data is None:
            raise self._fault("it is a pipe, a socket or a device; allowed is a regular file")
        return data

    def _origin(self, line: int) -> Origin:
        return Origin("file", file=str(self._path), line=line)

    def _fault(self, problem: str, line: int | None = None, **facts: Any) -> ValidationError:
        where = {"file": str(self._path)} | ({} if line is None else {"line": line})
        place = str(self._path) if line is None else str(self._origin(line))
        return ValidationError(
            f"{place}: {problem}. Correct the file, or name another in SPLEETER_CONFIG.", **facts, **where
        )

    def _unknown(self, key: str, where: str, allowed: Collection[str], line: int) -> UnknownOptionError:
        setting = where + redacted(key)
        place = self._places.get(key)
        hint = f" It is {place!r}." if place else nearest(key, allowed)
        return UnknownOptionError(
            f"{self._origin(line)}: there is no {setting!r}.{hint} Allowed are {', '.join(allowed)}.",
            setting=setting,
            allowed=tuple(allowed),
            file=str(self._path),
            line=line,
        )


def _forbidden(text: str) -> tuple[str, int] | None:
    """Tell the first thing, and its line, that settings have no use for; nothing is built of the text meanwhile."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if getattr(event, "anchor", None) is not None:
            return "anchors (&) and aliases (*) are not allowed, write the value out", line
        if getattr(event, "tag", None) is not None:
            return "tags (!) are not allowed, write the plain value", line
        if depth > _MAX_DEPTH:
            return f"it is nested more than {_MAX_DEPTH} deep", line
    return None


def _is_mapping(node: yaml.Node | None) -> bool:
    """Say whether it is a mapping, or nothing, which is an empty one."""
    return node is None or isinstance(node, yaml.MappingNode) or node.tag == "tag:yaml.org,2002:null"


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node is not None else 1
