"""The program: separating songs, and what there is to know of this machine."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spleeter_nb.cli.cache import app as cache_app
from spleeter_nb.cli.common import (
    LOG,
    JsonOption,
    ModelsDirOption,
    OnCorruptOption,
    complain,
    error_report,
    read_config,
    show,
    start_logging,
)
from spleeter_nb.cli.info import info
from spleeter_nb.cli.models import app as models_app
from spleeter_nb.exceptions import SpleeterError, ValidationError

if TYPE_CHECKING:
    import os

    from spleeter_nb.audio import Bitrate
    from spleeter_nb.config import Setting, SpleeterConfig
    from spleeter_nb.engine.result import SeparationResult
    from spleeter_nb.values import Preprocess

# What Spleeter's -a takes by default; another adapter is Python code of Spleeter's that cannot run here.
_SPLEETERS_ADAPTER = "spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter"
# Of Spleeter's commands that are not here: whatever stands behind them, the answer is the same.
_WITH_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="spleeter-nb",
    help="Separate songs into stems with the networks of Deezer's Spleeter.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(models_app, name="models")
app.add_typer(cache_app, name="cache")

OfflineOption = Annotated[bool, typer.Option("--offline", help="Never fetch a model.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Say what is done.")]


def _show_version(*, wanted: bool) -> None:
    if wanted:
        from spleeter_nb._version import __version__  # noqa: PLC0415 - quick help needs none of it

        show(f"spleeter-nb {__version__}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=lambda v: _show_version(wanted=v)),
    ] = False,
) -> None:
    """Separate songs into stems with the networks of Deezer's Spleeter."""
    del version  # the callback has shown it


