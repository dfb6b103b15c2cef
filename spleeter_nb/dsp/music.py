r"""What a song is like as music: tempo, key and the shape of its spectrum; librosa's measures, taken of a stream.

librosa takes whole songs. Here a stretch of some seconds is looked at, then the next, with frames that go on where the
last ones ended: means are those that librosa gives for the whole, and memory does not grow.

As with :func:`librosa.load`, sound is mono at 22 050 Hz, so that figures can be compared whatever rate a file has.

**Tempo.** Onsets come back after each beat: their autocorrelation in windows of 9 s (librosa's tempogram), averaged
over the song, has peaks there. The peak of one beat is found on the grid of frames, 23 ms apart, which is 5 % at 120
beats a minute; those of two, four and eight beats say more exactly where it lies.

**Key.** The mean strength of the twelve pitch classes is correlated with how well each of them fits a major or a minor
key, and the best of the 24 keys wins. The fits are those that C. L. Krumhansl and E. J. Kessler measured: "Tracing the
dynamic changes in perceived tonal organization in a spatial representation of musical keys", Psychological Review 89,
1982.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spleeter_nb.dsp.resample import Resampler
from spleeter_nb.exceptions import MissingDependencyError

if TYPE_CHECKING:
    import numpy.typing as npt

    from spleeter_nb.values import FloatArray

_RATE = 22_050
_N_FFT, _HOP_LENGTH = 2048, 512

# Pitch classes need finer frequencies: 2.7 Hz is half a semitone at 90 Hz.
_N_FFT_PITCH = 8192

# Samples looked at together: 12 s.
_STRETCH = 1 << 18

# The largest magnitude of a frame of a sine of -60 dBFS; what is below is no sound.
_AUDIBLE = 1e-3 * _N_FFT / 4

# Power that onsets are compared with: that of a sine of -84 dBFS. Noise below makes none.
_ONSET_FLOOR = 1e-3

_TEMPO_WINDOW = 384
_BEATS = (1, 2, 4, 8)

# Of each mode the names of its keys, with the fewest signs, and the fit of the pitch classes from the tonic upwards.
_MODES = {
    "major": (
        ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    ),
    "minor": (
        ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
}


@dataclass(frozen=True, slots=True)
class MusicFeatures:
    """Tempo, key and spectrum of a song, as a program hears them; None where it is silent."""

    tempo: float | None
    """Beats a minute; half or twice as many may be as right."""
    key: str | None
    """As in ``C# minor`` and ``Bb major``."""
    key_strength: float | None
    """How well that key fits: its correlation with the song's pitch classes, 1 at most. Below 0.5 it is a guess."""
    centroid: float | None
    """Hz, mean of the spectrum's centre of gravity; this and what follows is of the sound below 11 kHz."""
    bandwidth: float | None
    """Hz, mean spread around it."""
    rolloff: float | None
    """Hz, mean of the frequency with 85 % of the magnitude below it."""
    flatness: float | None
    """0 for a tone to 1 for noise, mean."""


