"""Spectrograms in JupyterLab are right: the drawn pixels, and what the read-out says, are librosa's values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import librosa
import numpy as np
import pytest

from tests.e2e.cells import MIXTURE_HERTZ, RATE, SIGNALS, TONE_HERTZ
from tests.e2e.comparison import Comparison, number_in, shares_in
from tests.e2e.notebook import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.notebook import Notebook

N_FFT, HOP = 4096, 1024
BINS = N_FFT // 2 + 1
NYQUIST = RATE / 2
SCALES = ("log", "linear", "mel")
CLOSE_DB = 0.5

# What the kernel has librosa say of the signals, in a file beside the notebook.
_ORACLE = """
import librosa
def power_of(wave):
    spectrum = librosa.stft(wave, n_fft=n_fft, hop_length=hop, pad_mode="constant")
    return abs(spectrum) ** 2
full_scale = librosa.filters.get_window("hann", n_fft).sum() / 2
np.save("librosa.npy", np.stack([
    librosa.amplitude_to_db(
        np.sqrt((power_of(wave[:, 0]) + power_of(wave[:, 1])) / 2), ref=full_scale, amin=1e-9, top_db=None
    )
    for wave in signals.values()
]))
"""


@pytest.fixture(scope="module")
def _oracle() -> dict[str, np.ndarray]:
    return {}


@pytest.fixture
def signals(stage: Notebook) -> Iterator[Comparison]:
    """Show tone, sweep, impulse and noise, one below the other."""
    stage.python(SIGNALS)
    shown = stage.run_code("view = SpectrogramComparison(signals, sample_rate=rate)\nview").locator(".snb-root")
    shown.wait_for()
    yield Comparison(stage.page, shown)
    stage.python(f"view.close()\nrate, time = {RATE}, np.arange(20 * {RATE}) / {RATE}")


@pytest.fixture
def oracle(signals: Comparison, stage: Notebook, _oracle: dict[str, np.ndarray]) -> np.ndarray:  # noqa: ARG001 - it makes them
    """What librosa says of the four signals: dB (signal, bin, column)."""
    if not _oracle:
        stage.python(_ORACLE)
        _oracle["levels"] = np.load(stage.host.work / "librosa.npy")
    return _oracle["levels"]


def fraction(hertz: np.ndarray, y_axis: str, fmin: float, fmax: float) -> np.ndarray:
    """Return how high frequencies are in a pane, 0 at the bottom."""
    scale = {"linear": np.asarray, "log": np.log, "mel": librosa.hz_to_mel}[y_axis]
    low = max(fmin, 20) if y_axis == "log" else fmin
    with np.errstate(divide="ignore"):
        return np.asarray((scale(hertz) - scale(low)) / (scale(fmax) - scale(low)))


def expected(levels: np.ndarray, shape: tuple[int, int], axis: tuple[str, float, float]) -> np.ndarray:
    """Return what each pixel of a pane that shows the whole song has to be, in dB.

    A pixel is in the column in whose cell its centre is, and shows the loudest of the bins that lie within its row, its
    lower edge included, else the nearest one.
    """
    height, width = shape
    samples = (np.arange(width) + 0.5) / width * 6 * RATE
    columns = np.clip(np.floor(samples / HOP + 0.5).astype(int), 0, levels.shape[1] - 1)
    hertz = np.arange(BINS) * RATE / N_FFT
    heights = fraction(hertz, *axis) * height
    rows = []
    for row in range(height):
        edge = 1e-9 if row == 0 else -1e-9  # the upper edge of the pane belongs to it
        inside = (heights >= height - row - 1 - 1e-9) & (heights < height - row + edge)
        if not inside.any():
            inside = np.zeros(BINS, bool)
            inside[nearest_bin(height - row - 0.5, height, axis)] = True
        rows.append(levels[inside].max(axis=0)[columns])
    return np.array(rows)


def nearest_bin(up: float, height: int, axis: tuple[str, float, float]) -> int:
    """Return the bin whose frequency is nearest to that of a place in a pane."""
    places = np.linspace(max(axis[1], 20), axis[2], 200_001)
    hertz = np.interp(up / height, fraction(places, *axis), places)
    return round(hertz * N_FFT / RATE)


def drawn_levels(shown: Comparison, pane: int, stage: Notebook) -> tuple[np.ndarray, float]:
    """Return what the colours of a pane say in dB, and the level below which they say nothing."""
    peak_db, top_db = stage.value("[view.peak_db, view.top_db]")
    floor = peak_db - top_db
    return floor + top_db * shares_in(shown.picture(pane), "magma"), floor


@pytest.mark.parametrize("band", [(0, NYQUIST), (900, 1200)])
@pytest.mark.parametrize("y_axis", SCALES)
def test_every_pixel_is_librosas_value(
    y_axis: str, band: tuple[float, float], signals: Comparison, stage: Notebook, oracle: np.ndarray
) -> None:
    stage.python(f"view.y_axis = {y_axis!r}; view.fmax = {band[1]}; view.fmin = {band[0]}; view.top_db = 100")
    until(stage.page, lambda: signals.choice("Frequency scale").input_value() == y_axis, "the scale is chosen")
    signals.wait_until_sharp()

    for pane, levels in enumerate(oracle):
        drawn, floor = drawn_levels(signals, pane, stage)
        wanted = expected(levels, drawn.shape, (y_axis, *band))
        wrong = np.abs(drawn - np.clip(wanted, floor, floor + 100)) > CLOSE_DB
        assert not wrong.any(), (
            f"{signals.panes[pane]}: {wrong.sum()} of {wrong.size} pixels, as {np.argwhere(wrong)[:5]}"
        )


@pytest.mark.parametrize("y_axis", SCALES)
def test_the_read_out_is_librosas_value(y_axis: str, signals: Comparison, stage: Notebook, oracle: np.ndarray) -> None:
    stage.python(f"view.y_axis = {y_axis!r}")
    until(stage.page, lambda: signals.choice("Frequency scale").input_value() == y_axis, "the scale is chosen")
    signals.wait_until_sharp()

    for pane, column, bin_number in [
        (0, 50, 93),
        (0, 120, 94),
        (1, 80, 260),
        (2, 100, 500),
        (2, 99, 1000),
        (3, 200, 700),
    ]:
        across = column * HOP / (6 * RATE)
        up = float(fraction(np.array(bin_number * RATE / N_FFT), y_axis, 0, NYQUIST))
        said = signals.read_at(across, up, pane=pane)

        at = round(said.seconds * RATE / HOP)
        bin_read = round(said.hertz * N_FFT / RATE)
        assert not said.caveats
        assert abs(at - column) <= 1  # a column is some pixels wide
        assert said.note in {note_of(said.hertz + off) for off in (-0.05, 0, 0.05)}
        for value, levels in zip(said.values.values(), oracle, strict=True):
            wanted = levels[bin_read, at]
            assert number_in(value) == pytest.approx(wanted, abs=CLOSE_DB) or (value == "silent" and wanted < -120)


def note_of(hertz: float) -> str:
    """Return the nearest note and the cents beside it, as librosa knows it: A4 +12."""
    name, sign, cents = re.fullmatch(r"(\D+\d+)([+-])(\d+)", librosa.hz_to_note(hertz, cents=True)).groups()  # type: ignore[union-attr]
    return name if cents == "0" else f"{name} {sign}{cents}"


def test_known_signals_have_their_known_levels(signals: Comparison, stage: Notebook) -> None:
    stage.python("view.y_axis = 'linear'; view.top_db = 100")
    until(stage.page, lambda: signals.choice("Frequency scale").input_value() == "linear", "the scale is chosen")
    signals.wait_until_sharp()
    tone, sweep, impulse, noise = (drawn_levels(signals, pane, stage)[0] for pane in range(4))
    height, width = tone.shape

    def row_of(hertz: float) -> int:
        return int(height * (1 - hertz / NYQUIST))

    # Sines of 0.1 and 0.05: the mean of their powers.
    assert tone[row_of(1001.3), width // 2] == pytest.approx(10 * np.log10((0.1**2 + 0.05**2) / 2), abs=CLOSE_DB)
    assert tone[row_of(5000), width // 2] < -90
    # 200 Hz and 1967 Hz for each second.
    assert abs(sweep[:, width // 2].argmax() - row_of(200 + 2 * 3 * 11_800 / 12)) <= 1
    # Half of full scale, in a window whose highest value is 1 and whose sum is half its length; all frequencies alike.
    at = int(100 * HOP / (6 * RATE) * width)
    assert impulse[:, at] == pytest.approx(20 * np.log10(0.5 / (N_FFT / 4)), abs=CLOSE_DB)
    assert (impulse[:, width // 2] == impulse.min()).all()
    # Noise of an effective value of 0.1: the mean of the loudest of some 15 bins is known only roughly.
    window = librosa.filters.get_window("hann", N_FFT)
    mean_db = 10 * np.log10(4 * 0.1**2 * (window**2).sum() / window.sum() ** 2)
    assert mean_db < np.median(noise) < mean_db + 8


@pytest.mark.parametrize("y_axis", SCALES)
def test_each_tone_is_in_its_pane_at_its_height(y_axis: str, stage: Notebook) -> None:
    shown = stage.run_code(
        f"view = SpectrogramComparison(stems, mixture=mixture, sample_rate=rate, y_axis={y_axis!r}, cmap='gray')\nview"
    )
    view = Comparison(stage.page, shown.locator(".snb-root"))
    view.wait_until_sharp()

    tones = {"mixture": MIXTURE_HERTZ, **TONE_HERTZ}
    assert view.panes == [*tones, "residual"]
    for pane, hertz in enumerate(tones.values()):
        picture = view.picture(pane)[..., 0]
        at = fraction(np.array(hertz), y_axis, 0, NYQUIST)
        brightest = picture.sum(axis=1).argmax()
        assert abs(brightest - (1 - at) * len(picture)) < 2
        assert picture[0].mean() < 10  # nothing above
    stage.python("view.close()")
