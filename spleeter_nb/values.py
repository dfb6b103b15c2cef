"""Values that every room of the house shares: frozen, without behaviour beyond their own fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from spleeter_nb.exceptions import ValidationError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""float32 samples or magnitudes; the docstrings give the shape."""

ComplexArray: TypeAlias = npt.NDArray[np.complex64]
"""complex64 spectra; the docstrings give the shape."""

AudioSource: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes] | npt.NDArray[np.generic]"
"""What can be separated: a path, the bytes of a file, an open binary file, or an array with its rate."""

MaskExtension: TypeAlias = Literal["zeros", "average"]
OnCorrupt: TypeAlias = Literal["error", "salvage"]
NonFinite: TypeAlias = Literal["zero", "error"]
Activation: TypeAlias = Literal["relu", "leaky_relu", "elu"]
Network: TypeAlias = Literal["unet", "softmax_unet"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a container says of its sound, before anything is decoded."""

    name: str
    """The file's name, or what stands for it (``<bytes>``, ``<array>``)."""
    format: str
    """The container, in lower case: ``wav``, ``flac``, ``mp3``, ``ogg``, ``mp4`` …, or ``array``."""
    codec: str
    """How samples are coded, in lower case: ``pcm_16``, ``float``, ``vorbis``, ``aac`` …"""
    sample_rate: int
    """Hz."""
    channels: int
    frames: int | None
    """Samples per channel that the container declares; None where it declares none."""
    bit_depth: int | None
    """Bits of one sample, None for lossy codecs."""

    @property
    def duration(self) -> float | None:
        """Seconds, None where the container declares no length."""
        return None if self.frames is None else self.frames / self.sample_rate


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of its song in words, and its picture; plain text that is to be shown as text."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """By names in lower case: ``title``, ``artist``, ``album``, ``album_artist``, ``composer``, ``performer``,
    ``genre``, ``date``, ``track``, ``disc``, ``comment``, ``copyright`` and ``publisher``, those that there are."""
    cover: bytes | None = field(default=None, repr=False)
    """A picture as it lies in the file."""
    cover_type: Literal["image/jpeg", "image/png"] | None = None


NO_TAGS = Tags()


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What one needs to know of a model to run it: the signal path and the shape of its networks."""

    name: str
    """``spleeter:2stems`` …, or the path of the configuration."""
    instruments: tuple[str, ...]
    """The stems, in the order of the checkpoint's networks."""
    n_bins: int = 1024
    """Lowest bins that the network sees (Spleeter's ``F``)."""
    segment_frames: int = 512
    """Frames of one segment (Spleeter's ``T``)."""
    sample_rate: int = 44_100
    """Hz, the rate the networks were trained at."""
    n_fft: int = 4096
    hop_length: int = 1024
    n_channels: int = 2
    separation_exponent: float = 2.0
    """Power to which magnitudes are raised before masks are built from them."""
    mask_extension: MaskExtension = "zeros"
    """What the mask is above `n_bins`: nothing, or the mean over the bins below."""
    network: Network = "unet"
    """``unet`` ends in one sigmoid for each stem, ``softmax_unet`` in one softmax over all of them."""
    conv_activation: Activation = "leaky_relu"
    deconv_activation: Activation = "relu"
    conv_n_filters: tuple[int, ...] = (16, 32, 64, 128, 256, 512)

    @property
    def segment_samples(self) -> int:
        """Samples that one segment's frames span."""
        return (self.segment_frames - 1) * self.hop_length + self.n_fft


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to a song before it is separated; by default nothing.

    Sounds stay at their time: filters have a linear phase, and their delay is taken back.

    Raises
    ------
    ValidationError
        If a value is not allowed; the message names the field, what came and what is allowed.

    Examples
    --------
    >>> Preprocess(high_pass=30, loudness=-23, true_peak=-3)
    Preprocess(remove_dc=False, high_pass=30.0, low_pass=None, loudness=-23.0, true_peak=-3.0, noise_reduction=0.0, \
trim_silence=None)
    """

    remove_dc: bool = False
    """Whether each channel's mean is subtracted."""
    high_pass: float | None = None
    """Hz, 10 to 20 000, below which sound is taken away; None: no such filter."""
    low_pass: float | None = None
    """Hz, 100 to 96 000, above which sound is taken away; None: no such filter."""
    loudness: float | None = None
    """Integrated loudness that the networks hear, in LUFS, -70 to 0; None: as the song is. Stems get the song's own
    loudness back."""
    true_peak: float = -1.0
    """The highest true peak that `loudness` may lead to, in dBTP, -60 to 0: a song of strong peaks stays quieter."""
    noise_reduction: float = 0.0
    """Share of a steady hiss that is taken away, 0 to 1."""
    trim_silence: float | None = None
    """dBFS, -120 to 0: what is silent below it at the start and the end is left out; None: nothing is."""

    def __post_init__(self) -> None:
        if not isinstance(self.remove_dc, bool):
            raise _not_allowed("remove_dc", self.remove_dc, "True or False")
        for name, (lowest, highest, unit, optional) in _PREPROCESS_LIMITS.items():
            value = getattr(self, name)
            if not (optional and value is None) and not _is_within(value, lowest, highest):
                allowed = f"{lowest} to {highest}{unit}" + optional * ", or None for none of it"
                raise _not_allowed(name, value, allowed)
            # One number is one key of the cache, whatever its type.
            object.__setattr__(self, name, None if value is None else float(value))
        if self.high_pass is not None and self.low_pass is not None and self.high_pass >= self.low_pass:
            allowed = f"less than low_pass, which is {self.low_pass!r} Hz: between them nothing would be left"
            raise _not_allowed("high_pass", self.high_pass, allowed)


# Lowest and highest value, unit, and whether it may be None.
_PREPROCESS_LIMITS = {
    "high_pass": (10, 20_000, " Hz", True),
    "low_pass": (100, 96_000, " Hz", True),
    "loudness": (-70, 0, " LUFS", True),
    "true_peak": (-60, 0, " dBTP", False),
    "noise_reduction": (0, 1, "", False),
    "trim_silence": (-120, 0, " dBFS", True),
}


def _is_within(value: object, lowest: float, highest: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    # False for NaN.
    return bool(lowest <= value <= highest)


def _not_allowed(name: str, value: object, allowed: str) -> ValidationError:
    return ValidationError(f"{name} is {value!r}; allowed: {allowed}.", option=name, value=value)
