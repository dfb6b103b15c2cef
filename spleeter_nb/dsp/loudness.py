r"""How loud a song is, as broadcasters measure it: ITU-R BS.1770-4, EBU R 128, EBU Tech 3341 and 3342.

Each channel is filtered as the head and the ear would (K-weighting), and the powers of the channels are added with
the weights :math:`G_i`:

.. math:: L = -0.691 + 10 \log_{10} \sum_i G_i\, \overline{y_i^2} \quad \text{LUFS}

Momentary loudness is taken over 400 ms, short-term loudness over 3 s. Integrated loudness is that of all 400 ms, 100 ms
apart, which are above -70 LUFS and no more than 10 LU below the loudness of those; the range lies between the 10th and
the 95th percentile of short-term loudness above -70 LUFS and no more than 20 LU below.

The meter is our own since songs are read in blocks: pyloudnorm takes whole songs, copies them in double precision, and
knows neither true peaks nor more than five channels. Memory here is constant: both gates need all levels of a song, and
a histogram of 0.01 LU keeps them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

# Of 10 ms: the largest momentary loudness of a sound of 400 ms must be found wherever it begins (Tech 3341, case 13).
_STEPS_PER_SECOND = 100
_MOMENTARY_STEPS, _SHORT_TERM_STEPS = 40, 300

# Blocks that the gates look at are 100 ms apart.
_GATING_STEPS = 10

_ABSOLUTE_GATE = -70.0
_INTEGRATED_GATE, _RANGE_GATE = 10.0, 20.0
_LOW, _HIGH = 0.10, 0.95

# BS.1770-4, table 3 and annex 3: surround channels that stand beside the listener count 1.5 dB more, LFE not at all.
# The order of channels is that of WAV files; layouts that are not listed count evenly.
_SIDE = 1.41
_WEIGHTS = {
    4: (1.0, 1.0, _SIDE, _SIDE),
    5: (1.0, 1.0, 1.0, _SIDE, _SIDE),
    6: (1.0, 1.0, 1.0, 0.0, _SIDE, _SIDE),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, _SIDE, _SIDE),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SIDE, _SIDE),
}

# True peaks: samples on either side that each point between two samples is made of, and the window over them, which
# leaves the spectrum flat within 0.1 dB up to 0.44 of the rate.
_OVERSAMPLING = 4
_REACH = 16
_KAISER_BETA = 6.0

# Samples taken at once: what is made of them stays in the processor's cache.
_BLOCK_SAMPLES = 1 << 13


class LoudnessMeter:
    """Measure loudness and true peak of a stream; results are those of what was pushed so far.

    Parameters
    ----------
    sample_rate : int
        Hz.
    channels : int
        In the order of WAV files.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        from scipy.signal import sosfilt  # noqa: PLC0415 - 0.6 s

        self._sosfilt, self._sections = sosfilt, k_weighting(sample_rate)
        self._state = np.zeros((len(self._sections), 2, channels))
        self._weights = np.array(_WEIGHTS.get(channels, (1.0,) * channels))
        self._rate, self._position, self._unfinished = sample_rate, 0, 0.0
        self._steps, self._recent = 0, np.empty(0)
        self._momentary_max = self._short_term_max = 0.0
        self._momentary, self._short_term = _Distribution(), _Distribution()
        self._peak = _TruePeak(channels)

    def push(self, samples: FloatArray) -> None:
        """Take the next samples into account.

        Parameters
        ----------
        samples : float32 (samples, channels)
            Finite.
        """
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            block = samples[start : start + _BLOCK_SAMPLES]
            weighted, self._state = self._sosfilt(self._sections, block.astype(np.float64), axis=0, zi=self._state)
            self._observe(self._step_energies(weighted**2 @ self._weights))
            self._peak.push(block)

    @property
    def integrated(self) -> float:
        """LUFS over all that was pushed; minus infinity if no 400 ms were above -70 LUFS."""
        return _lufs(self._momentary.mean(self._momentary.gate(_INTEGRATED_GATE)))

    @property
    def momentary_max(self) -> float:
        """The loudest 400 ms, in LUFS; minus infinity in silence and before 400 ms."""
        return _lufs(self._momentary_max)

    @property
    def short_term_max(self) -> float:
        """The loudest 3 s, in LUFS; minus infinity in silence and before 3 s."""
        return _lufs(self._short_term_max)

    @property
    def loudness_range(self) -> float:
        """How far quiet and loud passages lie apart, in LU; 0 where no 3 s were above -70 LUFS."""
        gate = self._short_term.gate(_RANGE_GATE)
        low, high = (self._short_term.percentile(share, gate) for share in (_LOW, _HIGH))
        return high - low

    @property
    def true_peak(self) -> float:
        """The largest magnitude of any channel, between samples too, in dBTP; minus infinity in silence."""
        return _decibels(self._peak.value)

    def _step_energies(self, energies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Add up the energies of samples to those of the steps that end among them."""
        stop = self._position + len(energies)
        # The k-th step ends at sample k * rate // 100, also where a step is no whole number of samples.
        last = ((stop + 1) * _STEPS_PER_SECOND - 1) // self._rate
        ends = np.arange(self._steps + 1, last + 1) * self._rate // _STEPS_PER_SECOND - self._position
        sums = np.diff(np.concatenate([[0.0], np.cumsum(energies)])[[0, *ends, len(energies)]])
        sums[0] += self._unfinished
        self._position, self._unfinished = stop, float(sums[-1])
        return sums[:-1]

    def _observe(self, energies: npt.NDArray[np.float64]) -> None:
        """Take finished steps into account, in every window that ends with one of them."""
        known = np.concatenate([self._recent, energies])
        first = self._steps + 1
        self._steps += len(energies)
        self._recent = known[-(_SHORT_TERM_STEPS - 1) :].copy()
        momentary = self._powers(known, len(energies), _MOMENTARY_STEPS)
        short_term = self._powers(known, len(energies), _SHORT_TERM_STEPS)
        self._momentary_max = max(self._momentary_max, momentary.max(initial=0.0))
        self._short_term_max = max(self._short_term_max, short_term.max(initial=0.0))
        gated = -first % _GATING_STEPS
        self._momentary.add(_aligned(momentary, len(energies))[gated::_GATING_STEPS])
        self._short_term.add(_aligned(short_term, len(energies))[gated::_GATING_STEPS])

    def _powers(self, known: npt.NDArray[np.float64], new: int, steps: int) -> npt.NDArray[np.float64]:
        """Return the mean powers of the windows that end with the newest steps, as many as are complete."""
        reached = known[-(new + steps - 1) :]
        if new == 0 or len(reached) < steps:
            return np.empty(0)
        sums: npt.NDArray[np.float64] = sliding_window_view(reached, steps).sum(axis=1)
        return sums * (_STEPS_PER_SECOND / (steps * self._rate))


def loudness_gain(loudness: float, true_peak: float, *, target: float, ceiling: float) -> float:
    """Return what makes a song as loud as wanted without any true peak above the ceiling.

    Parameters
    ----------
    loudness, true_peak : float
        What was measured: LUFS and dBTP.
    target, ceiling : float
        What is wanted at most: LUFS and dBTP.

    Returns
    -------
    float
        dB; 0 for a song without loudness. The ceiling may leave a song quieter than wanted: one gain for all of it
        keeps its dynamics, and can be undone.
    """
    return 0.0 if math.isinf(loudness) else min(target - loudness, ceiling - true_peak)


def k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    r"""Return the two filters of K-weighting for any rate: a high shelf for the head, a high-pass for the ear.

    Parameters
    ----------
    sample_rate : int
        Hz.

    Returns
    -------
    float64 (2, 6)
        Second-order sections as :func:`scipy.signal.sosfilt` takes them. At 48 kHz they are those that
        BS.1770-4 prints; at other rates they have the same response within 0.05 dB, within 0.2 dB below 16 kHz.

    Notes
    -----
    Bilinear transforms of the analogue filters behind the printed coefficients, with :math:`K = \tan(\pi f / f_s)`;
    their frequencies, qualities and gain: B. De Man, "Evaluation of implementations of the EBU R128 loudness
    measurement", AES Convention 145, 2018.
    """
    k, q = _warped(1681.974450955533, sample_rate), 0.7071752369554196
    gain = 10 ** (3.999843853973347 / 20)
    middle = gain**0.4996667741545416
    head = [gain + middle * k / q + k * k, 2 * (k * k - gain), gain - middle * k / q + k * k, *_poles(k, q)]
    frequency, q = 38.13547087602444, 0.5003270373238773
    k, printed = (_warped(frequency, rate) for rate in (sample_rate, 48_000))
    # The printed numerator is 1, -2, 1 without the denominator's first coefficient, which is part of the response.
    passband = 1 + printed / q + printed * printed
    ear = [passband, -2 * passband, passband, *_poles(k, q)]
    return np.array([np.divide(section, section[3]) for section in (head, ear)])


def _warped(frequency: float, sample_rate: int) -> float:
    # What lies above half the rate stays beyond all that the song has.
    return math.tan(math.pi * min(frequency / sample_rate, 0.499))


def _poles(k: float, q: float) -> tuple[float, float, float]:
    return 1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k


class _Distribution:
    """How often each level came, in steps of 0.01 LU from the absolute gate to 30 LUFS, and with how much power."""

    _PER_LU = 100

    def __init__(self) -> None:
        self._counts = np.zeros(100 * self._PER_LU, np.int64)
        self._powers = np.zeros(len(self._counts))

    def add(self, powers: npt.NDArray[np.float64]) -> None:
        powers = powers[powers >= _power(_ABSOLUTE_GATE)]
        levels = self._level(10 * np.log10(powers) - 0.691)
        np.add.at(self._counts, levels, 1)
        np.add.at(self._powers, levels, powers)

    def gate(self, below: float) -> int:
        """Return the first level that is no more than so many LU below the loudness of all."""
        threshold = self.mean(0) * 10 ** (-below / 10)
        if threshold <= _power(_ABSOLUTE_GATE):
            return 0
        level = int(self._level(np.array(_lufs(threshold))))
        return level + int(self._powers[level] < threshold * self._counts[level])

    def mean(self, gate: int) -> float:
        """Return the mean power of the levels from `gate` on, 0 if there are none."""
        count = self._counts[gate:].sum()
        return float(self._powers[gate:].sum() / count) if count else 0.0

    def percentile(self, share: float, gate: int) -> float:
        """Return the loudness that a share of the levels from `gate` on is below, in LUFS; 0 if there are none."""
        passed = np.cumsum(self._counts[gate:])
        if not passed[-1]:
            return 0.0
        level = gate + int(np.searchsorted(passed, round(share * (passed[-1] - 1)), side="right"))
        return _lufs(float(self._powers[level] / self._counts[level]))

    def _level(self, loudness: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        levels = ((loudness - _ABSOLUTE_GATE) * self._PER_LU).astype(np.int64)
        return np.minimum(levels, len(self._counts) - 1)


class _TruePeak:
    """The largest magnitude of a band-limited signal, looked at four times as often as it was sampled."""

    def __init__(self, channels: int) -> None:
        self._held = np.zeros((channels, 2 * _REACH - 1), np.float32)
        self._between = _interpolator()
        self._largest = 0.0

    def push(self, samples: FloatArray) -> None:
        known = np.concatenate([self._held, samples.T], axis=1)
        self._held = known[:, -(2 * _REACH - 1) :].copy()
        self._largest = max(self._largest, float(np.abs(samples).max()), self._interpolated(known))

    @property
    def value(self) -> float:
        ending = np.concatenate([self._held, np.zeros_like(self._held)], axis=1)
        return max(self._largest, self._interpolated(ending))

    def _interpolated(self, known: FloatArray) -> float:
        # A copy of the windows, so that the product is one call of BLAS.
        windows = np.ascontiguousarray(sliding_window_view(known, 2 * _REACH, axis=1))
        return float(np.abs(windows @ self._between).max())


def _interpolator() -> FloatArray:
    """Return float32 (2 * reach, 3): weights of the samples around a point 1/4, 1/2 and 3/4 behind the middle one."""
    phases = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distance = np.arange(1 - _REACH, _REACH + 1)[:, None] - phases
    window = np.i0(_KAISER_BETA * np.sqrt(1 - (distance / _REACH) ** 2))
    weights = np.sinc(distance) * window
    weights /= weights.sum(axis=0)
    return weights.astype(np.float32)


def _aligned(powers: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.float64]:
    """Put zeros in place of windows that were not complete yet, so that there is one for each step."""
    return np.concatenate([np.zeros(steps - len(powers)), powers])


def _power(loudness: float) -> float:
    return float(10 ** ((loudness + 0.691) / 10))


def _lufs(power: float) -> float:
    return 10 * math.log10(power) - 0.691 if power else -math.inf


def _decibels(magnitude: float) -> float:
    return 20 * math.log10(magnitude) if magnitude else -math.inf
