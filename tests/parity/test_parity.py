"""Our stems against those of the real Spleeter 2.4.2, which `scripts/parity_reference.py` stored here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import spleeter_nb

DATA = Path(__file__).parent / "data"
CASES: dict[str, dict[str, Any]] = json.loads((DATA / "cases.json").read_text())
TOLERANCE = 1e-4


def load(path: Path, key: str) -> npt.NDArray[np.float32]:
    with np.load(path) as arrays:
        return np.asarray(arrays[key])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases in a folder where the engine may leave what it makes of a checkpoint."""
    return shutil.copytree(DATA, tmp_path_factory.mktemp("parity") / "data")


@pytest.mark.parametrize(
    ("case", "source"), [(case, source) for case, table in CASES.items() for source in table["inputs"]]
)
def test_stems_equal_those_of_spleeter(models: Path, case: str, source: str) -> None:
    samples = load(DATA / "input.npz", source)
    expected = load(DATA / case / "reference.npz", source)
    config = json.loads((DATA / case / "config.json").read_text())

    result = spleeter_nb.separate(
        samples,
        str(models / case / "config.json"),
        sample_rate=config["sample_rate"],
        wiener=CASES[case]["mwf"],
        progress=False,
    )

    assert list(result) == config["instrument_list"]
    stems = np.stack([result[name].samples for name in config["instrument_list"]])
    assert stems.shape == expected.shape
    assert stems.dtype == np.float32
    assert np.abs(stems - expected).max() < TOLERANCE
