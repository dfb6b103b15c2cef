"""What is written, in every codec: in step with the samples, exactly as long, and as good as its encoder can do it."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import CODECS, BitDepth, choose_encoding, probe, write
from spleeter_nb.audio.ffmpeg_encoder import FFmpegEncoder
from tests.audio.signals import Samples, decode, encode, lag, noise, read, snr

if TYPE_CHECKING:
    from pathlib import Path

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
LOSSY = tuple(name for name, codec in CODECS.items() if not codec.is_lossless)
SHAPES = [
    (name, rate, channels)
    for name in LOSSY
    for rate in RATES
    for channels in (1, 2, 6)
    if rate in CODECS[name].sample_rates and channels <= CODECS[name].max_channels
]
DEPTHS: list[tuple[str, BitDepth]] = [(name, depth) for name, codec in CODECS.items() for depth in codec.bit_depths]
FRAMES = 20_011

REFERENCE = {
    # PyAV's plain encoding: encoder, container, what the encoder needs
    "mp3": ("libmp3lame", "mp3", {}),
    "ogg": ("vorbis", "ogg", {"strict": "-2"}),
    "m4a": ("aac", "mp4", {}),
    "wma": ("wmav2", "asf", {}),
}


def plainly_encoded(samples: Samples, *, codec: str, sample_rate: int, bitrate: int) -> Samples:
    """Encode with PyAV and decode with PyAV, put where it fits best."""
    encoder, container, options = REFERENCE[codec]
    file = io.BytesIO()
    encode(
        file,
        samples,
        codec=encoder,
        container=container,
        sample_rate=sample_rate,
        bitrate=bitrate,
        encoder_options=options,
    )
    return decode(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize(("codec", "sample_rate", "channels"), SHAPES)
def test_lossy_files_are_in_step_and_exactly_as_long(
    tmp_path: Path, codec: str, sample_rate: int, channels: int
) -> None:
    samples = noise(FRAMES, channels)
    path = tmp_path / f"x.{codec}"
    write(path, samples, sample_rate=sample_rate, codec=codec)
    info = probe(path)
    assert (info.frames, info.sample_rate, info.channels) == (FRAMES, sample_rate, channels)
    got = read(path)
    assert got.shape == samples.shape
    assert lag(got, samples) == 0
    # An LFE carries no noise of this kind.
    heard = [channel for channel in range(channels) if (channels, channel) != (6, 3)]
    for part in (slice(None), slice(2_000), slice(-2_000, None)):
        for channel in heard:
            assert snr(got[part, channel], samples[part, channel]) > 5, (part, channel)


@pytest.mark.parametrize("codec", LOSSY)
@pytest.mark.parametrize("frames", [1, 2, 47, 48, 440, 441, 1_023, 1_152, 1_153, 2_047, 2_048, 2_049, 4_097, 22_050])
def test_every_length_is_kept(tmp_path: Path, codec: str, frames: int) -> None:
    samples = noise(frames, 2)
    write(tmp_path / "x", samples, sample_rate=44_100, codec=codec)
    assert probe(tmp_path / "x").frames == frames
    assert len(read(tmp_path / "x")) == frames


@pytest.mark.parametrize("kilobits", [32, 64, 128, 160, 176, 177, 192, 208, 209, 240, 241, 320])
@pytest.mark.parametrize("sample_rate", [8_000, 24_000, 32_000, 44_100])
def test_an_mp3_of_any_bit_rate_is_as_loud_as_the_samples(tmp_path: Path, sample_rate: int, kilobits: int) -> None:
    tone = np.sin(2 * np.pi * 300 / sample_rate * np.arange(sample_rate)).astype(np.float32)[:, None]
    write(tmp_path / "x", tone, sample_rate=sample_rate, codec="mp3", bitrate=kilobits * 1000)
    got = read(tmp_path / "x")
    assert np.vdot(got, tone) / np.vdot(tone, tone) == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize("sample_rate", [44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize(("codec", "bit_depth"), DEPTHS)
def test_lossless_files_are_the_samples(
    tmp_path: Path, codec: str, bit_depth: BitDepth, channels: int, sample_rate: int
) -> None:
    bits = 24 if bit_depth == "float" else min(bit_depth, 24)
    samples = (np.rint(noise(5_000, channels) * 2 ** (bits - 1)) / 2 ** (bits - 1)).astype(np.float32)
    write(tmp_path / "x", samples, sample_rate=sample_rate, codec=codec, bit_depth=bit_depth)
    assert np.array_equal(read(tmp_path / "x"), samples)


@pytest.mark.parametrize(
    ("codec", "bitrate"),
    # FFmpeg's Vorbis takes 225 kbit/s, whatever one asks for.
    [("ogg", 256_000), *((name, bitrate) for name in ("mp3", "m4a", "wma") for bitrate in (96_000, 192_000))],
)
def test_nothing_is_lost_beyond_what_the_encoder_loses(tmp_path: Path, codec: str, bitrate: int) -> None:
    samples = noise(FRAMES, 2)
    write(tmp_path / "x", samples, sample_rate=44_100, codec=codec, bitrate=bitrate)
    plain = plainly_encoded(samples, codec=codec, sample_rate=44_100, bitrate=bitrate)
    # FFmpeg's own reading swallows the first block of WMA, which is 2048 samples here, and loses some of the end.
    start = 2_048 if codec == "wma" else 0
    inner = slice(2_048, FRAMES - 4_096)
    reference = snr(plain[inner.start - start : inner.stop - start], samples[inner])
    assert snr(read(tmp_path / "x")[inner], samples[inner]) > reference - 1


@pytest.mark.parametrize("codec", LOSSY)
def test_a_bitrate_is_kept_and_more_is_better(tmp_path: Path, codec: str) -> None:
    samples = noise(88_200, 2)
    sizes, qualities = [], []
    for bitrate in ("64k", "128k", "192k"):
        path = tmp_path / bitrate
        write(path, samples, sample_rate=44_100, codec=codec, bitrate=bitrate)
        sizes.append(path.stat().st_size * 8 / 2)
        qualities.append(snr(read(path), samples))
    assert sizes == sorted(sizes)
    assert qualities == sorted(qualities)
    # Vorbis aims at a quality, and noise costs more than music.
    assert sizes[1] == pytest.approx(128_000, rel=0.6 if codec == "ogg" else 0.25)


@pytest.mark.parametrize("bitrate", ["lowest", "highest"])
@pytest.mark.parametrize("codec", LOSSY)
def test_the_bitrates_of_the_table_can_be_had(tmp_path: Path, codec: str, bitrate: str) -> None:
    limits = CODECS[codec].bitrates
    assert limits is not None
    for sample_rate in (8_000, 44_100, 48_000):
        for channels in (1, 2):
            samples = noise(sample_rate // 2, channels)
            chosen = limits[bitrate == "highest"]
            write(tmp_path / "x", samples, sample_rate=sample_rate, codec=codec, bitrate=chosen)
            assert len(read(tmp_path / "x")) == len(samples)


@pytest.mark.parametrize(
    ("codec", "channels"), [(name, count) for name in LOSSY for count in range(1, CODECS[name].max_channels + 1)]
)
def test_channels_keep_their_places(tmp_path: Path, codec: str, channels: int) -> None:
    # Each is louder than the one before, and all are low enough for an LFE.
    time = np.arange(24_000, dtype=np.float32) / 48_000
    samples = np.stack([0.02 * (k + 1) * np.sin(2 * np.pi * (40 + 10 * k) * time) for k in range(channels)], axis=1)
    write(tmp_path / "x", samples.astype(np.float32), sample_rate=48_000, codec=codec)
    got = read(tmp_path / "x")[8_000:16_000]
    likeness = np.corrcoef(got.T, samples[8_000:16_000].T)[:channels, channels:]
    assert np.argmax(np.abs(likeness), axis=1).tolist() == list(range(channels))


@pytest.mark.parametrize("codec", LOSSY)
def test_what_is_beyond_full_scale_is_cut_off(tmp_path: Path, codec: str) -> None:
    samples = 20 * noise(FRAMES, 2)
    write(tmp_path / "loud", samples, sample_rate=44_100, codec=codec)
    write(tmp_path / "cut", np.clip(samples, -1, 1), sample_rate=44_100, codec=codec)
    assert np.array_equal(read(tmp_path / "loud"), read(tmp_path / "cut"))
    assert np.abs(read(tmp_path / "loud")).max() < 3


def test_defaults_are_filled_in() -> None:
    assert choose_encoding("flac").bit_depth == 16
    assert choose_encoding("mp3").bitrate is None
    assert choose_encoding("mp3", bitrate="128K").bitrate == 128_000


def test_what_ffmpeg_refuses_is_an_error_of_the_file() -> None:
    encoder = FFmpegEncoder("wma", io.BytesIO(), sample_rate=96_000, channels=2, bitrate=128_000)
    with pytest.raises(OSError, match="FFmpeg: "):
        encoder.write(noise(5_000, 2))


def test_other_programs_find_the_length(tmp_path: Path) -> None:
    samples = noise(FRAMES, 2)
    for codec in ("mp3", "ogg", "m4a"):
        write(tmp_path / codec, samples, sample_rate=44_100, codec=codec)
    for codec in ("mp3", "ogg"):
        assert soundfile.info(tmp_path / codec).frames == FRAMES
    with av.open(str(tmp_path / "m4a")) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == Fraction(FRAMES, 44_100)


# What other programs write


def encoded_aac(samples: Samples, **options: str) -> bytearray:
    """Make an M4A of 44.1 kHz."""
    file = io.BytesIO()
    with av.open(file, "w", format="ipod", options=options) as output:
        stream: Any = output.add_stream("aac", rate=44_100, layout="stereo", bit_rate=192_000)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return bytearray(file.getvalue())


def with_full_last_block(data: bytearray) -> bytearray:
    """Say of the last packet that it is as long as the others, as most encoders do."""
    start = data.index(b"stts")
    (entries,) = struct.unpack_from(">I", data, start + 8)
    struct.pack_into(">I", data, start + 12 + 8 * (entries - 1) + 4, 1024)
    return data


def box(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), name) + data


def with_itunes_note(data: bytearray, note: str) -> bytes:
    """Add iTunes' note to the end of the file, where FFmpeg puts the index."""
    start = data.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", data, start)
    assert start + size == len(data)
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    words = (box(b"mean", bytes(4), b"com.apple.iTunes"), box(b"name", bytes(4), b"iTunSMPB"))
    text = box(b"data", struct.pack(">II", 1, 0), note.encode())
    added = box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", box(b"----", *words, text))))
    struct.pack_into(">I", data, start, size + len(added))
    return bytes(data + added)


