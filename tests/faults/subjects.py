"""What is killed in the middle: installing a model, writing stems, writing a value into the cache."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from spleeter_nb.audio import choose_encoding
from spleeter_nb.cache import CacheManager
from spleeter_nb.engine.targets import Targets, write_together
from spleeter_nb.exceptions import ModelCorruptError, ModelNotFoundError
from spleeter_nb.models.catalog import DATA, MEMBERS
from spleeter_nb.models.installed import MANIFEST
from tests.models.tiny import NAME, Tiny, make_tiny

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import FloatArray

STEMS = ("vocals", "accompaniment")
KEY = "the key"


class Subject(Protocol):
    """Something that a process does in a folder, and that must not be seen half done."""

    def prepare(self, folder: Path) -> None:
        """Make the state from which it begins."""

    def act(self, folder: Path) -> None:
        """Do it, in a process that may be killed."""

    def half_done(self, folder: Path) -> str:
        """Say what is wrong with what somebody finds afterwards; nothing if it is the old or the new."""

    def again(self, folder: Path) -> None:
        """Do it again, which must work."""

    def left(self, folder: Path) -> set[str]:
        """Say what nobody needs and nobody has swept."""


@dataclass(frozen=True)
class Installation:
    """A model is installed where there is none, or a damaged one."""

    tiny: Tiny
    damaged: bool

    def prepare(self, folder: Path) -> None:
        (folder / self.tiny.weights.archive).write_bytes(self.tiny.archive)
        if self.damaged:
            self.act(folder)
            (folder / self.tiny.weights.folder / DATA).write_bytes(b"damage")

    def act(self, folder: Path) -> None:
        self.tiny.manager(folder, auto_download=False).ensure(NAME)

    def half_done(self, folder: Path) -> str:
        with suppress(ModelNotFoundError, ModelCorruptError):
            model = self.tiny.manager(folder, auto_download=False).validate_model(NAME)
            try:
                self.tiny.check(model)
            except AssertionError:
                return "a model that is not the one published is taken for it"
        return ""

    def again(self, folder: Path) -> None:
        self.tiny.check(self.tiny.manager(folder, auto_download=False).ensure(NAME))

    def left(self, folder: Path) -> set[str]:
        known = {f".{self.tiny.weights.folder}.lock", self.tiny.weights.archive, self.tiny.weights.folder}
        return {path.name for path in folder.rglob("*")} - known - {MANIFEST, *MEMBERS}


@dataclass(frozen=True)
class Stems:
    """Stems are written to files, where there are none or older ones."""

    codec: str
    replaced: bool
    template: str = "{instrument}.{codec}"

    def prepare(self, folder: Path) -> None:
        if self.replaced:
            self._write(folder / "song", seed=1)
        for seed in (1, 2):
            self._write(folder.with_suffix(".reference") / str(seed), seed=seed)

    def act(self, folder: Path) -> None:
        self._write(folder / "song", seed=2)

    def half_done(self, folder: Path) -> str:
        song = folder / "song"
        old, new = (self._found(folder.with_suffix(".reference") / str(seed)) for seed in (1, 2))
        # Nobody has looked after it yet: each file must be whole at any time.
        if any(data not in {old[name], new[name]} for name, data in self._found(song).items()):
            return "a file is neither the old one nor the new one"
        targets, paths = self._targets(song)
        targets.missing(paths)
        return "" if self._found(song) in (old if self.replaced else {}, new) else "some of the stems are the new ones"

    def again(self, folder: Path) -> None:
        self.act(folder)
        assert self._found(folder / "song") == self._found(folder.with_suffix(".reference") / "2")

    def left(self, folder: Path) -> set[str]:
        _, paths = self._targets(folder / "song")
        return {str(path) for path in (folder / "song").rglob("*") if path.is_file()} - set(map(str, paths.values()))

    def _targets(self, folder: Path) -> tuple[Targets, dict[str, Path]]:
        # Where there are none, none may be replaced: then files get their names in another way.
        targets = Targets(folder, self.template, self.codec, "overwrite" if self.replaced else "skip")
        return targets, targets.paths("song", STEMS)

    def _found(self, folder: Path) -> dict[str, bytes]:
        _, paths = self._targets(folder)
        return {name: path.read_bytes() for name, path in paths.items() if path.exists()}

    def _write(self, folder: Path, *, seed: int) -> None:
        targets, paths = self._targets(folder)
        stems = {paths[name]: _noise(seed + 10 * STEMS.index(name)) for name in targets.missing(paths)}
        exist_ok = targets.may_replace
        write_together(stems, sample_rate=8000, encoding=choose_encoding(self.codec), exist_ok=exist_ok)


@dataclass(frozen=True)
class Caching:
    """A value is written into the cache by who has the claim, where there is none or an older one."""

    replaced: bool

    def prepare(self, folder: Path) -> None:
        if self.replaced:
            self._write(folder, seed=1)

    def act(self, folder: Path) -> None:
        self._write(folder, seed=2)

    def half_done(self, folder: Path) -> str:
        cache = CacheManager(folder)
        found = cache.lookup(KEY)
        cache.close()
        if found is None:
            return ""
        arrays = found.value.arrays
        whole = [all(np.array_equal(arrays[name], _noise(seed)) for name in STEMS) for seed in (1, 2)]
        return "" if any(whole) else "a value is neither the old one nor the new one"

    def again(self, folder: Path) -> None:
        self.act(folder)
        cache = CacheManager(folder)
        found = cache.lookup(KEY)
        cache.close()
        assert found is not None
        assert all(np.array_equal(found.value.arrays[name], _noise(2)) for name in STEMS)

    def left(self, folder: Path) -> set[str]:
        version = folder / "v1"
        files = {str(path.relative_to(version)) for path in version.rglob("*") if path.is_file()}
        values = {name for name in files if name.startswith("values/")}
        known = {"cache.db", "cache.db-journal", min(values)}
        return files - known

    def _write(self, folder: Path, *, seed: int) -> None:
        cache = CacheManager(folder)
        with cache.claim(KEY, cancel=threading.Event()), cache.recorder(STEMS) as recorder:
            for name in STEMS:
                for block in np.array_split(_noise(seed), 3):
                    recorder.write(name, block)
            recorder.commit(KEY, {"seed": seed})
        cache.close()


def subjects() -> dict[str, Subject]:
    tiny = make_tiny().with_weights(digests={})  # the harder case: no file's digest is known beforehand
    return {
        "a model, none before": Installation(tiny, damaged=False),
        "a model, a damaged one before": Installation(tiny, damaged=True),
        "stems in WAV, none before": Stems("wav", replaced=False),
        "stems in WAV, others before": Stems("wav", replaced=True),
        "stems in folders of their own, others before": Stems("wav", replaced=True, template="{instrument}/song.wav"),
        "stems in FLAC, none before": Stems("flac", replaced=False),
        "stems in FLAC, others before": Stems("flac", replaced=True),
        "a cached value, none before": Caching(replaced=False),
        "a cached value, another before": Caching(replaced=True),
    }


def _noise(seed: int) -> FloatArray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (20_000, 2)).astype(np.float32)


def forget(folder: Path) -> None:
    """Remove all that a subject made."""
    for path in (folder, folder.with_suffix(".reference")):
        shutil.rmtree(path, ignore_errors=True)
