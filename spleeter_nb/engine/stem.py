"""One stem of a song, as a value."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.engine.targets import write_one
from spleeter_nb.values import NO_TAGS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from types import ModuleType

    import numpy.typing as npt

    from spleeter_nb.audio import BitDepth, Bitrate
    from spleeter_nb.values import FloatArray, Tags
    from spleeter_nb.widgets.player import StemPlayer

_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class Stem:
    """One stem of a song: a name, a rate, samples.

    Where an array is taken, it stands for its samples.

    Examples
    --------
    >>> import numpy as np
    >>> import spleeter_nb as snb
    >>> stem = snb.separate(snb.demo_song(), duration=2, progress=False).vocals
    >>> stem
    Stem('vocals', 2.00 s, 44100 Hz)
    >>> np.mean(stem, axis=0).shape
    (2,)
    """

    name: str
    sample_rate: int
    """Hz, the source's own, unless the setting `default_sample_rate` says otherwise."""
    frames: int
    """Samples per channel: it is as long as the source."""
    _load: Callable[[], FloatArray]
    path: Path | None = None
    """The file it was written to, None for a stem in memory."""
    _read: Callable[[], Generator[FloatArray]] | None = None
    _load_tags: Callable[[], Tags] | None = None

    @functools.cached_property
    def samples(self) -> FloatArray:
        """float32 (frames, 2), read-only, since the cache may share them; full scale is 1.0.

        A long stem is mapped from a temporary file. One that was written to a file is read back from there when
        first asked for, with the depth that the file has.
        """
        samples = self._load()
        samples.flags.writeable = False
        return samples

    def blocks(self) -> Generator[FloatArray]:
        """Yield the samples in blocks of some length, float32 (…, 2); those that lie in a file are not kept."""
        if self._read is None or "samples" in self.__dict__:
            yield from in_blocks(self.samples)
        else:
            yield from self._read()

    @property
    def tags(self) -> Tags:
        """Those of its song; empty where that is not known."""
        return self._load_tags() if self._load_tags else NO_TAGS

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        codec: str | None = None,
        bit_depth: BitDepth | None = None,
        bitrate: Bitrate | None = None,
    ) -> Path:
        """Write this stem to a file, with the tags of its song.

        Parameters
        ----------
        path : str or PathLike
            Written atomically; what was there is replaced. A leading ``~`` is the home folder.
        codec : str, optional
            ``wav``, ``flac``, ``mp3``, ``ogg``, ``m4a`` or ``wma``; by default what the path ends in.
        bit_depth : 16, 24, 32 or "float", optional
            Of ``wav`` and ``flac``; 16 by default.
        bitrate : int or str, optional
            Of the others: bits a second, or as in ``"128k"``.

        Returns
        -------
        Path
            Where it lies now.
        """
        return write_one(
            path,
            self.samples,
            sample_rate=self.sample_rate,
            codec=codec,
            bit_depth=bit_depth,
            bitrate=bitrate,
            tags=self.tags,
        )

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001 - NumPy's protocol
        return np.array(self.samples, dtype, copy=copy)

    def __len__(self) -> int:
        return self.frames

    def player(self, **options: Any) -> StemPlayer:
        """Return a player of this stem; `options` are those of :class:`spleeter_nb.StemPlayer`."""
        made: StemPlayer = displays().player(self, **options)
        return made

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        shown: tuple[dict[str, Any], dict[str, Any]] = displays().bundle(self)
        return shown

    def __repr__(self) -> str:
        place = f", path='{self.path}'" if self.path else ""
        return f"Stem('{self.name}', {self.duration:.2f} s, {self.sample_rate} Hz{place})"


def in_blocks(samples: FloatArray) -> Iterator[FloatArray]:
    """Cut float32 (frames, 2) into blocks, without a copy."""
    return (samples[start : start + _BLOCK_FRAMES] for start in range(0, len(samples), _BLOCK_FRAMES))


def displays() -> ModuleType:
    """Return what shows results and jobs: the one way up to the faces, taken when somebody wants to see them."""
    from spleeter_nb.widgets import displays  # noqa: PLC0415 - see above

    return displays
