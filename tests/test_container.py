from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.container import cores, memory_limit

if TYPE_CHECKING:
    from pathlib import Path

ALL_CORES = len(os.sched_getaffinity(0))
V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n"
V1_OF_ITS_OWN = "4:memory:/\n2:cpu:/\n"
V2 = "0::/kubepods/pod/abc\n"
V2_OF_ITS_OWN = "0::/\n"


def told(folder: Path, own_groups: str, files: dict[str, str]) -> tuple[Path, Path]:
    groups, own = folder / "cgroup", folder / "self"
    groups.mkdir()
    own.write_text(own_groups)
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(f"{text}\n")
    return groups, own


def v1_quota(folder: str, quota: str) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000"}


@pytest.mark.parametrize(
    ("own_groups", "files", "expected"),
    [
        pytest.param(V2_OF_ITS_OWN, {"cpu.max": "100000 100000"}, 1, id="v2"),
        pytest.param(V2_OF_ITS_OWN, {"cpu.max": "max 100000"}, ALL_CORES, id="v2_without_quota"),
        pytest.param(V2, {"kubepods/cpu.max": "50000 100000"}, 1, id="v2_half_a_core_above"),
        pytest.param(
            V2,
            {"kubepods/pod/abc/cpu.max": "max 100000", "kubepods/pod/cpu.max": "100000 100000"},
            1,
            id="v2_above_one_without",
        ),
        pytest.param(V2_OF_ITS_OWN, {"cpu.max": "99900000 100000"}, ALL_CORES, id="v2_more_than_there_is"),
        pytest.param(V1, v1_quota("cpu/docker/abc", "100000"), 1, id="v1_of_the_host"),
        pytest.param(V1, v1_quota("cpu", "100000"), 1, id="v1_seen_from_inside"),
        pytest.param(V1_OF_ITS_OWN, v1_quota("cpu", "-1"), ALL_CORES, id="v1_without_quota"),
        pytest.param("0::/../../other\n", {"../cpu.max": "100000 100000"}, ALL_CORES, id="a_group_out_of_sight"),
        pytest.param(V2, {}, ALL_CORES, id="nothing_told"),
        pytest.param(V2_OF_ITS_OWN, {"cpu.max": ""}, ALL_CORES, id="empty"),
    ],
)
def test_cores(own_groups: str, files: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert cores(*told(tmp_path, own_groups, files)) == expected


def test_parts_of_a_core_count_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    assert cores(*told(tmp_path, V2_OF_ITS_OWN, {"cpu.max": "150000 100000"})) == 2


@pytest.mark.parametrize(
    ("own_groups", "files", "expected"),
    [
        pytest.param(V2_OF_ITS_OWN, {"memory.max": "1000000000"}, 10**9, id="v2"),
        pytest.param(V2_OF_ITS_OWN, {"memory.max": "max"}, None, id="v2_without_limit"),
        pytest.param(
            V2, {"kubepods/memory.max": "2000", "kubepods/pod/abc/memory.max": "3000"}, 2000, id="v2_less_above"
        ),
        pytest.param(V1, {"memory/docker/abc/memory.limit_in_bytes": "5000"}, 5000, id="v1_of_the_host"),
        pytest.param(V1, {"memory/memory.limit_in_bytes": "5000"}, 5000, id="v1_seen_from_inside"),
        pytest.param(
            V1_OF_ITS_OWN, {"memory/memory.limit_in_bytes": "9223372036854771712"}, None, id="v1_without_limit"
        ),
        pytest.param(V2, {}, None, id="nothing_told"),
    ],
)
def test_memory_limit(own_groups: str, files: dict[str, str], expected: int | None, tmp_path: Path) -> None:
    assert memory_limit(*told(tmp_path, own_groups, files)) == expected


def test_a_system_without_groups(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert cores(nowhere, nowhere) == ALL_CORES
    assert memory_limit(nowhere, nowhere) is None
