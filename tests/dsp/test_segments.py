"""How a stream is cut and joined, whatever the blocks it comes in."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spleeter_nb.dsp.segments import OverlapAdd, Segment, Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spleeter_nb.values import FloatArray

N_FFT, HOP, FRAMES = 32, 8, 12

lengths = st.integers(0, 700)
overlaps = st.integers(0, FRAMES // 2)


def ramp(samples: int, channels: int = 2) -> FloatArray:
    """Samples that are all different, so that each can be recognised."""
    return np.arange(1, samples * channels + 1, dtype=np.float32).reshape(samples, channels)


def in_blocks(song: FloatArray, block: int) -> Iterator[FloatArray]:
    for start in range(0, len(song), block):
        yield song[start : start + block]


def cut(samples: int, overlap: int, block: int = 100) -> list[Segment]:
    return list(Segmentation(N_FFT, HOP, FRAMES, overlap).cut(in_blocks(ramp(samples), block), 2))


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps)
def test_weights_add_up_to_one_for_each_frame(samples: int, overlap: int) -> None:
    segments = cut(samples, overlap)
    step = FRAMES - overlap
    total = np.zeros(step * (len(segments) - 1) + FRAMES, np.float32)
    for k, segment in enumerate(segments):
        total[k * step : k * step + FRAMES] += segment.weights
    np.testing.assert_allclose(total, 1, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps)
def test_count_is_the_number_of_segments_and_no_segment_is_needless(samples: int, overlap: int) -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, overlap)
    segments = cut(samples, overlap)
    assert len(segments) == segmentation.count(samples)
    frames = math.ceil((samples + N_FFT) / HOP)
    step = FRAMES - overlap
    assert (len(segments) - 1) * step + FRAMES >= frames
    assert len(segments) == 1 or (len(segments) - 2) * step + FRAMES < frames
    assert [segment.last for segment in segments] == [False] * (len(segments) - 1) + [True]


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps, block=st.integers(1, 800))
def test_segments_are_windows_of_the_song_behind_a_frame_of_zeros(samples: int, overlap: int, block: int) -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, overlap)
    padded = np.zeros((2, N_FFT + samples + 2 * segmentation.span), np.float32)
    padded[:, N_FFT : N_FFT + samples] = ramp(samples).T
    for k, segment in enumerate(cut(samples, overlap, block)):
        start = k * segmentation.advance
        np.testing.assert_array_equal(segment.samples, padded[:, start : start + segmentation.span])


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps)
def test_end_tells_how_much_of_the_song_was_read(samples: int, overlap: int) -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, overlap)
    for k, segment in enumerate(cut(samples, overlap, block=1)):
        assert segment.end == min(samples, k * segmentation.advance + segmentation.span - N_FFT)


@pytest.mark.parametrize("overlap", [4, 5, 6])
def test_outer_context_is_dropped_and_the_rest_fades(overlap: int) -> None:
    first, middle, *_, last = (segment.weights for segment in cut(700, overlap))
    dropped = overlap // 4
    assert not middle[:dropped].any()
    assert not middle[-dropped:].any()
    assert (np.diff(middle[dropped : overlap - dropped]) > 0).all()
    assert (middle[overlap - dropped : FRAMES - overlap + dropped] == 1).all()
    np.testing.assert_allclose(middle[:overlap] + middle[-overlap:], 1)
    # There is nothing in front of the song to fade from, nor behind it to fade to.
    assert (first[:overlap] == 1).all()
    assert (last[-overlap:] == 1).all()


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps)
def test_at_a_border_both_segments_count_by_half(samples: int, overlap: int) -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, overlap)
    segments, step = cut(samples, overlap), FRAMES - overlap
    expected = []
    for k in range(1, len(segments)):
        frames = np.arange(FRAMES) + k * step
        # What counts by one half, between the last frame that counts less and the first that counts more.
        middle = np.interp(0.5, *zip(*_rise(segments[k].weights, frames), strict=True))
        expected.append(middle * HOP + N_FFT / 2 - N_FFT)
    np.testing.assert_allclose(segmentation.borders(samples), [s for s in expected if 0 < s < samples], atol=0.5)


def _rise(weights: FloatArray, frames: np.ndarray) -> list[tuple[float, float]]:
    """The last frame of the rise below one half, with the frame in front of the segment, and the first above."""
    first = int(np.argmax(weights >= 0.5))
    below = (0.0, float(frames[0] - 1)) if first == 0 else (float(weights[first - 1]), float(frames[first - 1]))
    return [below, (float(weights[first]), float(frames[first]))]


@pytest.mark.parametrize(
    ("samples", "overlap", "borders"),
    [(0, 0, ()), (64, 0, ()), (76, 0, ()), (77, 0, (76,)), (300, 0, (76, 172, 268)), (300, 4, (60, 124, 188, 252))],
)
def test_borders_by_hand(samples: int, overlap: int, borders: tuple[int, ...]) -> None:
    assert Segmentation(N_FFT, HOP, FRAMES, overlap).borders(samples) == borders


def test_without_overlap_all_frames_count_fully() -> None:
    assert all((segment.weights == 1).all() for segment in cut(700, 0))


def test_one_segment_has_no_neighbour_to_fade_to() -> None:
    (only,) = cut(10, FRAMES // 2)
    assert (only.weights == 1).all()


def test_arrays_are_the_callers_to_keep() -> None:
    expected = [segment.samples.copy() for segment in cut(700, 4)]
    for segment, samples in zip(Segmentation(N_FFT, HOP, FRAMES, 4).cut([ramp(700)], 2), expected, strict=True):
        np.testing.assert_array_equal(segment.samples, samples)
        segment.samples[:] = -1
        segment.weights[:] = -1
    segments = cut(700, 4)
    assert not any(np.shares_memory(a.samples, b.samples) for a, b in itertools.combinations(segments, 2))


def test_a_song_without_samples_is_one_silent_segment() -> None:
    (only,) = Segmentation(N_FFT, HOP, FRAMES).cut([], 3)
    assert only.samples.shape == (3, (FRAMES - 1) * HOP + N_FFT)
    assert not only.samples.any()
    assert (only.end, only.last) == (0, True)


def test_empty_blocks_change_nothing() -> None:
    song, empty = ramp(300), np.empty((0, 2), np.float32)
    found = list(Segmentation(N_FFT, HOP, FRAMES).cut([empty, song[:150], empty, song[150:], empty], 2))
    for segment, expected in zip(found, cut(300, 0), strict=True):
        np.testing.assert_array_equal(segment.samples, expected.samples)


@settings(max_examples=100, deadline=None)
@given(samples=lengths, overlap=overlaps)
def test_joined_stream_is_the_sum_of_all_contributions_and_as_long_as_the_song(samples: int, overlap: int) -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, overlap)
    joined, parts = OverlapAdd(segmentation), []
    total = np.zeros((3, 2, N_FFT + samples + 2 * segmentation.span), np.float64)
    rng = np.random.default_rng(samples)
    for k, segment in enumerate(cut(samples, overlap)):
        contribution = rng.standard_normal((3, 2, segmentation.span)).astype(np.float32)
        start = k * segmentation.advance
        total[..., start : start + segmentation.span] += contribution
        parts.append(joined.push(contribution, segment).copy())
    found = np.concatenate(parts, axis=-1)
    np.testing.assert_allclose(found, total[..., N_FFT : N_FFT + samples], atol=1e-5)


def test_samples_come_as_soon_as_no_later_segment_changes_them() -> None:
    segmentation = Segmentation(N_FFT, HOP, FRAMES, 4)
    joined = OverlapAdd(segmentation)
    *early, _ = (joined.push(np.ones((1, segmentation.span), np.float32), segment).shape[-1] for segment in cut(700, 4))
    assert early == [segmentation.advance - N_FFT] + [segmentation.advance] * (len(early) - 1)