@app.command()
def separate(  # noqa: PLR0913 - one parameter for each option of the command
    files: Annotated[list[str], typer.Argument(help="The songs: files, folders, or patterns in quotes.")],
    *,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into sub-folders, too.")] = False,
    output_path: Annotated[str, typer.Option("-o", "--output_path", help="Folder of the stems.")] = "separated_audio",
    params_filename: Annotated[
        str, typer.Option("-p", "--params_filename", help="A model's name, or a Spleeter configuration.")
    ] = "spleeter:2stems",
    codec: Annotated[str, typer.Option("-c", "--codec", help="wav, flac, mp3, ogg, m4a or wma.")] = "wav",
    bitrate: Annotated[
        str | None, typer.Option("-b", "--bitrate", help="Of mp3, ogg, m4a and wma, as in 128k.")
    ] = None,
    bit_depth: Annotated[
        str | None, typer.Option("--bit-depth", help="Of wav and flac: 16, 24, 32 or float; by default 16.")
    ] = None,
    offset: Annotated[float, typer.Option("-s", "--offset", help="Seconds to skip.")] = 0.0,
    duration: Annotated[
        float | None, typer.Option("-d", "--duration", help="Seconds to separate; all by default.")
    ] = None,
    filename_format: Annotated[
        str, typer.Option("-f", "--filename_format", help="Path of a stem below the output folder.")
    ] = "{filename}/{instrument}.{codec}",
    adapter: Annotated[str, typer.Option("-a", "--adapter", hidden=True)] = _SPLEETERS_ADAPTER,
    inputs: Annotated[bool, typer.Option("-i", "--inputs", hidden=True)] = False,
    mwf: Annotated[bool, typer.Option("--mwf", help="Refine with the multichannel Wiener filter.")] = False,
    precision: Annotated[str, typer.Option(help="float32 (exact) or bfloat16 (fast).")] = "float32",
    device: Annotated[str, typer.Option(help="auto, cpu, gpu or cuda:0.")] = "auto",
    overlap: Annotated[float, typer.Option(help="Of neighbouring segments, 0 to 0.5.")] = 0.0,
    mask_extension: Annotated[
        str | None, typer.Option(help="zeros or average above the model's band; by default the model's own.")
    ] = None,
    residual: Annotated[
        str | None, typer.Option(help="Where sound goes that no stem took: 'stem', or a stem's name.")
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(help="Done to songs before, as in remove_dc,high_pass=30,loudness=-23; or nothing.")
    ] = None,
    stem_mp4: Annotated[
        bool, typer.Option("--stem-mp4", help="Write mixture and stems to one .stem.mp4, too, as DJ programs play it.")
    ] = False,
    on_exist: Annotated[str, typer.Option(help="overwrite, skip or error.")] = "overwrite",
    on_corrupt: OnCorruptOption = "error",
    nonfinite: Annotated[str, typer.Option(help="Of values that are no numbers or no sound: zero or error.")] = "zero",
    cache: Annotated[bool, typer.Option(help="Take stems from the cache, and put new ones there.")] = True,
    models_dir: ModelsDirOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no summary.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Separate songs into stems and write them to files; a second run does only what is missing."""
    start_logging(verbose=verbose)
    options = {
        "output_dir": output_path,
        "codec": codec,
        "bit_depth": int(bit_depth) if bit_depth and bit_depth.isdecimal() else bit_depth,
        "bitrate": _needed_bitrate(codec, bitrate),
        "offset": offset,
        "duration": duration,
        "filename_format": filename_format,
        "wiener": mwf,
        "precision": precision,
        "device": device,
        "overlap": overlap,
        "mask_extension": mask_extension,
        "residual": residual,
        "preprocess": _preprocess(preprocess),
        "on_exist": on_exist,
        "on_corrupt": on_corrupt,
        "nonfinite": nonfinite,
        "cache": cache,
        "progress": not quiet and not as_json,
    }
    _check_spleeters_own(adapter=adapter, inputs=inputs)
    if quiet:
        LOG.setLevel(logging.ERROR)
    config = read_config(models_dir, offline=offline)
    try:
        outcomes = asyncio.run(_batch(files, params_filename, options, config=config, recursive=recursive))
        stem_files = [_stem_file(outcome, options) for outcome in outcomes] if stem_mp4 else []
    except KeyboardInterrupt:
        complain(f"interrupted; what is finished lies in {output_path}. The same command again does the rest.")
        raise typer.Exit(130) from None
    _end(outcomes, stem_files, as_json=as_json, quiet=quiet)


app.command()(info)


@app.command()
def devices(*, as_json: JsonOption = False) -> None:
    """Show what could compute here, and what is taken."""
    from spleeter_nb.net.devices import devices as find_devices  # noqa: PLC0415 - quick help needs none of it

    found = find_devices()
    show({"devices": found.rows(), "auto": asdict(found.auto)} if as_json else repr(found))


@app.command()
def doctor(*, models_dir: ModelsDirOption = None, as_json: JsonOption = False) -> None:
    """Look whether everything is there that a separation needs; exit with 1 if not."""
    from spleeter_nb.engine.doctor import examine  # noqa: PLC0415 - quick help needs none of it

    checks = examine(read_config(models_dir))
    lines = [f"{'ok ' if check.good else 'BAD'}  {check.name:24} {check.detail}" for check in checks]
    show([asdict(check) for check in checks] if as_json else "\n".join(lines))
    if not all(check.good for check in checks):
        raise typer.Exit(1)


@app.command()
def demo(
    *,
    output_path: Annotated[str, typer.Option("-o", "--output_path", help="Folder of the stems.")] = "demo_stems",
    precision: Annotated[str, typer.Option(help="float32 (exact) or bfloat16 (fast).")] = "float32",
    models_dir: ModelsDirOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Separate the demonstration song and compare the stems with the true ones."""
    from spleeter_nb.demo import demo_song  # noqa: PLC0415 - quick help needs none of it

    start_logging(verbose=not as_json)
    song = demo_song()
    options = {
        "output_dir": output_path,
        "filename_format": "{instrument}.{codec}",
        "precision": precision,
        "progress": not as_json,
    }
    result = _separated(song, "spleeter:2stems", options, read_config(models_dir, offline=offline))
    scores = result.score({name: song.references[name] for name in result})
    show(_report(result) | {"scores": scores} if as_json else f"{_summary(result)}\n{_score_table(scores)}")


@app.command()
def config(*, as_json: JsonOption = False) -> None:
    """Show each setting, and where its value comes from."""
    settings = read_config(None).explain()
    show([asdict(setting) for setting in settings] if as_json else _settings_table(settings))


@app.command("app")
def serve_app(
    *,
    root: Annotated[Path, typer.Option(help="The folder of songs, and of stems that are written.")] = Path(),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens, on 127.0.0.1.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = True,
) -> None:
    """Serve the application to this machine's browsers; Ctrl-C ends it."""
    from spleeter_nb.widgets.voila import serve  # noqa: PLC0415 - quick help needs none of it

    raise typer.Exit(serve(root, port=port, open_browser=browser))


@app.command(hidden=True, context_settings=_WITH_ANYTHING)
def train() -> None:
    """Say that Spleeter trains, and this program does not."""
    raise ValidationError("'train' is not here: train with Spleeter, then give the model's configuration to -p.")


@app.command(hidden=True, context_settings=_WITH_ANYTHING)
def evaluate() -> None:
    """Say what takes the place of evaluation as in Spleeter."""
    raise ValidationError("'evaluate' is not here: in Python, result.score(references, bsseval=True) does it.")


def main() -> None:
    """Run the command line; the exit code is 0 only if everything worked."""
    try:
        app(prog_name="spleeter-nb")
    except SpleeterError as error:
        if "--json" in sys.argv:
            show({"error": error_report(error)})
        else:
            complain(str(error))
        sys.exit(1)


def _separated(
    source: str | os.PathLike[str], model_name: str, options: dict[str, Any], config: SpleeterConfig
) -> SeparationResult:
    from spleeter_nb.engine.separation import separate_with  # noqa: PLC0415 - quick help needs none of it

    return separate_with(config, source, model_name, **options)


async def _batch(
    files: list[str], model_name: str, options: dict[str, Any], *, config: SpleeterConfig, recursive: bool
) -> list[SeparationResult | SpleeterError]:
    from spleeter_nb.engine.engine import SpleeterEngine  # noqa: PLC0415 - quick help needs none of it

    async with SpleeterEngine(config) as engine:
        return await engine.batch_separate(files, model_name, recursive=recursive, **options)


def _end(
    outcomes: list[SeparationResult | SpleeterError],
    stem_files: list[Path | SpleeterError | None],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Tell what became of the songs, and exit with 1 if something failed."""
    failed = [outcome for outcome in (*outcomes, *stem_files) if isinstance(outcome, SpleeterError)]
    if as_json:
        show([_report(*pair) for pair in zip_longest(outcomes, stem_files)])
    for error in failed:
        song = str(error.context.get("song", ""))
        complain(f"{song if song.isprintable() else repr(song)}: {error}" if song else str(error))
    if not as_json and not quiet:
        for outcome in outcomes:
            if not isinstance(outcome, SpleeterError):
                show(_summary(outcome))
        for path in stem_files:
            if isinstance(path, Path):
                show(str(path))
        if len(outcomes) > 1:
            show(f"{len(outcomes)} songs: {len(outcomes) - len(failed)} done, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


def _stem_file(outcome: SeparationResult | SpleeterError, options: dict[str, Any]) -> Path | SpleeterError | None:
    """Write the stem file of a song, if it was separated; return where it lies, or what is wrong with it."""
    from spleeter_nb.engine.options import parse_options  # noqa: PLC0415 - quick help needs none of it
    from spleeter_nb.engine.stem_mp4 import save_beside_stems  # noqa: PLC0415 - as above

    if isinstance(outcome, SpleeterError):
        return None
    try:
        return save_beside_stems(outcome, parse_options(options))
    except SpleeterError as error:
        error.context["song"] = outcome.origin
        return error


def _check_spleeters_own(*, adapter: str, inputs: bool) -> None:
    if inputs:
        LOG.warning("-i has no effect: name the songs without it, as in Spleeter since 2.1.")
    if adapter != _SPLEETERS_ADAPTER:
        raise ValidationError(
            f"The adapter {adapter!r} is Python code, which the command does not run: leave -a out, or use "
            "spleeter_nb.compat.separator.Separator in Python.",
            adapter=adapter,
        )


def _preprocess(text: str | None) -> Preprocess | None:
    from spleeter_nb.engine.options import parse_preprocess  # noqa: PLC0415 - quick help needs none of it

    return None if text is None else parse_preprocess(text)


def _needed_bitrate(codec: str, bitrate: str | None) -> Bitrate | None:
    """Leave out a bit rate where there is none to choose: Spleeter takes it in silence, and scripts give it."""
    from spleeter_nb.audio import fitting_bitrate  # noqa: PLC0415 - quick help needs none of it

    needed = fitting_bitrate(codec, bitrate)
    if bitrate and needed is None:
        LOG.warning("-b %s has no effect: %s has no bitrate to choose.", bitrate, codec)
    return needed


def _report(result: SeparationResult | SpleeterError, stem_file: Path | SpleeterError | None = None) -> dict[str, Any]:
    if isinstance(result, SpleeterError):
        return {"source": result.context.get("song"), "error": error_report(result)}
    return {
        "source": result.origin,
        "model": result.model_name,
        "stems": {name: str(stem.path) for name, stem in result.items()},
        "stem_mp4": error_report(stem_file) if isinstance(stem_file, SpleeterError) else stem_file and str(stem_file),
        "duration": result.duration,
        "seconds": result.seconds,
        "timings": dict(result.timings),
        "x_realtime": result.x_realtime if result.runtime else None,
        "runtime": asdict(result.runtime) if result.runtime else None,
        "cache_level": result.cache_level,
        "preparation": asdict(result.preparation) if result.preparation else None,
        "notes": result.notes,
    }


def _summary(result: SeparationResult) -> str:
    lines = [str(stem.path) for stem in result.values()]
    if result.runtime is None or result.cache_level:
        head = f"{result.how[0].upper()}{result.how[1:]}:"
    else:
        head = f"{result.how} (model loaded in {result.timings['load']:.1f} s)"
    return "\n".join([head, *lines])


def _settings_table(settings: list[Setting]) -> str:
    rows = [(setting.name, setting.value, setting.origin, setting.note or "") for setting in settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}{f' ({note})' if note else ''}"
        for name, value, origin, note in rows
    )


def _score_table(scores: dict[str, dict[str, float]]) -> str:
    kinds = list(next(iter(scores.values())))
    lines = [f"{'dB':16}" + "".join(f"{kind:>10}" for kind in kinds)]
    lines += [f"{name:16}" + "".join(f"{values[kind]:10.1f}" for kind in kinds) for name, values in scores.items()]
    return "\n".join(lines)
