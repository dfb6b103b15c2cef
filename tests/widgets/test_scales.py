"""Scales of frequencies: librosa's mels, rows that show what lies in them, labels with room."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from spleeter_nb.widgets.scales import FrequencyAxis, bins_of_rows, hz_to_mel, mel_to_hz, rows_of

RATE = 22_050


def test_mels_are_those_of_librosa_and_go_back() -> None:
    hz = np.array([0, 1, 60, 440, 999, 1000, 1001, 4000, 6400, 22_050.0])
    np.testing.assert_allclose(hz_to_mel(hz), librosa.hz_to_mel(hz), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, rtol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "log", "mel"])
def test_rows_cover_the_axis_evenly(kind: str) -> None:
    axis = FrequencyAxis.between(kind, 0, 8000)
    assert axis.fmin == (20 if kind == "log" else 0)
    edges = axis.edges(100)
    assert (edges[0], edges[-1]) == (pytest.approx(axis.fmin), pytest.approx(8000))
    np.testing.assert_allclose(np.diff(axis.functions[0](edges), 2), 0, atol=1e-8)


@pytest.mark.parametrize("n_fft", [16, 17, 19, 1024])
@pytest.mark.parametrize("kind", ["linear", "log", "mel"])
@pytest.mark.parametrize("rows", [1, 7, 500])
def test_rows_show_the_maximum_or_the_nearest_of_their_bins(n_fft: int, kind: str, rows: int) -> None:
    bins = n_fft // 2 + 1
    edges = FrequencyAxis.between(kind, 0, RATE / 2).edges(rows)
    ranges = bins_of_rows(edges, hz_per_bin=RATE / n_fft, bins=bins)
    assert ranges.min() >= 0
    assert ranges.max() <= bins
    assert (ranges[:, 0] < ranges[:, 1]).all()
    columns = np.random.default_rng(0).random((3, bins)).astype(np.float32)
    expected = np.stack([columns[:, first:stop].max(axis=1) for first, stop in ranges], axis=1)
    np.testing.assert_array_equal(rows_of(columns, ranges), expected)


@pytest.mark.parametrize("kind", ["linear", "log", "mel"])
@pytest.mark.parametrize(("fmin", "fmax"), [(0, 11_025), (100, 150), (0, 192_000), (400, 1200), (0, 50)])
@pytest.mark.parametrize("note_names", [False, True])
def test_ticks_lie_on_the_axis_and_apart(kind: str, fmin: float, fmax: float, *, note_names: bool) -> None:
    axis = FrequencyAxis.between(kind, fmin, fmax)
    ticks = axis.ticks(distance=0.09, note_names=note_names)
    places = axis.functions[0](np.array([hz for hz, _ in ticks]))
    span = np.ptp(axis.functions[0](np.array([axis.fmin, axis.fmax])))
    assert all(axis.fmin <= hz <= axis.fmax for hz, _ in ticks)
    assert (np.diff(places) > 0.08 * span).all()
    assert note_names or len(ticks) >= 3


def test_labels_are_hz_or_notes() -> None:
    axis = FrequencyAxis.between("log", 0, 11_025)
    assert [label for _, label in axis.ticks(distance=0.09, note_names=False)] == [
        "20",
        "50",
        "100",
        "200",
        "500",
        "1k",
        "2k",
        "5k",
        "10k",
    ]
    notes = {label: hz for hz, label in axis.ticks(distance=0.09, note_names=True)}
    assert notes["C4"] == pytest.approx(librosa.note_to_hz("C4"))
