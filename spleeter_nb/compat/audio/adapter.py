"""How sound comes in and goes out: an interface that scripts may implement themselves."""

from __future__ import annotations

import functools
import importlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from spleeter_nb.compat.types import AudioDescriptor, Signal

# Where Spleeter's modules are found, whether or not this package bears its name.
_THEIRS, _OURS = "spleeter.", "spleeter_nb.compat."


class AudioAdapter(ABC):
    """Loads songs and saves stems; a class of your own may do so in any way."""

    @abstractmethod
    def load(
        self,
        audio_descriptor: AudioDescriptor,
        offset: float | None = None,
        duration: float | None = None,
        sample_rate: float | None = None,
        dtype: npt.DTypeLike = "float32",
    ) -> Signal:
        """Load a song.

        Parameters
        ----------
        audio_descriptor : object
            What describes it to this adapter: a path, an address, a number.
        offset : float, optional
            Seconds to skip.
        duration : float, optional
            Seconds to load; None: all.
        sample_rate : float, optional
            Hz of the result; None: as the song has it.
        dtype : dtype
            Of the result.

        Returns
        -------
        ndarray, float
            Samples ``(samples, channels)`` with full scale 1.0, and their rate in Hz.
        """

    @abstractmethod
    def save(
        self,
        path: str | Path,
        data: npt.NDArray[np.generic],
        sample_rate: float,
        codec: str | None = None,
        bitrate: str | None = None,
    ) -> None:
        """Save a stem.

        Parameters
        ----------
        path : str or Path
        data : ndarray
            Samples ``(samples, channels)`` with full scale 1.0.
        sample_rate : float
            Hz.
        codec : Codec or str, optional
        bitrate : str, optional
            As ``"128k"``.
        """

    @classmethod
    def default(cls) -> AudioAdapter:
        """Return the adapter of files, always the same one."""
        return _default()

    @classmethod
    def get(cls, descriptor: str | None) -> AudioAdapter:
        """Make an adapter by the name of its class.

        Parameters
        ----------
        descriptor : str, optional
            As ``"package.module.Class"``; ``None`` and ``""`` give the default. Spleeter's own is found by its old
            name, ``"spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter"``.

        Returns
        -------
        AudioAdapter

        Raises
        ------
        ValidationError
            If that is no subclass of `AudioAdapter`.
        ImportError
            If the module cannot be imported.
        """
        if not descriptor:
            return cls.default()
        module, _, name = descriptor.rpartition(".")
        if f"{module}.".startswith(_THEIRS):
            module = _OURS + module.removeprefix(_THEIRS)
        adapter = getattr(importlib.import_module(module), name, None) if module else None
        if not (isinstance(adapter, type) and issubclass(adapter, AudioAdapter)):
            raise ValidationError(
                f"{descriptor!r} is no audio adapter: give 'package.module.Class' of a class that inherits from "
                f"{AudioAdapter.__module__}.AudioAdapter.",
                descriptor=descriptor,
            )
        made: AudioAdapter = adapter()
        return made


@functools.cache
def _default() -> AudioAdapter:
    from spleeter_nb.compat.audio.ffmpeg import FFMPEGProcessAudioAdapter  # noqa: PLC0415 - it inherits from this

    return FFMPEGProcessAudioAdapter()


def get_default_audio_adapter() -> AudioAdapter:
    """Return :meth:`AudioAdapter.default`, as it was called before Spleeter 2.1."""
    return AudioAdapter.default()


def get_audio_adapter(descriptor: str | None) -> AudioAdapter:
    """Return :meth:`AudioAdapter.get`, as it was called before Spleeter 2.1."""
    return AudioAdapter.get(descriptor)
