"""The models' commands: ``spleeter-nb models``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spleeter_nb.cli.common import JsonOption, ModelsDirOption, read_config, show, start_logging

if TYPE_CHECKING:
    from spleeter_nb.config import SpleeterConfig
    from spleeter_nb.models import InstalledModel, ModelManager

app = typer.Typer(help="The models: what is here, and fetching more.", invoke_without_command=True)


@app.callback()
def list_models(context: typer.Context, *, models_dir: ModelsDirOption = None, as_json: JsonOption = False) -> None:
    """List the models and whether they are installed."""
    if context.invoked_subcommand:
        return
    manager = _manager(read_config(models_dir))
    installed = {model.spec.name: model for model in manager.list_local_models()}
    rows = {name: str(installed[name].folder) if name in installed else None for name in manager.names}
    lines = [f"{name:24} {folder or 'not installed'}" for name, folder in rows.items()]
    show(rows if as_json else "\n".join(lines))


@app.command()
def download(
    name: str,
    *,
    force: Annotated[bool, typer.Option("--force", help="Fetch it even if it is here.")] = False,
    models_dir: ModelsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a model."""
    from spleeter_nb.engine.progress import Reporter  # noqa: PLC0415 - quick help needs none of it

    start_logging(verbose=not as_json)
    manager = _manager(read_config(models_dir))
    reporter = Reporter(not as_json, name=name)
    try:
        model = asyncio.run(manager.download_model(name, force=force, progress=reporter.forward))
    finally:
        reporter.close()
    show(_model_report(name, model) if as_json else f"{name} is in {model.folder}.")


@app.command()
def validate(name: str, *, models_dir: ModelsDirOption = None, as_json: JsonOption = False) -> None:
    """Hash the files of a model and compare."""
    model = _manager(read_config(models_dir)).validate_model(name)
    show(_model_report(name, model) if as_json else f"{name} in {model.folder} is intact.")


def _manager(config: SpleeterConfig) -> ModelManager:
    from spleeter_nb.engine.loaded import model_manager  # noqa: PLC0415 - quick help needs none of it

    return model_manager(config)


def _model_report(name: str, model: InstalledModel) -> dict[str, Any]:
    return {"model": name, "folder": str(model.folder), "source": model.source, "digest": model.weights_digest}
