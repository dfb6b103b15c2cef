"""Values that every room of the house shares: frozen, without behaviour beyond their own fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import os

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""float32 samples or magnitudes; the docstrings give the shape."""

ComplexArray: TypeAlias = npt.NDArray[np.complex64]
"""complex64 spectra; the docstrings give the shape."""

AudioSource: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes] | npt.NDArray[np.generic]"
"""What can be separated: a path, the bytes of a file, an open binary file, or an array with its rate."""

MaskExtension: TypeAlias = Literal["zeros", "average"]
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
