"""Execute notebooks and store what came out, small: ``python scripts/notebooks.py [NOTEBOOK ...]``, all by default.

What is stored is what viewers without a kernel show: text, HTML and pictures. Widgets leave their picture, not the
address of a model that is gone; pictures have a palette.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from palette import with_palette

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main(names: list[str]) -> None:
    """Execute and store the notebooks named, or all."""
    paths = [Path(name) for name in names] or sorted(NOTEBOOKS.rglob("[0-9]*.ipynb"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = f"{folder}/config"
        for path in paths:
            # What one notebook has put into a cache must not be what another says that it computed.
            os.environ["SPLEETER_CACHE_DIR"] = f"{folder}/{path.stem}"
            start = time.perf_counter()
            execute(path)
            print(f"{path}: {time.perf_counter() - start:.1f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)


def execute(path: Path) -> None:
    """Execute a notebook in a new kernel and write it back; where a cell fails, nothing is written."""
    notebook = nbformat.read(path, as_version=4)
    options = {"timeout": 300, "record_timing": False, "coalesce_streams": True}
    NotebookClient(notebook, resources={"metadata": {"path": path.parent}}, **options).execute()
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat_minor = 5
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_widget_alone(output)]
            for output in cell.outputs:
                shrink(output)
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def is_widget_alone(output: nbformat.NotebookNode) -> bool:
    """Whether nothing but a name is left of an output when its model is gone: a bar of progress, say."""
    return WIDGET in output.get("data", {}) and output.data.keys() <= {WIDGET, "text/plain"}


def shrink(output: nbformat.NotebookNode) -> None:
    """Take from an output what only a running kernel could use, and give its picture a palette."""
    if "metadata" in output:
        output.metadata = {}
    data = output.get("data", {})
    data.pop(WIDGET, None)
    if picture := data.pop("image/png", None):
        # A widget's page shows its picture already.
        key, page = ("text/html", data["text/html"]) if picture in data.get("text/html", "") else ("image/png", picture)
        small = base64.b64encode(with_palette(base64.b64decode(picture))).decode()
        data[key] = page.replace(picture, small)


if __name__ == "__main__":
    main(sys.argv[1:])