def test_an_edit_list_in_samples_ends_the_sound_to_the_sample() -> None:
    samples = noise(20_470, 2)  # 10 short of 20 blocks
    told = with_full_last_block(encoded_aac(samples, movie_timescale="44100"))
    assert read(bytes(told)).shape == samples.shape
    assert lag(read(bytes(told)), samples) == 0


def test_an_edit_list_in_milliseconds_costs_no_sample() -> None:
    samples = noise(20_470, 2)
    got = read(bytes(with_full_last_block(encoded_aac(samples))))
    assert len(samples) <= len(got) < len(samples) + 44


def test_itunes_note_tells_start_and_length() -> None:
    samples = noise(20_011, 2)
    plain = with_full_last_block(encoded_aac(samples, use_editlist="0"))
    padding = 20 * 1024 - len(samples)
    note = f" 00000000 {1024:08X} {padding:08X} {len(samples):016X}" + 8 * " 00000000"
    data = with_itunes_note(plain, note)
    assert probe(data).frames == len(samples)
    assert read(data).shape == samples.shape
    assert lag(read(data), samples) == 0


@pytest.mark.parametrize("note", ["nonsense", " 00000000 00000400 00000001 0000000000000005", ""])
def test_a_note_that_cannot_be_true_is_left_aside(note: str) -> None:
    samples = noise(20_011, 2)
    data = with_itunes_note(encoded_aac(samples, movie_timescale="44100"), note)
    assert read(data).shape == samples.shape


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100, 48_000])
def test_the_first_block_of_a_wma_is_heard(sample_rate: int) -> None:
    samples = noise(FRAMES, 2)
    file = io.BytesIO()
    with av.open(file, "w", format="asf") as output:
        stream: Any = output.add_stream("wmav2", rate=sample_rate, layout="stereo", bit_rate=128_000)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    got = read(file.getvalue())
    assert lag(got, samples) == 0
    assert snr(got[:2_048], samples[:2_048]) > 15
    # Its header counts whole blocks, in milliseconds.
    assert 0 <= len(got) - FRAMES < 2_048