class MusicMeter:
    """Look at a stream as librosa looks at a song.

    Parameters
    ----------
    sample_rate : int
        Hz.

    Raises
    ------
    MissingDependencyError
        If librosa is not installed.
    """

    def __init__(self, sample_rate: int) -> None:
        self._librosa = _librosa()
        self._resampler = Resampler(sample_rate, _RATE, 1)
        # Frames are centred, the first one at the first sample.
        self._waiting = [np.zeros(_N_FFT // 2, np.float32)]
        self._audible = 0
        self._sums = np.zeros(4)
        self._pitches = np.zeros(12)
        self._last_mel: FloatArray | None = None
        self._onsets = np.zeros(_TEMPO_WINDOW // 2, np.float32)
        self._tempogram = np.zeros(_TEMPO_WINDOW)

    def push(self, samples: FloatArray) -> None:
        """Take the next samples into account.

        Parameters
        ----------
        samples : float32 (samples, channels)
            Finite.
        """
        for start in range(0, len(samples), _STRETCH):
            mono = samples[start : start + _STRETCH].mean(axis=1, keepdims=True)
            self._waiting.append(self._resampler.push(mono)[:, 0])
            if sum(map(len, self._waiting)) >= _STRETCH:
                self._look()

    def features(self) -> MusicFeatures:
        """Return what was found; nothing can be pushed after it."""
        rest = self._resampler.push(np.empty((0, 1), np.float32), last=True)[:, 0]
        self._waiting += [rest, np.zeros(_N_FFT // 2, np.float32)]
        self._look()
        self._add_onsets(np.zeros(_TEMPO_WINDOW // 2, np.float32))
        if not self._audible:
            return MusicFeatures(*[None] * 7)
        key, strength = _key(self._pitches)
        return MusicFeatures(self._tempo(), key, strength, *(self._sums / self._audible).tolist())

    def _look(self) -> None:
        """Look at all whole frames that wait, and keep what belongs to the next one."""
        sound = np.concatenate(self._waiting)
        count = 1 + (len(sound) - _N_FFT) // _HOP_LENGTH
        self._waiting = [sound[count * _HOP_LENGTH :]]
        sound = sound[: (count - 1) * _HOP_LENGTH + _N_FFT]
        magnitudes = self._magnitudes(sound, _N_FFT, _HOP_LENGTH)
        self._add_mel(magnitudes**2)
        audible = magnitudes[:, magnitudes.max(axis=0) >= _AUDIBLE]
        if audible.size:
            self._add_shape(audible)
            # So many zeros that each sample is in a frame.
            self._add_pitches(np.pad(sound, (0, _N_FFT_PITCH - 1)))

    def _magnitudes(self, sound: FloatArray, n_fft: int, hop_length: int) -> FloatArray:
        magnitudes: FloatArray = np.abs(self._librosa.stft(sound, n_fft=n_fft, hop_length=hop_length, center=False))
        return magnitudes

    def _add_shape(self, magnitudes: FloatArray) -> None:
        feature = self._librosa.feature
        centroid = feature.spectral_centroid(S=magnitudes, sr=_RATE)
        shape = (
            centroid,
            feature.spectral_bandwidth(S=magnitudes, sr=_RATE, centroid=centroid),
            feature.spectral_rolloff(S=magnitudes, sr=_RATE),
            feature.spectral_flatness(S=magnitudes),
        )
        self._sums += np.concatenate(shape).sum(axis=1)
        self._audible += magnitudes.shape[1]

    def _add_pitches(self, sound: FloatArray) -> None:
        powers = self._magnitudes(sound, _N_FFT_PITCH, _N_FFT_PITCH // 2) ** 2
        chroma = self._librosa.feature.chroma_stft(S=powers, sr=_RATE, tuning=self._tuning(powers))
        self._pitches += chroma.sum(axis=1)

    def _tuning(self, powers: FloatArray) -> float:
        """Return how far the song is tuned away from 440 Hz, in semitones; 0 for sounds without a pitch."""
        pitches, strengths = self._librosa.piptrack(S=powers, sr=_RATE)
        found = pitches > 0
        if not found.any():
            return 0.0
        strong = found & (strengths >= np.median(strengths[found]))
        return float(self._librosa.pitch_tuning(pitches[strong]))

    def _add_mel(self, powers: FloatArray) -> None:
        librosa = self._librosa
        mel = librosa.power_to_db(librosa.feature.melspectrogram(S=powers, sr=_RATE), amin=_ONSET_FLOOR, top_db=None)
        before = mel[:, :1] if self._last_mel is None else self._last_mel
        self._last_mel = mel[:, -1:]
        onsets = librosa.onset.onset_strength(S=np.concatenate([before, mel], axis=1), sr=_RATE, center=False)
        self._add_onsets(onsets[1:])

    def _add_onsets(self, onsets: FloatArray) -> None:
        known = np.concatenate([self._onsets, onsets])
        if len(known) >= _TEMPO_WINDOW:
            found = self._librosa.feature.tempogram(onset_envelope=known, win_length=_TEMPO_WINDOW, center=False)
            self._tempogram += found.sum(axis=1)
            known = known[1 - _TEMPO_WINDOW :]
        self._onsets = known

    def _tempo(self) -> float | None:
        if not self._tempogram.any():
            return None
        frames_a_minute = 60 * _RATE / _HOP_LENGTH
        mean = self._tempogram / self._tempogram.max()
        (tempo,) = self._librosa.feature.tempo(tg=mean[:, None], sr=_RATE, hop_length=_HOP_LENGTH)
        return frames_a_minute / _refined(mean.tolist(), frames_a_minute / float(tempo))


def _refined(correlation: list[float], period: float) -> float:
    """Say more exactly where a peak lies, by those at its multiples."""
    for beats in _BEATS:
        nearest = round(beats * period)
        if nearest + 2 >= len(correlation):
            break
        peak = max(range(nearest - 1, nearest + 2), key=correlation.__getitem__)
        left, top, right = correlation[peak - 1 : peak + 2]
        if not top > (left + right) / 2:
            break
        period = (peak + (right - left) / (4 * top - 2 * left - 2 * right)) / beats
    return period


def _key(pitches: npt.NDArray[np.float64]) -> tuple[str, float]:
    fits = {
        f"{name} {mode}": float(np.corrcoef(np.roll(profile, tonic), pitches)[0, 1])
        for mode, (names, profile) in _MODES.items()
        for tonic, name in enumerate(names)
    }
    best = max(fits, key=fits.__getitem__)
    return best, fits[best]


def _librosa() -> Any:
    try:
        import librosa  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "Tempo, key and spectral features need librosa: pip install 'spleeter-nb[features]'.",
            library="librosa",
            extra="features",
        ) from error
    return librosa
