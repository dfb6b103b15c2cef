"""The table of options agrees with the command line, and with what the engine takes."""

from __future__ import annotations

from dataclasses import fields

import typer.main

from spleeter_nb.cli import app
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.engine.options import Options
from spleeter_nb.magics.options import FLAGS, OPTIONS, SEPARATION, help_text

# -a has no effect, -i is of old; the others are for terminals.
ONLY_OF_THE_COMMAND_LINE = {"-a", "--adapter", "-i", "--inputs", "--json", "--verbose", "-h", "--help"}
OF_THE_MAGIC = {"recursive", "var", "quiet", "model", "spectrograms", "stem_mp4"}


def test_the_command_line_is_spelled_alike() -> None:
    command = typer.main.get_command(app).commands["separate"]  # type: ignore[attr-defined]
    for parameter in command.params:
        flags = {*parameter.opts, *parameter.secondary_opts} - ONLY_OF_THE_COMMAND_LINE
        for flag in flags if parameter.param_type_name == "option" else ():
            assert flag in FLAGS
            assert bool(FLAGS[flag].metavar) is not parameter.is_flag
            assert FLAGS[flag] is FLAGS[parameter.opts[0]]


def test_every_option_of_a_separation_is_there() -> None:
    names = {option.name for option in OPTIONS}
    assert {field.name for field in fields(Options)} <= names
    assert names <= {field.name for field in fields(Options)} | SpleeterConfig.model_fields.keys() | OF_THE_MAGIC


def test_no_setting_has_the_name_of_an_option() -> None:
    assert not {option.name for option in SEPARATION} & SpleeterConfig.model_fields.keys()


def test_help_explains_every_option() -> None:
    text = help_text()
    assert "%separate song.mp3" in text
    assert "float32 (exact) or bfloat16 (fast) (default:" in text
    for flag in FLAGS:
        assert f"{flag}" in text
    assert max(map(len, text.splitlines())) <= 88
