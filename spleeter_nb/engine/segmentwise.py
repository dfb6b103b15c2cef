"""From segments of the mixture to what they contribute to the stems: by ratio masks, or by the Wiener filter."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from spleeter_nb.dsp.wiener import SpatialStatistics
from spleeter_nb.engine.temporary import storing_temporarily, temporary_file
from spleeter_nb.engine.threads import ordered_map
from spleeter_nb.net.host import HostTransforms

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterable, Iterator

    from spleeter_nb.dsp.segments import Segment
    from spleeter_nb.net.runtime import Runtime
    from spleeter_nb.values import ComplexArray, FloatArray, MaskExtension, ModelSpec

T = TypeVar("T")


def masked(
    segments: Iterable[Segment], runtime: Runtime, *, mask_extension: MaskExtension, cancel: threading.Event
) -> Generator[tuple[Segment, FloatArray]]:
    """Separate by ratio masks.

    Parameters
    ----------
    segments : iterable of Segment
    runtime : Runtime
    mask_extension : {"zeros", "average"}
    cancel : threading.Event

    Yields
    ------
    segment : Segment
    contribution : float32 (instruments, 2, segment_samples)
    """

    def separate(batch: list[Segment]) -> FloatArray:
        samples = np.stack([segment.samples for segment in batch])
        weights = np.stack([segment.weights for segment in batch])
        return runtime.separate(samples, weights, mask_extension=mask_extension, cancel=cancel)

    batches = _batches(segments, runtime.batch_size)
    for batch, contributions in ordered_map(separate, batches, workers=runtime.workers):
        yield from zip(batch, contributions, strict=True)


class _Filed(NamedTuple):
    """What the second pass of the Wiener filter needs of a segment."""

    segment: Segment
    power: FloatArray
    spectrum: ComplexArray


def wiener_filtered(
    segments: Iterable[Segment], runtime: Runtime, *, spec: ModelSpec, cancel: threading.Event
) -> Generator[tuple[Segment, FloatArray]]:
    """Separate by the multichannel Wiener filter: one pass to learn how it is, one to apply it.

    What the second pass needs lies in a temporary file between the two, about 1 MB a second of sound.

    Parameters
    ----------
    segments : iterable of Segment
    runtime : Runtime
    spec : ModelSpec
    cancel : threading.Event

    Yields
    ------
    segment : Segment
    contribution : float32 (instruments, 2, segment_samples)

    Raises
    ------
    StorageError
        If the temporary file cannot be opened, written or read.
    """
    transforms = HostTransforms(spec)

    def estimate(batch: list[Segment]) -> list[tuple[ComplexArray, FloatArray]]:
        analysed = [transforms.analyse(segment.samples, mask_extension="zeros") for segment in batch]
        magnitude = np.stack([magnitude for _, magnitude in analysed])
        estimates = runtime.estimate(magnitude, cancel=cancel)
        return [(spectrum, e) for (spectrum, _), e in zip(analysed, estimates, strict=True)]

    statistics = SpatialStatistics(len(spec.instruments), spec.n_bins)
    with temporary_file() as file:
        skeletons = []
        batches = _batches(segments, runtime.batch_size)
        for batch, estimated in ordered_map(estimate, batches, workers=runtime.workers):
            for segment, (spectrum, estimates) in zip(batch, estimated, strict=True):
                power = statistics.observe(estimates, spectrum, segment.weights)
                _append(file, power, spectrum)
                # The samples are not needed any more.
                skeletons.append(segment._replace(samples=segment.samples[:, :0].copy()))
        wiener = statistics.filter()

        def apply(filed: _Filed) -> FloatArray:
            return transforms.invert(wiener.apply(filed.power, filed.spectrum), filed.segment.weights)

        for filed, contribution in ordered_map(apply, _read_back(file, skeletons, spec), workers=runtime.workers):
            yield filed.segment, contribution


def _append(file: IO[bytes], *arrays: FloatArray | ComplexArray) -> None:
    with storing_temporarily():
        for array in arrays:
            file.write(np.ascontiguousarray(array).data)


def _read_back(file: IO[bytes], skeletons: list[Segment], spec: ModelSpec) -> Iterator[_Filed]:
    with storing_temporarily():
        file.seek(0)
    for segment in skeletons:
        power = np.empty((len(spec.instruments), spec.segment_frames, spec.n_bins), np.float32)
        spectrum = np.empty((spec.n_channels, spec.segment_frames, spec.n_bins), np.complex64)
        with storing_temporarily():
            for array in (power, spectrum):
                file.readinto(array.data)  # type: ignore[attr-defined]  # IO does not say it; a TemporaryFile has it
        yield _Filed(segment, power, spectrum)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
