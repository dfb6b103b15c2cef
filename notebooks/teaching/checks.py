"""Checks for the exercises: each calls your functions on the demonstration song and says what holds.

A check that fails tells what it expected and what your function gave. `summary` counts the exercises that pass.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import spleeter_nb as snb
from spleeter_nb.dsp import scores
from spleeter_nb.dsp.stft import Stft

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Function = Callable[..., Any]

EXERCISES = ("stft", "sdr", "binary mask", "soft mask", "remix", "null test", "drums")
N_FFT, HOP = 4096, 1024

_passed: set[str] = set()


@cache
def stems() -> Mapping[str, np.ndarray]:
    """Return eight seconds of the true stems in mono: float32 (samples,) by name."""
    song = snb.demo_song()
    passage = slice(4 * song.sample_rate, 12 * song.sample_rate)
    passages = {name: samples[passage].mean(axis=1) for name, samples in song.references.items()}
    for samples in passages.values():
        samples.setflags(write=False)  # What an exercise changed would be wrong for all others.
    return passages


def mixture() -> np.ndarray:
    """Return the sum of the stems, float32 (samples,)."""
    return stems()["vocals"] + stems()["accompaniment"]


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Transform (samples,) into complex64 (frames, bins), with silence on either side."""
    padded = np.pad(samples, (N_FFT, N_FFT + -len(samples) % HOP)).astype(np.float32)
    return Stft(N_FFT, HOP).forward(padded[None])[0]


def sound(transformed: np.ndarray) -> np.ndarray:
    """Transform what `spectrum` gave, masked or not, back into (samples,)."""
    samples = Stft(N_FFT, HOP).inverse(transformed[None].astype(np.complex64))[0]
    return samples[N_FFT : N_FFT + len(mixture())]


