"""Sound as bytes in memory: lossless for players, small for previews."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from spleeter_nb.audio.ffmpeg_encoder import FFmpegEncoder
from spleeter_nb.audio.sndfile import FlacEncoder

if TYPE_CHECKING:
    from spleeter_nb.values import FloatArray


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

    Parameters
    ----------
    samples : float32 (samples, channels)
        At least one sample, one or two channels, full scale 1.0; what is beyond is cut off.
    sample_rate : int
        Hz; MP3 has 8, 11.025, 12, 16, 22.05, 24, 32, 44.1 and 48 kHz.
    bit_rate : int
        Bits a second, of all channels.
    """
    file = io.BytesIO()
    encoder = FFmpegEncoder("mp3", file, sample_rate=sample_rate, channels=samples.shape[1], bitrate=bit_rate)
    encoder.write(samples)
    encoder.finish()
    return file.getvalue()
