"""The cache's commands: ``spleeter-nb cache``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

import typer

from spleeter_nb.cli.common import JsonOption, complain, read_config, show
from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from spleeter_nb.cache import CacheManager, CacheStats, Level

app = typer.Typer(help="The cache of stems: what is in it, emptying it, looking for damage.", no_args_is_help=True)

LevelOption = Annotated[str, typer.Option("--level", help="memory, disk or redis; all by default.")]


@app.command()
def stats(*, as_json: JsonOption = False) -> None:
    """Show how much is in each level of the cache."""
    cache = _cache()
    # Redis is asked something: statistics alone do not go there.
    asyncio.run(cache.get("is anybody there", "redis"))
    found = cache.get_cache_stats()
    show(found if as_json else _cache_table(found))
    _exit_if_unreachable(cache)


@app.command()
def clear(*, level: LevelOption = "auto", as_json: JsonOption = False) -> None:
    """Empty the cache."""
    cache = _cache()
    removed = cache.clear(cast("Level", level))
    show(removed if as_json else "\n".join(f"{name}: {count} removed" for name, count in removed.items()))
    _exit_if_unreachable(cache)


@app.command()
def verify(*, as_json: JsonOption = False) -> None:
    """Read everything on disk and in Redis and remove what is damaged; exit with 1 if something was."""
    cache = _cache()
    looked_at = cache.verify()
    lines = [
        f"{name}: {found.checked} looked at, {found.damaged} damaged and removed" for name, found in looked_at.items()
    ]
    show({name: found._asdict() for name, found in looked_at.items()} if as_json else "\n".join(lines))
    _exit_if_unreachable(cache)
    if any(found.damaged for found in looked_at.values()):
        raise typer.Exit(1)


def _cache() -> CacheManager:
    from spleeter_nb.engine.loaded import cache_manager  # noqa: PLC0415 - quick help needs none of it

    cache = cache_manager(read_config(None))
    if cache is None:
        raise ValidationError("The cache is switched off: set SPLEETER_CACHE_ENABLED=true.", setting="cache_enabled")
    return cache


def _exit_if_unreachable(cache: CacheManager) -> None:
    for name, level in cache.get_cache_stats()["levels"].items():
        if level["errors"]:
            complain(f"{name} could not be used ({level['errors']} failures): is it running, and is its address right?")
            raise typer.Exit(1)


def _cache_table(stats: CacheStats) -> str:
    lines = [f"{'':8}{'state':>10}{'values':>10}{'MB':>10}{'limit MB':>10}"]
    for name, level in stats["levels"].items():
        state = "no answer" if level["errors"] else level["state"]
        # Redis keeps its own account.
        sizes = () if name == "redis" else (level["bytes"], level["limit_bytes"])
        entries = "" if name == "redis" else level["entries"]
        lines.append(f"{name:8}{state:>10}{entries:>10}" + "".join(f"{size / 2**20:>10.1f}" for size in sizes))
    return "\n".join(lines)
