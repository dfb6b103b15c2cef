"""What songs are: ``spleeter-nb info``."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spleeter_nb.cli.common import JsonOption, OnCorruptOption, complain, error_report, show, start_logging
from spleeter_nb.exceptions import SpleeterError

if TYPE_CHECKING:
    from spleeter_nb.engine.describe import Description


def info(
    files: Annotated[list[str], typer.Argument(help="The songs: files, folders, or patterns in quotes.")],
    *,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into sub-folders, too.")] = False,
    features: Annotated[bool, typer.Option("--features", help="Estimate tempo, key and spectrum, too.")] = False,
    on_corrupt: OnCorruptOption = "error",
    as_json: JsonOption = False,
) -> None:
    """Describe songs: format, tags, loudness, true peak, silence; exit with 1 if one cannot be read."""
    from spleeter_nb.engine.sources import expand  # noqa: PLC0415 - quick help needs none of it

    start_logging(verbose=False)
    reports, failed = [], 0
    for source in expand(files, recursive=recursive):
        found = _described(source, features=features, on_corrupt=on_corrupt, progress=not as_json)
        failed += isinstance(found, SpleeterError)
        if as_json:
            reports.append(_report(source, found))
        elif isinstance(found, SpleeterError):
            complain(str(found))
        else:
            show(_table(found))
    if as_json:
        show(reports)
    if failed:
        raise typer.Exit(1)


def _described(source: Any, **options: Any) -> Description | SpleeterError:
    from spleeter_nb.engine.describe import describe  # noqa: PLC0415 - as above

    if isinstance(source, SpleeterError):
        return source
    try:
        return describe(source, **options)
    except SpleeterError as error:
        return error


def _report(source: object, found: Description | SpleeterError) -> dict[str, Any]:
    named = None if isinstance(source, SpleeterError) else str(source)
    if isinstance(found, SpleeterError):
        return {"source": named, "error": error_report(found)}
    facts = {"source": named, "duration": found.duration, **asdict(found), "tags": dict(found.tags.fields)}
    # JSON knows no infinity.
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in facts.items()}


def _table(found: Description) -> str:
    rows = found.rows()
    width = max(len(name) for name, _ in rows)
    return "\n".join([*(f"{name:{width}}  {text}" for name, text in rows), ""])
