"""Spectrograms on paper: their values, scales and colours are librosa's and matplotlib's, and nothing is kept."""

from __future__ import annotations

import base64
import io
import sys
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from spleeter_nb import SpectrogramComparison, spectrogram_figure
from spleeter_nb.exceptions import UnknownOptionError, ValidationError
from spleeter_nb.values import ModelSpec
from spleeter_nb.widgets.figure import small_picture
from spleeter_nb.widgets.panes import checked
from spleeter_nb.widgets.scales import FrequencyAxis
from spleeter_nb.widgets.static import TEXT
from tests.widgets.test_scene import result_of

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

    from spleeter_nb.values import FloatArray

RATE = 22_050
N_FFT, HOP = 1024, 256


def sounds() -> dict[str, FloatArray]:
    """Of known level: a tone, a sweep, an impulse, noise; 1.5 s, mono."""
    times = np.arange(3 * RATE // 2) / RATE
    impulse = np.zeros(len(times))
    impulse[RATE // 2] = 0.8
    return {
        name: np.asarray(sound, np.float32)
        for name, sound in {
            "tone": 0.5 * np.sin(2 * np.pi * 1000 * times),
            "sweep": 0.25 * np.sin(2 * np.pi * (100 * times + 3000 * times**2)),
            "impulse": impulse,
            "noise": np.random.default_rng(0).normal(0, 0.05, len(times)),
        }.items()
    }


def librosa_levels(sound: FloatArray, window: str = "hann") -> FloatArray:
    """dB (bins, columns); a sine of amplitude 1 is 0 dB."""
    spectrum = librosa.stft(sound, n_fft=N_FFT, hop_length=HOP, window=window, center=True, pad_mode="constant")
    ref = librosa.filters.get_window(window, N_FFT).sum() / 2
    levels: FloatArray = librosa.amplitude_to_db(np.abs(spectrum), ref=ref, top_db=None)
    return levels


def images(figure: Figure) -> dict[str, QuadMesh]:
    return {axes.get_title(loc="left"): axes.collections[0] for axes in figure.axes if axes.get_title(loc="left")}


@pytest.fixture(scope="module")
def view() -> SpectrogramComparison:
    return SpectrogramComparison(
        sounds(), sample_rate=RATE, mixture=sum(sounds().values()), n_fft=N_FFT, hop_length=HOP, title="Sounds"
    )


# Values and colours


@pytest.mark.parametrize("name", list(sounds()))
@pytest.mark.parametrize("y_axis", ["linear", "log", "mel"])
def test_values_and_colours_are_those_of_librosa_on_every_scale(
    name: str, y_axis: str, view: SpectrogramComparison
) -> None:
    figure = view.figure(panes=[name], y_axis=y_axis, region=[0.2, 0.9], top_db=90, width=8, height=30, dpi=100)
    image = images(figure)[name]
    levels = librosa_levels(sounds()[name])
    values = np.asarray(image.get_array())
    low, high = image.get_clim()
    assert high - low == pytest.approx(90)
    axes = image.axes
    (start, fmin), (stop, fmax) = image.get_coordinates()[0, 0], image.get_coordinates()[-1, -1]
    bottom, top = (axes.transData.transform((0, hz))[1] for hz in (fmin, fmax))
    columns = np.arange(-(-RATE // 5 // HOP), RATE * 9 // 10 // HOP)
    places = ((columns * HOP / RATE - start) / (stop - start) * values.shape[1]).astype(int)
    edges = FrequencyAxis.between(y_axis, 0, RATE / 2).edges(len(values))
    centres = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    for k in range(2, N_FFT // 2, 7):
        if centres[k] <= fmin:
            continue
        row = int((axes.transData.transform((0, centres[k]))[1] - bottom) / (top - bottom) * len(values))
        # Where a row holds several bins, it shows the loudest.
        inside = np.flatnonzero((edges[row] <= centres) & (centres < edges[row + 1]))
        expected = np.maximum(levels[inside if len(inside) else [k]][:, columns].max(axis=0), low)
        np.testing.assert_allclose(values[row, places], expected, atol=0.02)
        colours = colormaps["magma"](np.clip((expected - low) / 90, 0, 1))
        np.testing.assert_allclose(image.to_rgba(values[row, places]), colours, atol=0.03)


@pytest.mark.parametrize("y_axis", ["linear", "log", "mel"])
def test_a_tone_is_drawn_at_its_frequency(y_axis: str, view: SpectrogramComparison) -> None:
    figure = view.figure(panes=["tone"], y_axis=y_axis, height=6, dpi=100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int).sum(axis=2)
    axes = figure.axes[0]
    across, up = axes.transData.transform((0.75, 1000))
    low = axes.get_window_extent().y0
    column = pixels[:, round(across)][::-1][round(low) + 2 : round(axes.get_window_extent().y1) - 2]
    brightest = np.flatnonzero(column == column.max()) + round(low) + 2
    bin_pixels = np.diff(axes.transData.transform([(0, 1000), (0, 1000 + RATE / N_FFT)])[:, 1])[0]
    assert abs(brightest.mean() - up) <= bin_pixels + 2


def test_all_of_a_song_that_fits_is_there(view: SpectrogramComparison) -> None:
    figure = view.figure(panes=["noise"], y_axis="linear", height=12, width=12, dpi=100)
    values = np.asarray(images(figure)["noise"].get_array())
    levels = librosa_levels(sounds()["noise"])
    assert values.shape[1] == levels.shape[1]
    assert np.abs(values.max(axis=0) - levels.max(axis=0)).max() < 0.02


def test_a_narrow_picture_shows_the_loudest_of_each_column(view: SpectrogramComparison) -> None:
    values = np.asarray(images(view.figure(panes=["impulse"], width=2, dpi=20))["impulse"].get_array())
    levels = librosa_levels(sounds()["impulse"])
    assert values.shape[1] < 20
    assert values.max() == pytest.approx(levels.max(), abs=0.02)


def test_gain_and_range_move_the_colours(view: SpectrogramComparison) -> None:
    image = images(view.figure(panes=["tone"], gain_db=10, top_db=50, cmap="gray"))["tone"]
    assert image.get_clim() == (pytest.approx(view.peak_db - 60), pytest.approx(view.peak_db - 10))
    assert image.cmap.name == "gray"


def test_masks_and_differences_are_those_of_the_levels(view: SpectrogramComparison) -> None:
    panes = [("mask", "tone"), ("difference", "tone", "noise")]
    figure = view.figure(panes=panes, y_axis="linear", height=14, difference_db=30, dpi=100)
    mask, difference = (image for image in images(figure).values())
    assert list(images(figure)) == ["mask of tone", "tone \N{MINUS SIGN} noise"]
    assert (mask.get_clim(), mask.cmap.name) == ((0, 1), "viridis")
    assert (difference.get_clim(), difference.cmap.name) == ((-30, 30), "coolwarm")
    k, column = round(1000 * N_FFT / RATE), 60
    row = int((k * RATE / N_FFT) / (RATE / 2) * mask.get_array().shape[0])
    tone, noise, mixture = (
        librosa_levels(sound) for sound in (sounds()["tone"], sounds()["noise"], sum(sounds().values()))
    )
    ratio = 10 ** ((tone[k, column] - mixture[k, column]) / 20)
    assert mask.get_array()[row, column] == pytest.approx(min(1, ratio), abs=0.01)
    low = view.peak_db - 80
    expected = max(tone[k, column], low) - max(noise[k, column], low)
    assert difference.get_array()[row, column] == pytest.approx(expected, abs=0.1)


def test_of_silence_a_mask_takes_nothing_and_no_value_is_missing() -> None:
    silent = np.zeros(RATE, np.float32)
    figure = spectrogram_figure(
        {"a": silent, "b": sounds()["noise"][:RATE]},
        sample_rate=RATE,
        mixture=silent,
        panes=["a", ("mask", "a"), ("difference", "a", "b")],
    )
    assert all(np.isfinite(np.asarray(image.get_array())).all() for image in images(figure).values())
    assert not np.asarray(images(figure)["mask of a"].get_array()).any()
    view = SpectrogramComparison({"a": silent}, sample_rate=RATE, mixture=silent, panes=[("mask", "a")])
    assert view.static_png().startswith(b"\x89PNG")
    view.close()


# What it takes


def test_what_is_drawn_of_arrays_is_what_a_comparison_draws(view: SpectrogramComparison) -> None:
    options: dict[str, Any] = {"panes": ["sweep", "residual"], "region": [0.1, 1.0], "y_axis": "mel", "dpi": 50}
    arrays = spectrogram_figure(
        sounds(), sample_rate=RATE, mixture=sum(sounds().values()), n_fft=N_FFT, hop_length=HOP, **options
    )
    comparison = spectrogram_figure(view, **options)
    for name, image in images(arrays).items():
        np.testing.assert_array_equal(image.get_array(), images(comparison)[name].get_array())
        assert image.get_clim() == images(comparison)[name].get_clim()


def test_axes_are_seconds_and_hz_and_marks_are_drawn(view: SpectrogramComparison) -> None:
    figure = view.figure(panes=["tone", "noise"], region=[0.25, 1.25], note_names=True, fmin=100, fmax=5000)
    axes = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [one.get_xlim() for one in axes] == [(0.25, 1.25)] * 2
    assert all(one.get_ylim() == (100, 5000) for one in axes)
    assert "C4" in [label.get_text() for label in axes[0].get_yticklabels()]
    # One bar for both: their colours are the same.
    assert len(figure.axes) == 3
    assert figure.texts[0].get_text() == "Sounds"


def test_limits_of_the_network_are_drawn_on_request() -> None:
    frames = 2 * RATE
    spec = ModelSpec("m", ("a",), n_fft=1024, hop_length=256, n_bins=200, sample_rate=RATE, segment_frames=64)
    stems = {"a": np.zeros((frames, 2), np.float32)}
    result = replace(result_of(stems, lambda: stems["a"], rate=RATE), spec=spec)
    assert not any(axes.lines for axes in spectrogram_figure(result, dpi=20).axes)
    figure = spectrogram_figure(result, panes=["a"], show_band_limit=True, show_segments=True, dpi=20)
    band, *borders = figure.axes[0].lines
    assert list(band.get_ydata()) == [result.band_limit] * 2
    assert tuple(border.get_xdata()[0] for border in borders) == result.segment_borders() != ()
    # What lies outside is not drawn.
    assert not spectrogram_figure(result, panes=["a"], show_band_limit=True, fmax=1000, dpi=20).axes[0].lines


def test_long_songs_have_minutes() -> None:
    figure = spectrogram_figure({"a": np.zeros(130 * 3000, np.float32)}, sample_rate=3000, dpi=20)
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"0:00", "1:00", "2:00"} <= set(labels)


def test_size_and_dots_are_as_asked(view: SpectrogramComparison) -> None:
    figure = spectrogram_figure(view, width=5, height=4, dpi=50)
    assert (tuple(figure.get_size_inches()), figure.dpi) == ((5, 4), 50)
    file = io.BytesIO()
    figure.savefig(file, format="pdf")
    assert file.getvalue().startswith(b"%PDF")


@pytest.mark.parametrize(
    "options",
    [{"width": 0}, {"height": "5"}, {"dpi": 10**9}, {"dpi": True}, {"fmin": 5000, "fmax": 5010}, {"panes": []}],
)
def test_wrong_options_are_refused(options: dict[str, Any], view: SpectrogramComparison) -> None:
    with pytest.raises(ValidationError):
        spectrogram_figure(view, **options)
    with pytest.raises(ValidationError):
        spectrogram_figure(sounds(), sample_rate=RATE, **options)


def test_unknown_options_name_the_nearest(view: SpectrogramComparison) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'cmap'"):
        spectrogram_figure(view, cmaps="magma")
    with pytest.raises(UnknownOptionError, match="Did you mean 'n_fft'"):
        spectrogram_figure(sounds(), sample_rate=RATE, nfft=512)


@pytest.mark.parametrize("title", ["$x^2", "%", "中\u202e", "\\frac", "<b>"])
def test_titles_are_text(title: str) -> None:
    figure = spectrogram_figure({title: np.zeros(3000, np.float32)}, sample_rate=3000, title=title, dpi=20)
    figure.canvas.draw()


def test_a_notebook_shows_it(view: SpectrogramComparison) -> None:
    figure = view.figure(panes=["tone"], dpi=30)
    data, _ = DisplayFormatter().format(figure)
    assert data["image/png"].startswith(b"\x89PNG")


def test_nothing_is_kept_and_no_window_is_made(view: SpectrogramComparison) -> None:
    view.figure(dpi=20)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_long_song_needs_no_whole_spectrogram() -> None:
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, (120 * RATE, 2)).astype(np.float32)
    view = SpectrogramComparison({"a": sound}, sample_rate=RATE, n_fft=2048, hop_length=256)
    view.figure(dpi=20)
    tracemalloc.start()
    view.figure(dpi=50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    view.close()
    # Whole, it has 43 MB as float32.
    assert peak < 15e6


def test_columns_of_a_picture_may_be_of_very_many_frames() -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-0.1, 0.1, (3 * RATE, 2)).astype(np.float32)
    view = SpectrogramComparison({"a": sound}, sample_rate=RATE, n_fft=4096, hop_length=8)
    view.figure(dpi=20)
    tracemalloc.start()
    figure = view.figure(width=2, dpi=10, y_axis="linear")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A column is of 1654 frames: as float32, 13 MB.
    values = np.asarray(images(figure)["a"].get_array())
    assert values.shape[1] == 5
    assert peak < 6e6
    levels = view.spectrogram("a")
    view.close()
    whole = [levels[:, start : start + 1654].max() for start in range(0, levels.shape[1], 1654)]
    np.testing.assert_allclose(values.max(axis=0), whole, atol=0.02)


# The small one


def test_the_small_picture_is_small(real_stems: dict[str, np.ndarray]) -> None:
    view = SpectrogramComparison(real_stems, sample_rate=44_100, mixture=sum(real_stems.values()), title="Song")
    settings = checked(view.limits, {"panes": [*view.signals, "mixture", "mixture"]})
    picture = small_picture(view.analysis, settings, TEXT)
    view.close()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000


def test_the_small_picture_of_noise_is_small_and_the_page_shines_through() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (10 * RATE, 2)).astype(np.float32)
    view = SpectrogramComparison({"a": noise}, sample_rate=RATE, panes=["a"] * 8, top_db=10, y_axis="mel")
    data, _ = view._repr_mimebundle_()
    view.close()
    assert len(data["text/html"]) + len(base64.b64encode(data["image/png"])) < 350_000
    picture = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGBA"))
    assert picture[0, 0, 3] == 0
    assert (picture[..., 3] >= 254).mean() > 0.5
