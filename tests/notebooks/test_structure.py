"""What all notebooks have in common, and what is stored in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
TAGS = {"raises-exception", "exercise", "solution", "hide-input"}
KINDS = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png"}
NAMES = [
    "00_start_here",
    "01_quickstart",
    "02_magics",
    "03_stem_player",
    "04_compare_spectrograms",
    "05_batch_and_cache",
    "06_formats_and_tags",
    "07_preprocessing_and_loudness",
    "08_configuration_and_devices",
    "11_from_spleeter",
    "research/30_parameter_study",
    "research/31_robustness",
    "research/32_features_per_stem",
    "research/33_musdb_protocol",
    "teaching/20_stft_and_phase",
    "teaching/21_masks",
    "teaching/22_unet_inside",
    "teaching/23_evaluation",
    "teaching/24_exercises",
    "teaching/24_solutions",
]
CLAIM = re.compile(r"^\s*(assert |check|np\.testing\.assert)|NBVAL_CHECK_OUTPUT", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


@pytest.fixture(params=NOTEBOOKS, ids=name_of)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags_of(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def test_all_are_here() -> None:
    assert sorted(map(name_of, NOTEBOOKS)) == NAMES


def test_it_is_valid_and_needs_only_the_usual_kernel(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    # No state of widgets, above all.
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert all(cell.metadata.keys() <= {"tags"} for cell in notebook.cells)


def test_cells_have_names_that_say_something_and_known_tags(notebook: nbformat.NotebookNode) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in ids), ids
    assert set().union(*map(tags_of, notebook.cells)) <= TAGS


def test_it_begins_with_a_goal_and_ends_with_what_was_learned(notebook: nbformat.NotebookNode) -> None:
    first, last = notebook.cells[0], notebook.cells[-1]
    assert (first.cell_type, last.cell_type) == ("markdown", "markdown")
    assert first.source.startswith("# ")
    assert "**Goal.**" in first.source
    assert last.source.startswith("## What you have learned")


def test_it_asserts_what_it_claims(notebook: nbformat.NotebookNode) -> None:
    assert any(CLAIM.search(cell.source) for cell in code_cells(notebook))


def test_it_is_stored_as_it_ran(notebook: nbformat.NotebookNode) -> None:
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in tags_of(cell)), cell.id


def test_it_shows_pictures(notebook: nbformat.NotebookNode) -> None:
    data = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    assert any("image/png" in kinds or "data:image/png" in kinds.get("text/html", "") for kinds in data)


def test_outputs_are_small_and_hold_neither_sound_nor_widgets(notebook: nbformat.NotebookNode) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert len(json.dumps(output)) < 100_000, cell.id
            assert output.get("data", {}).keys() <= KINDS
            assert "data:audio" not in json.dumps(output), cell.id


def test_nothing_stored_names_a_folder_of_this_machine(notebook: nbformat.NotebookNode) -> None:
    stored = json.dumps([cell.outputs for cell in code_cells(notebook)])
    assert not re.search(re.escape(str(ROOT)) + r"|/home/|/root/|/tmp/|/Users/", stored)


def test_links_lead_somewhere(path: Path, notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
                assert "://" in target or (path.parent / target).exists(), target


def test_music_of_others_comes_with_its_licence(notebook: nbformat.NotebookNode) -> None:
    if any("stempeg" in cell.source for cell in code_cells(notebook)):
        assert any("CC BY-NC-SA 3.0" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_all_together_are_small() -> None:
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 2_000_000
