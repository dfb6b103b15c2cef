"""Spleeter's own JSON configurations: from the file of a trained model to a `ModelSpec`."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from spleeter_nb.exceptions import ModelError, ModelNotFoundError, UnsupportedModelError
from spleeter_nb.models.files import read_small
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import Activation, MaskExtension, Network

_LOG = logging.getLogger("spleeter_nb")
_MAX_BYTES = 1 << 20
_N_LAYERS = 6
_HALVINGS = 1 << _N_LAYERS

_NETWORKS: Mapping[str, Network] = MappingProxyType({"unet.unet": "unet", "unet.softmax_unet": "softmax_unet"})
_MASK_EXTENSIONS = ("zeros", "average")
# Spleeter takes any other word for the default: LeakyReLU on the way down, ReLU on the way up.
_CONV_ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"ReLU": "relu", "ELU": "elu", "LeakyReLU": "leaky_relu"}
)
_DECONV_ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"LeakyReLU": "leaky_relu", "ELU": "elu", "ReLU": "relu"}
)
_DEFAULT_FILTERS = (16, 32, 64, 128, 256, 512)

_Value = TypeVar("_Value")
_Check: TypeAlias = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration says: how the model is run, and where its checkpoint lies."""

    spec: ModelSpec
    model_dir: str
    """As written: absolute, or relative to a folder that the caller chooses."""


def read_configuration(path: Path) -> Configuration:
    """Read a configuration as ``spleeter train`` and ``spleeter separate -p`` take it.

    Parameters
    ----------
    path : Path
        A JSON file.

    Returns
    -------
    Configuration

    Raises
    ------
    ModelNotFoundError
        There is no such file.
    ModelError
        The file is no JSON object, or a key is missing or of the wrong type; the message names file and key.
    UnsupportedModelError
        The network described is none that this package builds.
    """
    keys = _Keys(path, _load(path))
    network, parameters = _read_model(keys)
    spec = ModelSpec(
        name=str(path),
        instruments=tuple(keys.get("instrument_list", list, _are_instruments, "different plain names")),
        n_bins=keys.count("F"),
        segment_frames=keys.count("T"),
        sample_rate=keys.count("sample_rate"),
        n_fft=keys.count("frame_length"),
        hop_length=keys.count("frame_step"),
        n_channels=keys.count("n_channels"),
        separation_exponent=float(keys.get("separation_exponent", (int, float), _is_positive, "a number above 0")),
        mask_extension=cast(
            "MaskExtension",
            keys.get("mask_extension", str, _MASK_EXTENSIONS.__contains__, " or ".join(_MASK_EXTENSIONS)),
        ),
        network=network,
        conv_activation=_activation(parameters, "conv_activation", _CONV_ACTIVATIONS, "leaky_relu"),
        deconv_activation=_activation(parameters, "deconv_activation", _DECONV_ACTIVATIONS, "relu"),
        conv_n_filters=_filters(parameters),
    )
    _refuse_what_cannot_run(spec)
    return Configuration(spec, model_dir=keys.get("model_dir", str, bool, "the checkpoint's folder"))


