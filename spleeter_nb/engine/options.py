"""The options of one separation: checked once, then trusted."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from spleeter_nb.audio import CODECS, choose_encoding
from spleeter_nb.engine.targets import OnExist, Targets, home_expanded
from spleeter_nb.exceptions import UnknownOptionError, ValidationError, is_one_of, nearest
from spleeter_nb.net.runtime import Precision
from spleeter_nb.values import MaskExtension, NonFinite, OnCorrupt, Preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from spleeter_nb.audio import BitDepth, Bitrate, Encoding

MAX_OVERLAP = 0.5

_WORDS = {"true": True, "false": False, "none": None}

# Longer than any recording; beyond it seconds are no number of samples.
_MAX_SECONDS = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a caller may say about one separation.

    Raises
    ------
    ValidationError
        If a value is not allowed; the message names the option, what came and what is allowed.
    """

    sample_rate: int | None = None
    """Hz, for arrays only: files know their own."""
    offset: float = 0.0
    """Seconds to skip at the start."""
    duration: float | None = None
    """Seconds to separate; None: all that follows."""
    precision: Precision = "float32"
    """Of the networks: ``float32`` equals Spleeter's output, ``bfloat16`` is fast and differs by about -47 dB."""
    device: str = "auto"
    """``auto``, ``cpu``, ``gpu`` or ``cuda:1``."""
    overlap: float = 0.0
    """Share of a segment, 0 to 0.5, that neighbours cross-fade over; 0 is Spleeter's own."""
    wiener: bool = False
    """Whether the multichannel Wiener filter refines the stems (Spleeter's ``--mwf``)."""
    mask_extension: MaskExtension | None = None
    """``zeros`` or ``average`` above the model's band; None: as the model's configuration says. The Wiener filter
    leaves nothing there, so that ``average`` cannot be asked for with it."""
    residual: str | None = None
    """What happens to sound that no stem took: None drops it, ``stem`` makes it a stem of its own named
    ``residual``, the name of a stem adds it there. With it the stems sum to the mixture."""
    on_corrupt: OnCorrupt = "error"
    """What becomes of a file that is cut off or damaged: ``error``, or ``salvage`` for the part before the damage,
    with a warning and a note in the result."""
    nonfinite: NonFinite = "zero"
    """What becomes of values that are NaN, infinite or beyond any sound: ``zero``, with a warning and a note in the
    result, or ``error``."""
    preprocess: Preprocess | None = None
    """What is done to the song before; None: what the settings say, by default nothing, as ``Preprocess()`` does."""
    cache: bool = True
    """Whether stems that were made before are taken from the cache, and new ones are put there."""
    progress: bool | Callable[..., object] = True
    """A progress bar, none, or a callable that gets :class:`spleeter_nb.events.Progress` values."""
    output_dir: str | os.PathLike[str] | None = None
    """Where stems are written, ``~`` being the home folder; None: they stay in memory, long ones in a temporary
    file."""
    codec: str = "wav"
    """``wav`` or ``flac``, which lose nothing, or ``mp3``, ``ogg`` (Vorbis), ``m4a`` (AAC) or ``wma``."""
    bit_depth: BitDepth | None = None
    """Of ``wav`` and ``flac``: 16, 24, 32 or ``float``; None: 16."""
    bitrate: Bitrate | None = None
    """Of the other codecs: bits a second, or as in ``"128k"``; None: the codec's default."""
    filename_format: str = "{filename}/{instrument}.{codec}"
    """Path of a stem below `output_dir`; ``{foldername}`` is the source's folder."""
    on_exist: OnExist = "overwrite"
    """What happens to files that are there already; ``skip`` keeps them, and separates only what is missing. Without
    ``overwrite``, a file that appears while the separation runs is kept too, and is an error."""

    def __post_init__(self) -> None:
        _require(
            self.sample_rate is None or _is_count(self.sample_rate),
            "sample_rate",
            self.sample_rate,
            "a whole number of Hz for an array, None for all else",
        )
        _require(_is_number(self.offset) and self.offset >= 0, "offset", self.offset, "seconds, 0 or more")
        _require(
            self.duration is None or (_is_number(self.duration) and self.duration > 0),
            "duration",
            self.duration,
            "seconds, more than 0, or None for all",
        )
        _require(
            _is_number(self.overlap) and 0 <= self.overlap <= MAX_OVERLAP,
            "overlap",
            self.overlap,
            f"0 to {MAX_OVERLAP} of a segment",
        )
        for name in ("wiener", "cache"):
            value = getattr(self, name)
            _require(isinstance(value, bool), name, value, "True or False")
        _require(
            isinstance(self.preprocess, Preprocess | None),
            "preprocess",
            self.preprocess,
            "None, or a Preprocess such as spleeter_nb.Preprocess(high_pass=30, loudness=-23)",
        )
        _require(isinstance(self.device, str), "device", self.device, "'auto', 'cpu', 'gpu' or 'cuda:0'")
        _require(
            isinstance(self.progress, bool) or callable(self.progress),
            "progress",
            self.progress,
            "True, False or a callable",
        )
        _require(
            self.output_dir is None or isinstance(self.output_dir, str | os.PathLike),
            "output_dir",
            self.output_dir,
            "the path of a folder, or None",
        )
        _require(isinstance(self.filename_format, str), "filename_format", self.filename_format, "a template")
        _require_choice("codec", self.codec, tuple(CODECS))
        _require_choice("precision", self.precision, get_args(Precision))
        _require_choice("on_corrupt", self.on_corrupt, get_args(OnCorrupt))
        _require_choice("nonfinite", self.nonfinite, get_args(NonFinite))
        if self.mask_extension is not None:
            _require_choice("mask_extension", self.mask_extension, get_args(MaskExtension))
            _require(
                not self.wiener or self.mask_extension == "zeros",
                "mask_extension",
                self.mask_extension,
                "None or 'zeros' with wiener=True, as the Wiener filter leaves nothing above the model's band",
            )
        # They check what the codec has, template and on_exist, here before a model is fetched.
        _ = self.encoding, self.targets

    @property
    def encoding(self) -> Encoding:
        """How files are written."""
        return choose_encoding(self.codec, bit_depth=self.bit_depth, bitrate=self.bitrate)

    @property
    def targets(self) -> Targets:
        """Where files are written."""
        folder = home_expanded(self.output_dir or ".")
        return Targets(folder, self.filename_format, self.codec, self.on_exist)

    def check_instruments(self, instruments: tuple[str, ...]) -> None:
        """Check what depends on the model: the name of the stem that takes the residual."""
        if self.residual is not None:
            _require_choice("residual", self.residual, (*instruments, "stem"))


