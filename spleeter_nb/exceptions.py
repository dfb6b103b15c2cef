"""Every error that a public call can raise.

::

    SpleeterError
    ├── ValidationError (ValueError)         an argument is wrong
    │   └── UnknownOptionError               no option has that name
    ├── AudioProcessingError                 the sound cannot be read
    │   ├── AudioNotFoundError (FileNotFoundError)
    │   ├── NotARegularFileError
    │   ├── EmptyAudioError
    │   ├── UnsupportedFormatError
    │   ├── CorruptAudioError
    │   │   └── TruncatedAudioError
    │   ├── AudioLimitError
    │   └── AudioChangedError
    ├── ModelError                           the network cannot be had
    │   ├── UnknownModelError (ValueError)
    │   ├── UnsupportedModelError
    │   ├── ModelNotFoundError (FileNotFoundError)
    │   ├── ModelDownloadError
    │   └── ModelCorruptError
    │       └── ModelChecksumError
    ├── DeviceError (RuntimeError)           a device cannot do the work
    │   └── DeviceMemoryError
    ├── StorageError (OSError)               a result cannot be stored
    │   ├── DiskFullError
    │   └── OutputExistsError
    ├── SeparationCancelledError             somebody asked to stop
    ├── EngineClosedError (RuntimeError)     the engine takes no more work
    └── MissingDependencyError (ImportError) an optional library is not installed

Each message says what came, what is allowed and what to do next; ``.context`` holds the same facts as a
dictionary.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class SpleeterError(Exception):
    """The root of all errors of this package.

    Parameters
    ----------
    message : str
        What happened, what is allowed, what to do next.
    **context : object
        The facts of the message, by name.

    Attributes
    ----------
    context : dict
        The facts of the message, by name.

    Examples
    --------
    >>> import spleeter_nb as snb
    >>> try:
    ...     snb.separate("song.mp3", overlap=0.9)
    ... except snb.SpleeterError as error:
    ...     print(f"{type(error).__name__}: {error}")
    ValidationError: overlap is 0.9; allowed: 0 to 0.5 of a segment.
    """

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.context = context


class ValidationError(SpleeterError, ValueError):
    """An argument or a setting is outside what is allowed."""


class UnknownOptionError(ValidationError, TypeError):
    """A keyword that no option has; the message names the nearest one."""


class AudioProcessingError(SpleeterError):
    """A source cannot be read as sound, or sound cannot be processed."""


class AudioNotFoundError(AudioProcessingError, FileNotFoundError):
    """There is no file at that path."""


class NotARegularFileError(AudioProcessingError):
    """The path leads to a folder, a pipe, a socket, a device or a loop of links."""


class EmptyAudioError(AudioProcessingError):
    """The source holds no samples."""


class UnsupportedFormatError(AudioProcessingError):
    """The bytes are in no format that can be read, or the codec to write is unknown."""


class CorruptAudioError(AudioProcessingError):
    """The bytes claim a known format and cannot be decoded, or give values that are no sound where none may be."""


class TruncatedAudioError(CorruptAudioError):
    """Fewer samples can be decoded than the file declares (``context``: ``expected``, ``got``, in frames)."""


class AudioLimitError(AudioProcessingError):
    """The sound is beyond a limit of channels, rate, size or duration."""


class AudioChangedError(AudioProcessingError):
    """The file was changed while it was read."""


class ModelError(SpleeterError):
    """A model cannot be found, fetched, read or run."""


class UnknownModelError(ModelError, ValueError):
    """No model has that name."""


class UnsupportedModelError(ModelError):
    """The configuration describes a network that this package does not build."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """The model is not on this machine and no source gave it; the message names every source tried."""


class ModelDownloadError(ModelError):
    """One source could not give the model."""


class ModelCorruptError(ModelError):
    """A model file is damaged, or its weights give no sensible output."""


class ModelChecksumError(ModelCorruptError):
    """A model file has another digest than the one pinned or recorded."""


class DeviceError(SpleeterError, RuntimeError):
    """The device asked for is not there, or failed."""


class DeviceMemoryError(DeviceError):
    """The device has no memory left for this batch."""


class StorageError(SpleeterError, OSError):
    """A result could not be written; what was there before is untouched."""


class DiskFullError(StorageError):
    """The disk has no room left (``context``: ``path``, ``needed``, ``free``, in bytes)."""


class OutputExistsError(StorageError, FileExistsError):
    """The target exists and may not be overwritten."""


class SeparationCancelledError(SpleeterError):
    """The separation was stopped on request; nothing was published."""


class EngineClosedError(SpleeterError, RuntimeError):
    """The engine was closed and takes no more work."""


class MissingDependencyError(SpleeterError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


def is_one_of(value: object, choices: Iterable[object]) -> bool:
    """Say whether `value` is a choice and of its type: 16.0 is not 16, and an array is nothing to choose.

    Parameters
    ----------
    value : object
        What the user gave.
    choices : iterable of object
        What is allowed.

    Returns
    -------
    bool
    """
    return any(isinstance(value, type(choice)) and value == choice for choice in choices)


def nearest(word: str, choices: Iterable[str]) -> str:
    """Say which of `choices` looks most like `word`.

    Parameters
    ----------
    word : str
        What the user wrote.
    choices : iterable of str
        What is allowed.

    Returns
    -------
    str
        ``" Did you mean 'x'?"`` with a leading blank, to be appended to a message, or ``""`` when nothing is
        near.
    """
    matches = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""
