"""Noise, how it is written and read by plain PyAV, and how to tell whether it came back in step."""

from __future__ import annotations

from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

import av
import numpy as np
import numpy.typing as npt

from spleeter_nb.audio import open_audio

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import OutputContainer

Samples = npt.NDArray[np.float32]

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def noise(frames: int, channels: int, *, seed: int = 7) -> Samples:
    """Noise that lossy codecs keep: mostly in the lowest eighth of the band, different in each channel."""
    white = np.random.default_rng(seed).standard_normal((frames + 32, channels))
    smooth = np.stack([np.convolve(channel, np.hanning(16) / 8, "same")[16:-16] for channel in white.T], axis=1)
    return np.ascontiguousarray(0.2 * smooth, dtype=np.float32)


def read(source: Path | bytes) -> Samples:
    with open_audio(source) as reader:
        return np.concatenate(list(reader.blocks(5_000)))


def lag(samples: Samples, reference: Samples) -> int:
    """How many samples `samples` is later than `reference`, at most 3000 either way."""
    window = reference[6_000:12_000, 0]
    scores = np.correlate(samples[3_000:15_000, 0], window, "valid")
    return int(np.argmax(scores)) - 3_000


def snr(samples: Samples, reference: Samples) -> float:
    error = np.square(samples - reference, dtype=np.float64).sum()
    return float(10 * np.log10(np.square(reference, dtype=np.float64).sum() / error)) if error else float("inf")


def encode(  # noqa: PLR0913 - what PyAV can be told
    file: Path | IO[bytes],
    samples: Samples,
    *,
    codec: str,
    container: str,
    sample_rate: int,
    layout: str | None = None,
    bitrate: int | None = None,
    encoder_options: dict[str, str] | None = None,
    pictures: str | None = None,
    **options: str,
) -> None:
    """Write with PyAV alone, beside a few pictures if their codec is given; `options` are those of the container."""
    target: Any = file if hasattr(file, "write") else str(file)
    layout = layout or LAYOUTS[samples.shape[1]]
    with av.open(target, "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=sample_rate, layout=layout, options=encoder_options)
        stream.bit_rate = bitrate or 96_000 * samples.shape[1]
        stream.codec_context.open()
        if pictures:
            add_pictures(output, pictures, seconds=len(samples) / sample_rate)
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=sample_rate)
        for start in range(0, len(samples), size):
            block = np.ascontiguousarray(samples[start : start + size]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
            for converted in resampler.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))


def add_pictures(output: OutputContainer, codec: str, *, seconds: float) -> None:
    stream: Any = output.add_stream(codec, rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for _ in range(round(25 * seconds)):
        output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
    output.mux(stream.encode(None))


def decode(file: Path | IO[bytes]) -> Samples:
    """Read with PyAV alone, as it comes."""
    source: Any = file if hasattr(file, "read") else str(file)
    with av.open(source) as container:
        # Interleaved: PyAV 18 crashes over eight planes.
        resampler = av.AudioResampler(format="flt")
        frames = [whole for frame in container.decode(audio=0) for whole in resampler.resample(frame)]
        channels = frames[0].layout.nb_channels
        return np.concatenate([frame.to_ndarray().reshape(-1, channels) for frame in frames])
