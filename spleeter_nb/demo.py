"""A song to try things with: it comes with the package, and its true stems are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spleeter_nb.values import FloatArray


@dataclass(frozen=True)
class DemoSong:
    """The demonstration song; wherever a path is taken, it stands for its mixture."""

    path: Path
    """The mixture: FLAC, stereo, 16 bits."""
    sample_rate: int = 44_100
    """Hz, of the mixture and of the references."""

    def __fspath__(self) -> str:
        return str(self.path)

    @cached_property
    def references(self) -> Mapping[str, FloatArray]:
        """The true stems by name, read on first use.

        ``vocals``, ``drums``, ``bass`` and ``other`` are float32 ``(samples, 2)`` in -1 to 1 and cannot be
        written to; their sum is the mixture, exactly. ``accompaniment`` is the sum of the last three.
        """
        stems = {name: self._read(name) for name in ("vocals", "drums", "bass", "other")}
        stems["accompaniment"] = stems["drums"] + stems["bass"] + stems["other"]
        for stem in stems.values():
            stem.flags.writeable = False
        return MappingProxyType(stems)

    def _read(self, name: str) -> FloatArray:
        """Decode one stem whole."""
        from spleeter_nb.engine.stores import read_file  # noqa: PLC0415 - decoders load only when sound is read

        return read_file(self.path.with_name(f"{name}.flac"))


def demo_song() -> DemoSong:
    """Name the demonstration song.

    Returns
    -------
    DemoSong
        16.8 seconds of voice, drums, bass and chords, free of rights (CC0). It can be given to
        ``separate()`` as it is, and its ``references`` to ``result.score()``.

    Notes
    -----
    Nothing is read before ``references`` is asked for.

    Examples
    --------
    >>> song = demo_song()
    >>> list(song.references)
    ['vocals', 'drums', 'bass', 'other', 'accompaniment']
    >>> song.references["vocals"].shape, song.sample_rate
    ((740880, 2), 44100)
    """
    return DemoSong(Path(str(files("spleeter_nb") / "data" / "demo_song" / "mixture.flac")))
