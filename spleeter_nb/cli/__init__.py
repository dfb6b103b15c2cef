"""The command line: ``spleeter-nb``, with the option letters of Spleeter's own."""

from spleeter_nb.cli.program import app, main

__all__ = ["app", "main"]
