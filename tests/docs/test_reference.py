"""The reference leaves out nothing that one can call or set."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import typer

import spleeter_nb
from spleeter_nb import exceptions
from spleeter_nb.cli import app
from spleeter_nb.config import NOT_YET, SpleeterConfig
from spleeter_nb.config.environment import variable_of
from spleeter_nb.config.tables import YAML_PATHS
from spleeter_nb.magics.options import OPTIONS, SEPARATION
from spleeter_nb.widgets.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.conftest import Site

FOR_THE_HOUSE = {
    "CacheManager.after_fork",
    "CacheManager.claim",
    "CacheManager.lookup",
    "CacheManager.recorder",
    "SeparationJob.in_loop",
    "SeparationJob.run",
    "SpectrogramComparison.analysis",
    "SpleeterConfig.model_post_init",
    "SpleeterConfig.settings_customise_sources",
    "SpleeterEngine.after_fork",
    "StemPlayer.song",
}
"""What other rooms, or libraries, call; how widgets work inside is left out, too."""

NAMES = [name for name in spleeter_nb.__all__ if name != "__version__"]


def members() -> Iterator[str]:
    """Every public method and property of a public class."""
    for name in NAMES:
        value = getattr(spleeter_nb, name)
        for member, what in vars(value).items() if inspect.isclass(value) else ():
            is_called = inspect.isroutine(what) or isinstance(what, property | classmethod)
            is_inner = f"{name}.{member}" in FOR_THE_HOUSE or (member in vars(Bridge) and member != "close")
            if is_called and not member.startswith("_") and not is_inner:
                yield f"{name}.{member}"


def commands(command: Any = None, path: str = "spleeter-nb") -> Iterator[Any]:
    """Every command of the program, with how it is called."""
    command = command or typer.main.get_command(app)
    yield pytest.param(command, path, id=path)
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


def test_every_public_name_has_its_entry(site: Site) -> None:
    ids = set().union(*(page.ids for page in site.pages.values()))
    assert {f"spleeter_nb.{name}" for name in NAMES} <= ids
    assert "__version__" in site.reference("index").text


def test_the_overview_has_every_public_name(site: Site) -> None:
    links = {link.partition("#")[2] for link in site.reference("index").links}
    assert sorted(name for name in NAMES if f"spleeter_nb.{name}" not in links) == []


def test_every_member_has_its_entry(site: Site) -> None:
    wanted = set(members())
    assert len(wanted) > 80
    ids = set().union(*(page.ids for page in site.pages.values()))
    assert sorted(name for name in wanted if f"spleeter_nb.{name}" not in ids) == []


def test_every_error_has_its_entry(site: Site) -> None:
    errors = {name for name, value in vars(exceptions).items() if inspect.isclass(value)}
    ids = site.reference("errors").ids
    assert sorted(name for name in errors if not ids & {f"spleeter_nb.exceptions.{name}", f"spleeter_nb.{name}"}) == []


@pytest.mark.parametrize(("command", "path"), list(commands()))
def test_every_command_tells_its_options(site: Site, command: Any, path: str) -> None:
    text = site.reference("command_line").section(path.replace(" ", "-"))
    assert command.help in text
    for parameter in command.params:
        for flag in (*parameter.opts, *parameter.secondary_opts):
            assert flag in text or getattr(parameter, "hidden", False), flag


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_of_the_magics_is_there(site: Site, option: Any) -> None:
    text = site.reference("magics").section("options")
    assert option.help in text
    for flag in filter(None, [*option.flags, option.opposite]):
        assert flag in text
    for choice in option.choices:
        assert choice in text
    assert (f"%config SeparateMagics.{option.name}" in text) == (option in SEPARATION)


@pytest.mark.parametrize("name", SpleeterConfig.model_fields)
def test_every_setting_tells_its_places(site: Site, name: str) -> None:
    page = site.reference("settings")
    start = page.html.index(f'id="setting-{name.replace("_", "-")}"')
    text = page.html[start : page.html.index("</dd>", start)]
    if variable := variable_of(name):
        assert variable in text
    if path := YAML_PATHS.get(name):
        assert f"spleeter.{path}" in text
    assert ("has no effect" in text) == (name in NOT_YET)


def test_signatures_say_what_widgets_take(site: Site) -> None:
    text = site.reference("widgets").text
    assert "class StemPlayer(stems, *, sample_rate=None, mixture=None, title=None, static='image', **settings)" in text
    assert "*args" not in text