def parse_options(options: dict[str, Any]) -> Options:
    """Turn keywords into options.

    Raises
    ------
    UnknownOptionError
        If there is no option of that name; the message names the nearest.
    ValidationError
        If a value is not allowed.
    """
    known = [field.name for field in dataclasses.fields(Options)]
    for name in options:
        if name not in known:
            raise UnknownOptionError(
                f"There is no option {name!r}.{nearest(name, known)} Options are {', '.join(known)}.",
                option=name,
            )
    return Options(**options)


def parse_preprocess(text: str) -> Preprocess:
    """Read what is written on a command line: ``remove_dc,high_pass=30,loudness=-23``, or ``nothing``.

    Raises
    ------
    UnknownOptionError
        If there is no field of that name; the message names the nearest.
    ValidationError
        If a value is no number, or not allowed.
    """
    known = [field.name for field in dataclasses.fields(Preprocess)]
    values: dict[str, Any] = {}
    for part in text.split(",") if text.strip() != "nothing" else ():
        name, equals, value = map(str.strip, part.partition("="))
        if name not in known:
            raise UnknownOptionError(
                f"There is no preprocessing {name!r}.{nearest(name, known)} Write it as in "
                f"remove_dc,high_pass=30,loudness=-23, or 'nothing'; allowed are {', '.join(known)}.",
                option=name,
            )
        values[name] = _value_in(value) if equals else True
    return Preprocess(**values)


def _value_in(text: str) -> float | str | None:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    # What is no number either is refused by whoever knows what is allowed.
    try:
        return float(text)
    except ValueError:
        return text


def _is_number(value: object) -> bool:
    # A comparison with NaN is false.
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(-_MAX_SECONDS < value < _MAX_SECONDS)


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | np.integer) and bool(value > 0)


def _require(condition: bool, name: str, value: object, allowed: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise ValidationError(f"{name} is {value!r}; allowed: {allowed}.", option=name, value=value)


def _require_choice(name: str, value: object, choices: Collection[object]) -> None:
    if not is_one_of(value, choices):
        allowed = ", ".join(map(repr, choices))
        hint = nearest(str(value), map(str, choices))
        raise ValidationError(f"{name} is {value!r}; allowed: {allowed}.{hint}", option=name, value=value)
