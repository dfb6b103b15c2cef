"""What all commands share: options, settings, what they print."""

from __future__ import annotations

import json
import logging
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.exceptions import SpleeterError

LOG = logging.getLogger("spleeter_nb")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
OnCorruptOption = Annotated[
    str, typer.Option(help="Of a damaged file: error, or salvage what comes before the damage.")
]
ModelsDirOption = Annotated[Path | None, typer.Option("--models-dir", help="Folder of the models.")]


def read_config(models_dir: Path | None, *, offline: bool = False) -> SpleeterConfig:
    """Read the settings; what the command line says comes first."""
    from spleeter_nb.config import SpleeterConfig  # noqa: PLC0415 - quick help needs none of it

    given: dict[str, Any] = {"models_dir": models_dir} if models_dir else {}
    return SpleeterConfig(**given, **({"auto_download": False} if offline else {}))


def error_report(error: SpleeterError) -> dict[str, Any]:
    """Return an error as JSON has it."""
    # JSON knows no infinity and no NaN.
    context = {
        key: value if isinstance(value, int | None) or (isinstance(value, float) and isfinite(value)) else str(value)
        for key, value in error.context.items()
    }
    return {"type": type(error).__name__, "message": str(error), "context": context}


def show(what: object) -> None:
    """Print text as it is, and all else as JSON."""
    typer.echo(what if isinstance(what, str) else json.dumps(what, indent=2))


def complain(message: str) -> None:
    """Print what is wrong, where errors go."""
    typer.echo(f"Error: {message}", err=True)


def start_logging(*, verbose: bool) -> None:
    """Print warnings, or whatever is done."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    LOG.setLevel(logging.INFO if verbose else logging.WARNING)
