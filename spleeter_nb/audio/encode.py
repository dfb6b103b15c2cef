"""Sound as bytes in memory: lossless for players, small for previews."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from spleeter_nb.audio.sndfile import FlacEncoder

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray

_LAYOUTS = {1: "mono", 2: "stereo"}

# Samples handed to the encoder at once; it cuts them into its own frames.
_FRAME_SAMPLES = 1 << 15


def flac_bytes(samples: FloatArray, sample_rate: int) -> bytes:
    """Return a FLAC file of 16 bits.

    Parameters
    ----------
    samples : float32 (samples, channels)
        At least one sample, full scale 1.0; what is beyond is cut off.
    sample_rate : int
        Hz.
    """
    file = io.BytesIO()
    encoder = FlacEncoder(file, sample_rate=sample_rate, channels=samples.shape[1], bit_depth=16)
    encoder.write(samples)
    encoder.finish()
    return file.getvalue()


def mp3_bytes(samples: FloatArray, sample_rate: int, *, bit_rate: int) -> bytes:
    """Return an MP3 file whose header tells players what the encoder padded: decoded, it is as long as `samples`.

    Of less than some hundred samples it is longer.

    Parameters
    ----------
    samples : float32 (samples, channels)
        At least one sample, one or two channels, full scale 1.0; what is beyond is cut off.
    sample_rate : int
        Hz; MP3 has 8, 11.025, 12, 16, 22.05, 24, 32, 44.1 and 48 kHz.
    bit_rate : int
        Bits a second, of all channels.
    """
    import av  # noqa: PLC0415 - costs time and memory that only previews need

    file = io.BytesIO()
    planes = np.ascontiguousarray(np.clip(samples, -1.0, 1.0).T)
    layout = _LAYOUTS[len(planes)]
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=sample_rate, layout=layout, format="fltp", bit_rate=bit_rate)
        for start in range(0, planes.shape[1], _FRAME_SAMPLES):
            part = np.ascontiguousarray(planes[:, start : start + _FRAME_SAMPLES])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
