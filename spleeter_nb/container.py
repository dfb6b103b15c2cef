"""What the container of this process may take: who asks the machine hears of the whole host.

Linux limits processes by groups of them: in version 2 by files of one tree, in version 1 by a tree for each resource.
A group has at most what each group above it has. Inside of a container its own group often is the root of the tree,
while the path that the process is told is still the host's: hence all groups on the way up are looked at, if there.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")

# What version 1 says without a limit is about twice as large.
_UNLIMITED = 1 << 62


def cores(groups: Path = _GROUPS, own_groups: Path = _OWN_GROUPS) -> int:
    """Return how many cores this process may use, at least 1.

    Parameters
    ----------
    groups : Path
        Where the trees of groups are mounted.
    own_groups : Path
        Tells the groups of this process: lines of ``number:resources:path``.

    Returns
    -------
    int
        The cores it may run on, or fewer where its container has a quota of time on them; a part of a core counts
        as one.
    """
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = []
    for folder in _folders("cpu", groups, own_groups):
        numbers = _numbers(folder, "cpu.max") or _numbers(folder, "cpu.cfs_quota_us", "cpu.cfs_period_us")
        if numbers and numbers[0] > 0:  # version 1 says -1 where there is none
            quotas.append(math.ceil(numbers[0] / numbers[1]))
    return min([here, *quotas])


def memory_limit(groups: Path = _GROUPS, own_groups: Path = _OWN_GROUPS) -> int | None:
    """Return how much memory the container of this process may take.

    Parameters
    ----------
    groups, own_groups : Path
        As in :func:`cores`.

    Returns
    -------
    int or None
        Bytes, for all processes of the container together; None without a limit.
    """
    names = ("memory.max", "memory.limit_in_bytes")
    told = [_numbers(folder, name) for folder in _folders("memory", groups, own_groups) for name in names]
    return min((limit for limits in told for limit in limits if limit < _UNLIMITED), default=None)


def _folders(resource: str, groups: Path, own_groups: Path) -> Iterator[Path]:
    """Find where limits of a resource may stand, of either version, whether it is there or not."""
    lines = own_groups.read_text().splitlines() if own_groups.exists() else []
    for line in lines:
        _, resources, path = line.split(":", 2)
        if not resources or resource in resources.split(","):
            group = PurePosixPath(path.lstrip("/"))
            for folder in (group, *group.parents):
                if ".." not in folder.parts:  # a group outside of what this process may see
                    yield (groups / resource if resources else groups) / folder


def _numbers(folder: Path, *names: str) -> list[int]:
    """Return the numbers in files; none where a file is missing, or says that there is no limit."""
    with suppress(OSError, ValueError):
        return [int(word) for name in names for word in (folder / name).read_text().split()]
    return []
