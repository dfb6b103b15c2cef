"""The mixer of a player: what its settings may be, and what they sound like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.panning import pan_matrix
from spleeter_nb.exceptions import UnknownOptionError, ValidationError, nearest
from spleeter_nb.widgets.settings import number, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spleeter_nb.values import FloatArray
    from spleeter_nb.widgets.song import Song

AT_REST: dict[str, Any] = {
    "gains_db": {},
    "pans": {},
    "muted": [],
    "soloed": "",
    "master_db": 0.0,
    "original": False,
    "match_loudness": False,
    "speed": 1.0,
    "loop": None,
}
"""All settings, as they are at first."""

GAINS_DB = (-60.0, 12.0)
PANS = (-1.0, 1.0)
SPEEDS = (0.5, 2.0)

_VOCALS = "vocals"

# Loudness is matched within this factor.
_MOST_MATCH = 8.0

# Samples mixed at once, so that they stay in the processor's cache.
_BLOCK_FRAMES = 1 << 15


def stem_name(stems: Sequence[str], name: object, *, or_none: bool = False) -> str:
    """Return the name of a stem that there is; with `or_none` also ``""``, which names none."""
    if not isinstance(name, str) or (name not in stems and not (or_none and name == "")):
        hint = nearest(name[:80], stems) if isinstance(name, str) else ""
        raise UnknownOptionError(
            f"There is no stem {short(name)}.{hint} Stems are {', '.join(stems)}{', or None' if or_none else ''}.",
            option=short(name),
        )
    return name


def by_stem(name: str, stems: Sequence[str], given: object, limits: tuple[float, float]) -> dict[str, float]:
    """Return a number for each stem, in their order: 0 for those that are not named."""
    if not isinstance(given, Mapping):
        raise ValidationError(
            f"{name} is {short(given)}; allowed: numbers by stem, as in {{{stems[0]!r}: {limits[0] / 10:g}}}.",
            option=name,
            value=short(given),
        )
    values = {stem_name(stems, stem): number(f"{name}[{stem!r}]", value, limits) for stem, value in given.items()}
    return {stem: values.get(stem, 0.0) for stem in stems}


def some_stems(name: str, stems: Sequence[str], given: object) -> list[str]:
    """Return names of stems in their order, each once."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise ValidationError(
            f"{name} is {short(given)}; allowed: a list of stems, as in [{stems[0]!r}].",
            option=name,
            value=short(given),
        )
    chosen = {stem_name(stems, stem) for stem in given}
    return [stem for stem in stems if stem in chosen]


def heard(stems: Iterable[str], *, muted: Iterable[str], soloed: str) -> list[str]:
    """Return the stems that sound: the soloed one, muted or not, else all that are not muted."""
    silent = set(muted)
    return [stem for stem in stems if (stem == soloed if soloed else stem not in silent)]


def preset(stems: Sequence[str], name: object) -> tuple[list[str], str]:
    """Return which stems a preset mutes, and which one it solos; a stem may be called like a preset, and goes first."""
    presets: dict[str, tuple[list[str], str]] = {stem: ([], stem) for stem in stems}
    if _VOCALS in stems and len(stems) > 1:
        presets.setdefault("karaoke", ([_VOCALS], ""))
    presets.setdefault("all", ([], ""))
    if not isinstance(name, str) or name not in presets:
        raise UnknownOptionError(
            f"There is no preset {name!r}.{nearest(str(name), presets)} Presets are {', '.join(presets)}.", option=name
        )
    return presets[name]


def mix(song: Song, settings: Mapping[str, Any]) -> FloatArray:
    """Return what one hears of a song; TypeScript's ``mixOf`` decides the same.

    Parameters
    ----------
    song : Song
    settings : mapping of str to object
        Checked ones, all of them.

    Returns
    -------
    float32 (frames, 2)
    """
    audible = heard(settings["gains_db"], muted=settings["muted"], soloed=settings["soloed"])
    gains = [_amplitude(gain_db) if stem in audible else 0.0 for stem, gain_db in settings["gains_db"].items()]
    master = _amplitude(settings["master_db"])
    if settings["original"] and song.mixture:
        powers = [signal.power for signal in song.signals]
        matching = matching_gain(gains, powers) if settings["match_loudness"] else 1.0
        return mixed([(song.mixture.samples, master * matching, 0.0)], song.frames)
    return mixed(
        [
            (signal.samples, master * gain, settings["pans"][signal.name])
            for signal, gain in zip(song.stems, gains, strict=True)
            if signal.name in audible
        ],
        song.frames,
    )


def _amplitude(gain_db: float) -> float:
    """Return what samples are multiplied by."""
    return 10 ** (gain_db / 20)


def matching_gain(gains: Sequence[float], powers: Sequence[float]) -> float:
    r"""Return what makes the mixture as loud as the stems with their gains; the player's TypeScript does the same.

    The power of a sum is that of its terms, :math:`g_i^2 P_i`, and of what each two have in common. That is known for
    all pairs together: the mixture's power less the stems'. It is shared out evenly over the pairs, so that the
    estimate is exact for all stems alike and for one alone.

    Parameters
    ----------
    gains : sequence of float
        What each stem is multiplied by, 0 where it does not sound.
    powers : sequence of float
        Mean squares of the stems, and of the mixture.

    Returns
    -------
    float
        1/8 to 8; 1 where either is silent: there is nothing to compare.
    """
    *stems, mixture = powers
    own = sum(gain**2 * power for gain, power in zip(gains, stems, strict=True))
    pairs = sum(gains) ** 2 - sum(gain**2 for gain in gains)
    share = pairs / (len(gains) * (len(gains) - 1)) if len(gains) > 1 else 0.0
    remix = own + (mixture - sum(stems)) * share
    if mixture <= 0 or remix <= 0:
        return 1.0
    return min(max(math.sqrt(remix / mixture), 1 / _MOST_MATCH), _MOST_MATCH)


def mixed(parts: Sequence[tuple[FloatArray, float, float]], frames: int) -> FloatArray:
    """Return the sum of signals.

    Parameters
    ----------
    parts : sequence of (float32 (frames, 2), float, float)
        Samples, what they are multiplied by, and where they are placed, -1 to 1.
    frames : int

    Returns
    -------
    float32 (frames, 2)
    """
    out = np.zeros((frames, 2), np.float32)
    matrices = [np.float32(gain) * pan_matrix(pan) for _, gain, pan in parts]
    for start in range(0, frames, _BLOCK_FRAMES):
        block = slice(start, start + _BLOCK_FRAMES)
        for (samples, _, _), matrix in zip(parts, matrices, strict=True):
            out[block] += samples[block] @ matrix
    return out