def check_stft(stft: Function, istft: Function) -> None:
    """Exercise 1: ``stft(samples, n_fft, hop)`` and ``istft(spectrum, n_fft, hop)``."""
    __tracebackhide__ = True  # IPython leaves this frame out of what it shows, here and below
    samples = np.pad(stems()["vocals"], (N_FFT, N_FFT)).astype(float)
    samples = samples[: N_FFT + len(samples) // HOP * HOP - N_FFT]
    transformed, expected = stft(samples, N_FFT, HOP), Stft(N_FFT, HOP).forward(samples[None].astype(np.float32))[0]
    _same_shape("the spectrum", transformed, expected)
    _holds(np.abs(transformed - expected).max() < 1e-5 * np.abs(expected).max(), "your spectrum is the engine's")
    again = istft(transformed, N_FFT, HOP)
    _same_shape("the sound", again, samples)
    _holds(np.abs(again - samples)[N_FFT:-N_FFT].max() < 1e-5, "the round trip loses nothing")
    _pass("stft")


def check_sdr(sdr: Function) -> None:
    """Exercise 2: ``sdr(reference, estimate)`` in dB."""
    __tracebackhide__ = True
    voice = stems()["vocals"].astype(float)
    _near(sdr(voice, np.zeros_like(voice)), 0, "silence has 0 dB")
    _near(sdr(voice, voice / 2), 20 * np.log10(2), "half the voice has 6 dB")
    _near(
        sdr(voice, mixture()), scores.sdr(voice[:, None], mixture()[:, None]), "the mixture has what the package says"
    )
    with np.errstate(divide="ignore"):
        _holds(sdr(voice, voice) == np.inf, "the voice itself has infinitely many dB")
    _pass("sdr")


def check_binary_mask(binary_mask: Function) -> None:
    """Exercise 3: ``binary_mask(target, rest)`` of two magnitudes."""
    __tracebackhide__ = True
    voice, rest = (np.abs(spectrum(stems()[name])) for name in ("vocals", "accompaniment"))
    mask = np.asarray(binary_mask(voice, rest))
    _same_shape("the mask", mask, voice)
    _holds(np.isin(mask, [0, 1]).all(), "the mask has zeros and ones only")
    _holds(np.array_equal(mask == 1, voice > rest), "ones are where the target is the louder one")
    _holds(_voice_sdr(mask) > _voice_sdr(np.ones_like(voice)) + 12, "it takes the voice out, better by 12 dB at least")
    _pass("binary mask")


def check_soft_mask(soft_masks: Function) -> None:
    """Exercise 4: ``soft_masks(magnitudes, exponent)`` of all stems at once."""
    __tracebackhide__ = True
    names = ("vocals", "drums", "bass", "other")
    magnitudes = np.stack([np.abs(spectrum(stems()[name])) for name in names])
    given = magnitudes.copy()
    masks = soft_masks(magnitudes, 2.0)
    _holds(np.array_equal(magnitudes, given), "the magnitudes that were given stay as they were")
    _same_shape("the masks", masks, magnitudes)
    _holds(np.isfinite(masks).all(), "there is no nan, not even in silence")
    _holds(np.abs(masks.sum(axis=0) - 1).max() < 1e-4, "masks add up to 1, in silence too")
    binary = _voice_sdr((magnitudes[0] > magnitudes[1:].sum(axis=0)).astype(float))
    _holds(_voice_sdr(masks[0]) > binary + 0.3, "the voice is better than with a binary mask")
    sharp = soft_masks(magnitudes, 20.0).max(axis=0)
    _holds(np.median(sharp[magnitudes.max(axis=0) > 1]) > 0.99, "with a large exponent the loudest takes all")
    _pass("soft mask")


def check_remix(remix: Function) -> None:
    """Exercise 5: ``remix(stems, gains_db, level_db)``."""
    __tracebackhide__ = True
    parts = {name: stems()[name] for name in ("vocals", "accompaniment")}
    plain = remix(parts, {}, -20.0)
    _same_shape("the mix", plain, mixture())
    _near(_level(plain), -20, "the mix has the level that was asked for")
    _holds(np.corrcoef(plain, mixture())[0, 1] > 1 - 1e-6, "without gains it is the mixture, but for its level")
    louder = remix(parts, {"vocals": 6.0}, -20.0)
    expected = 10 ** (6 / 20) * parts["vocals"] + parts["accompaniment"]
    _holds(np.corrcoef(louder, expected)[0, 1] > 1 - 1e-6, "6 dB make the voice twice as strong")
    karaoke = remix(parts, {"vocals": -np.inf}, -20.0)
    _holds(np.corrcoef(karaoke, parts["accompaniment"])[0, 1] > 1 - 1e-6, "-inf dB mute")
    _near(np.abs(remix(parts, {}, 0.0)).max(), 1, "where the level would clip, the loudest sample is 1")
    _pass("remix")


def check_null_test(null_test: Function) -> None:
    """Exercise 6: ``null_test(mixture, stems)`` in dB."""
    __tracebackhide__ = True
    parts = {name: stems()[name].astype(float) for name in ("vocals", "drums", "bass", "other")}
    whole = sum(parts.values())
    with np.errstate(divide="ignore"):
        _holds(null_test(whole, parts) == -np.inf, "stems that add up to the mixture leave nothing: -inf dB")
    _near(null_test(whole, {}), 0, "without stems all is left: 0 dB")
    _near(
        null_test(whole, parts | {"bass": 0.9 * parts["bass"]}),
        _level(0.1 * parts["bass"]) - _level(whole),
        "a tenth of the bass is found",
    )
    late = null_test(whole, parts | {"drums": np.roll(parts["drums"], 1)})
    _holds(-60 < late < -10, f"one stem that is late by one sample shows ({late:.0f} dB)")
    _pass("null test")


def check_drums(separate_drums: Function) -> None:
    """Exercise 7: ``separate_drums(magnitude)`` gives a mask, from the mixture alone."""
    __tracebackhide__ = True
    transformed = spectrum(mixture())
    mask = separate_drums(np.abs(transformed))
    _same_shape("the mask", mask, transformed)
    _holds(0 <= np.min(mask) <= np.max(mask) <= 1, "the mask is within 0 and 1")
    before, after = (_sdr(stems()["drums"], heard) for heard in (mixture(), sound(mask * transformed)))
    _holds(after > before + 3, f"the drums get better by 3 dB at least: from {before:.1f} to {after:.1f} dB")
    _pass("drums")


def summary() -> str:
    """Say how many exercises pass, and which are left."""
    left = [name for name in EXERCISES if name not in _passed]
    return f"{len(_passed)} of {len(EXERCISES)} exercises pass" + (f"; left: {', '.join(left)}" if left else "")


def _sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return scores.sdr(reference[:, None], estimate[:, None])


def _voice_sdr(mask: np.ndarray) -> float:
    return _sdr(stems()["vocals"], sound(mask * spectrum(mixture())))


def _level(samples: np.ndarray) -> float:
    """Return the level of a sound: its mean square in dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=float))))


def _same_shape(what: str, got: np.ndarray, expected: np.ndarray) -> None:
    __tracebackhide__ = True
    if np.shape(got) != expected.shape:
        raise AssertionError(f"{what} has the shape {np.shape(got)}; expected is {expected.shape}.")


def _near(got: float, expected: float, what: str) -> None:
    __tracebackhide__ = True
    if not np.isclose(got, expected, atol=0.01):
        raise AssertionError(f"not yet: {what}; expected is {expected:.2f}, your function gave {got:.2f}.")
    print(f"✓ {what}")


def _holds(holds: bool, what: str) -> None:  # noqa: FBT001 - the claim itself
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(f"not yet: {what}.")
    print(f"✓ {what}")


def _pass(name: str) -> None:
    _passed.add(name)
    print(f"Well done: exercise {EXERCISES.index(name) + 1}, {name}.")
