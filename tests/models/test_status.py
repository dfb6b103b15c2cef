"""What is said of the models without fetching any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.models.catalog import CATALOG, DATA, INDEX, CatalogEntry
from spleeter_nb.models.store import ModelManager
from tests.models.tiny import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.models.status import ModelStatus
    from tests.models.tiny import Tiny


def only(manager: ModelManager, *, verify: bool = False) -> ModelStatus:
    (status,) = manager.available(verify=verify)
    return status


def test_where_nothing_is_everything_can_be_had(tmp_path: Path) -> None:
    statuses = ModelManager(tmp_path / "none", release="v9").available()
    assert [status.name for status in statuses] == list(CATALOG)
    assert [status.band_limit for status in statuses] == [11_025, 16_537.5] * 3
    assert [len(status.instruments) for status in statuses] == [2, 2, 4, 4, 5, 5]
    assert [status.download_size for status in statuses] == [73_109_797] * 2 + [None] * 4
    assert {(status.sample_rate, status.installed, status.size, status.problem) for status in statuses} == {
        (44_100, False, None, None)
    }
    assert {status.version for status in statuses} == {"v9"}
    assert statuses[0].folder == tmp_path / "none" / "2stems"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("copied", [False, True])
def test_a_model_that_is_here_is_said_to_be(tiny: Tiny, tmp_path: Path, *, copied: bool, verify: bool) -> None:
    tiny.write_files(tmp_path / "tiny")
    manager = tiny.manager(tmp_path)
    if not copied:
        manager.ensure(NAME)
    status = only(manager, verify=verify)
    assert (status.installed, status.version, status.problem) == (True, "v1.4.0", None)
    assert status.size == manager.validate_model(NAME).size
    assert status.folder == tmp_path / "tiny"


def test_weights_that_nothing_is_known_of_have_an_unknown_version(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    assert only(tiny.with_weights(digests={}).manager(tmp_path)).version == "unknown"


@pytest.mark.parametrize(
    ("damage", "problem", "size"),
    [
        (b"", "is empty", 500),
        (b"short", "has 5 bytes, expected 400,000", 505),
        (None, f"lacks {DATA}", None),
    ],
)
def test_damage_that_sizes_tell_is_told_at_once(
    tiny: Tiny, tmp_path: Path, damage: bytes | None, problem: str, size: int | None
) -> None:
    tiny.write_files(tmp_path / "tiny")
    manager = tiny.manager(tmp_path)
    manager.ensure(NAME)
    data = tmp_path / "tiny" / DATA
    data.unlink()
    if damage is not None:
        data.write_bytes(damage)
    for status in (only(manager), only(manager, verify=True)):
        assert not status.installed
        assert status.problem
        assert status.size == size
    assert problem in (only(manager).problem or "")


def test_other_damage_is_found_when_asked_for(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write_files(tmp_path / "tiny")
    (tmp_path / "tiny" / INDEX).write_bytes(bytes(500))
    manager = tiny.manager(tmp_path)
    assert only(manager).installed
    status = only(manager, verify=True)
    assert not status.installed
    assert "is damaged: its SHA-256" in (status.problem or "")


def test_what_cannot_be_looked_at_is_a_problem(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / DATA).symlink_to(DATA)
    status = only(tiny.manager(tmp_path))
    assert (status.installed, status.size) == (False, None)
    assert "lacks" in (status.problem or "")


def test_names_that_share_weights_are_looked_at_once(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tiny.catalog[NAME]
    wide = CatalogEntry(replace(entry.spec, name="test:wide", n_bins=1536), entry.weights)
    manager = ModelManager(tmp_path, catalog={NAME: entry, "test:wide": wide})
    tiny.write_files(tmp_path / "tiny")
    hashed: list[Path] = []
    from spleeter_nb.models import installed  # noqa: PLC0415 - patched below

    read = installed.read_record
    monkeypatch.setattr(installed, "read_record", lambda path: (hashed.append(path), read(path))[1])
    assert [status.name for status in manager.available()] == [NAME, "test:wide"]
    assert hashed == []
    assert [status.installed for status in manager.available(verify=True)] == [True, True]
    assert [path.name for path in hashed] == [INDEX, DATA]
    hashed.clear()
    models = manager.list_local_models()
    assert [model.spec for model in models] == [entry.spec, wide.spec]
    assert [path.name for path in hashed] == [INDEX, DATA]