def _load(path: Path) -> dict[str, object]:
    try:
        content = json.loads(read_small(path, _MAX_BYTES))
    except FileNotFoundError:
        msg = f"There is no configuration {path}. Give the path of a Spleeter configuration (JSON)."
        raise ModelNotFoundError(msg, path=str(path)) from None
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read as JSON: {error}."
        raise ModelError(msg, path=str(path)) from error
    if not isinstance(content, dict):
        msg = f"{path} holds a JSON {type(content).__name__}; a Spleeter configuration is an object."
        raise ModelError(msg, path=str(path))
    return content


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of one object of the file, each read with its type checked."""

    path: Path
    content: dict[str, object]
    prefix: str = ""

    def get(self, key: str, kind: type[_Value] | tuple[type, ...], check: _Check, allowed: str) -> _Value:
        """Return the value of `key`, which must be of `kind` and pass `check`."""
        name = self.prefix + key
        if key not in self.content:
            msg = f"{self.path} lacks the key {name!r}, which must be {allowed}."
            raise ModelError(msg, path=str(self.path), key=name, allowed=allowed)
        value = self.content[key]
        # True is an int to Python, and a mistake to whoever wrote the file.
        if isinstance(value, bool) or not isinstance(value, kind) or not check(value):
            msg = f"{self.path}: {name!r} is {value!r}; it must be {allowed}."
            raise ModelError(msg, path=str(self.path), key=name, value=value, allowed=allowed)
        return cast("_Value", value)

    def count(self, key: str) -> int:
        """Return the whole number above 0 under `key`."""
        return self.get(key, int, _is_positive, "a whole number above 0")

    def child(self, key: str) -> _Keys:
        """Return the keys of the object under `key`."""
        content: dict[str, object] = self.get(key, dict, _anything, "an object")
        return _Keys(self.path, content, f"{self.prefix}{key}.")

    def has(self, key: str) -> bool:
        """Tell whether `key` is there with a value; Spleeter takes null for absent."""
        return self.content.get(key) is not None


def _anything(_value: object) -> bool:
    return True


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def _are_instruments(value: object) -> bool:
    """Stems become files: their names must be names, and one each."""
    names = cast("list[object]", value)
    return 0 < len(names) == len({str(name) for name in names}) and all(map(_is_plain_name, names))


def _is_plain_name(name: object) -> bool:
    return isinstance(name, str) and name.isprintable() and bool(name.strip(" .")) and not set(name) & set("/\\:")


def _are_filters(value: object) -> bool:
    counts = cast("list[object]", value)
    return len(counts) == _N_LAYERS and all(type(count) is int and count > 0 for count in counts)


def _read_model(keys: _Keys) -> tuple[Network, _Keys]:
    model = keys.child("model")
    kind = model.get("type", str, bool, "a name") if model.has("type") else "unet.unet"
    if kind not in _NETWORKS:
        msg = f"{keys.path}: networks of type {kind!r} are not built; supported are {', '.join(_NETWORKS)}."
        raise UnsupportedModelError(msg, path=str(keys.path), type=kind, allowed=tuple(_NETWORKS))
    parameters = model.child("params") if model.has("params") else _Keys(keys.path, {}, "model.params.")
    return _NETWORKS[kind], parameters


def _activation(parameters: _Keys, key: str, names: Mapping[str, Activation], default: Activation) -> Activation:
    if not parameters.has(key):
        return default
    word: str = parameters.get(key, str, bool, " or ".join(names))
    if word not in names:
        _LOG.warning("%s: %s %r is none of %s: like Spleeter, taking %s",
                     parameters.path, key, word, ", ".join(names), default)  # fmt: skip
    return names.get(word, default)


def _filters(parameters: _Keys) -> tuple[int, ...]:
    if not parameters.has("conv_n_filters"):
        return _DEFAULT_FILTERS
    allowed = f"{_N_LAYERS} whole numbers above 0"
    return tuple(parameters.get("conv_n_filters", list, _are_filters, allowed))


def _refuse_what_cannot_run(spec: ModelSpec) -> None:
    """Hold `spec` against what the networks and the transform can do; the file is named by ``spec.name``."""
    top_bins = spec.n_fft // 2 + 1
    rules = (
        (spec.n_channels == 2, f"n_channels is {spec.n_channels}; the networks take 2"),  # noqa: PLR2004 - stereo
        (
            spec.n_fft & (spec.n_fft - 1) == 0,
            f"frame_length is {spec.n_fft}; Spleeter separates only with a power of 2",
        ),
        (
            spec.n_fft % spec.hop_length == 0,
            f"frame_length {spec.n_fft} is not a multiple of frame_step {spec.hop_length}",
        ),
        (spec.segment_frames % _HALVINGS == 0, f"T is {spec.segment_frames}, not a multiple of {_HALVINGS}"),
        (spec.n_bins % _HALVINGS == 0, f"F is {spec.n_bins}, not a multiple of {_HALVINGS}"),
        (spec.n_bins <= top_bins, f"F is {spec.n_bins}; a frame of {spec.n_fft} has {top_bins} bins"),
    )
    for holds, complaint in rules:
        if not holds:
            msg = f"{spec.name}: {complaint}."
            raise UnsupportedModelError(msg, path=spec.name, reason=complaint)
