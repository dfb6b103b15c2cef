"""Limits: what the settings allow, and what no decoder could bear (rows A8 and A11 of the fault table)."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import ENDINGS, Limits, open_audio, probe, read_blocks
from spleeter_nb.audio.sniff import CONTAINERS
from spleeter_nb.exceptions import (
    AudioLimitError,
    CorruptAudioError,
    SpleeterError,
    UnsupportedFormatError,
    ValidationError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from spleeter_nb.values import AudioSource


def length(source: AudioSource, limits: Limits, *, on_corrupt: Any = "error", **times: float) -> int:
    with open_audio(source, limits=limits, on_corrupt=on_corrupt) as reader:
        return sum(len(block) for block in reader.blocks(4_096, **times))


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_a_file_that_is_too_large_is_not_decoded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((600_000, 1)), 44_100)
    with path.open("rb") as file:
        source = {"path": path, "bytes": path.read_bytes(), "file": file}[kind]
        assert length(source, Limits(max_file_mb=2)) == 600_000
        with pytest.raises(AudioLimitError, match=r"1\.1 MB; the setting max_file_mb allows 1") as caught:
            open_audio(source, limits=Limits(max_file_mb=1))
    assert caught.value.context["size"] == 1_200_044


def test_a_song_that_is_too_long_is_refused_before_it_is_decoded(songs: Path) -> None:
    short, long = Limits(max_duration_s=0.5), Limits(max_duration_s=1)
    for name in ("song.wav", "song.flac", "aac.m4a"):
        assert length(songs / name, long) == 40_000
        with open_audio(songs / name, limits=short) as reader, pytest.raises(AudioLimitError, match=r"after 0\.5 s"):
            reader.blocks(1_000)
        assert length(songs / name, short, duration=0.4) == 19_200
        with pytest.raises(AudioLimitError):
            length(songs / name, short, offset=0.6, duration=0.1)


@pytest.mark.parametrize("name", ["untagged.mp3", "raw.aac", "song.ts"])
def test_where_no_length_is_declared_what_is_produced_counts(songs: Path, name: str) -> None:
    """A11."""
    assert length(songs / name, Limits(max_duration_s=1)) >= 40_000
    with open_audio(songs / name, limits=Limits(max_duration_s=0.5)) as reader:
        blocks = reader.blocks(1_000)
        assert all(len(next(blocks)) == 1_000 for _ in range(24))
        with pytest.raises(AudioLimitError):
            next(blocks)


def test_a_lie_about_the_length_does_not_pass_the_limit(songs: Path) -> None:
    """A11: the header declares nothing, or years."""
    data = bytearray((songs / "song.flac").read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    with pytest.raises(AudioLimitError):
        length(bytes(data), Limits(max_duration_s=0.5))
    data[21:26] = bytes([data[21] | 0x0F, 255, 255, 255, 255])
    with pytest.raises(AudioLimitError):
        length(bytes(data), Limits(max_duration_s=60))
    assert length(bytes(data), Limits(max_duration_s=60), on_corrupt="salvage") == 40_000


def test_a_bomb_is_defused(tmp_path: Path) -> None:
    """A11: half an hour of silence in some kB, read in constant memory, and no further than is allowed."""
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 44_100, 2) as file:
        for _ in range(1_800):
            file.write(np.zeros((44_100, 2), np.int16))
    size = path.stat().st_size
    assert size < 1_000_000 < 1_800 * 44_100 * 2
    tracemalloc.start()
    with pytest.raises(AudioLimitError):
        length(path, Limits(max_duration_s=60))
    assert length(path, Limits(), duration=300) == 300 * 44_100
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_thousand_streams_and_a_giant_tag(songs: Path, tmp_path: Path) -> None:
    """A11."""
    path = tmp_path / "many.mka"
    samples = np.zeros((1, 1_024), np.int16)
    with av.open(str(path), "w", format="matroska") as output:
        streams: list[Any] = [output.add_stream("pcm_s16le", rate=48_000, layout="mono") for _ in range(1_000)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            output.mux(stream.encode(frame))
    try:
        assert length(path, Limits()) == 1_024
    except SpleeterError as error:
        assert error.context  # noqa: PT017 - both outcomes are right
    size = 10_000_000
    tag = b"ID3\x04\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)
    assert length(tag + (songs / "xing.mp3").read_bytes(), Limits()) == 40_000


FORMATS = {
    "song.wav": ("wav", "rf64"),
    "song.flac": ("flac",),
    "song.opus": ("ogg", "opus"),
    "xing.mp3": ("mp3",),
    "aac.m4a": ("m4a", "mp4"),
    "song.wma": ("wma", "asf"),
    "song.webm": ("webm", "mkv", "matroska"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_allowed_by_their_name_or_ending(songs: Path, name: str) -> None:
    for format_ in FORMATS[name]:
        assert length(songs / name, Limits(supported_formats=("aiff", format_))) == pytest.approx(40_000, abs=2_048)
    with pytest.raises(UnsupportedFormatError, match="supported_formats allows aiff, aac") as caught:
        open_audio(songs / name, limits=Limits(supported_formats=("aiff", "aac")))
    assert caught.value.context["format"] in FORMATS[name]


def test_a_format_is_told_by_its_content(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes((songs / "song.flac").read_bytes())
    with pytest.raises(UnsupportedFormatError, match=r"'song\.wav' is in the format flac"):
        open_audio(path, limits=Limits(supported_formats=("wav",)))


def test_arrays_are_in_no_format() -> None:
    samples = np.zeros((100, 2), np.float32)
    limits = Limits(max_file_mb=1, max_duration_s=1, supported_formats=("mp3",))
    with open_audio(samples, sample_rate=1_000, limits=limits) as reader:
        assert len(list(reader.blocks(100))) == 1
    with open_audio(samples, sample_rate=50, limits=limits) as reader, pytest.raises(AudioLimitError):
        reader.blocks(100)


def test_a_format_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"'flaq', which is no format\. Did you mean 'flac'") as caught:
        Limits(supported_formats=("wav", "flaq"))
    assert caught.value.context == {"setting": "supported_formats", "value": "flaq"}


def test_every_format_has_endings() -> None:
    assert {container.format for container in CONTAINERS} == set(ENDINGS)


def wav(channels: int, rate: int = 44_100) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 % 2**32, channels * 2 % 2**16, 16)
    return b"RIFF" + struct.pack("<I", 4 + 24 + 8 + 64) + b"WAVEfmt \x10\0\0\0" + form + b"data\x40\0\0\0" + bytes(64)


def test_channels_without_number_and_a_rate_of_none_are_damage() -> None:
    """A8."""
    for data in (wav(0), wav(2, rate=0)):
        with pytest.raises(CorruptAudioError):
            probe(data)


@pytest.mark.parametrize("channels", [65, 1_024, 65_535])
def test_too_many_channels_are_refused_before_memory_is_taken(channels: int) -> None:
    """A8."""
    tracemalloc.start()
    with pytest.raises((AudioLimitError, CorruptAudioError)):
        probe(wav(channels))
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("channels", [1, 3, 8, 64])
def test_up_to_64_channels_are_read(channels: int) -> None:
    """A8."""
    samples = np.random.default_rng(channels).uniform(-0.5, 0.5, (500, channels)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="WAV", subtype="FLOAT")
    assert np.array_equal(np.concatenate(list(read_blocks(file, 99))), samples)


ENDLESS = b"LIST\xff\xff\xff\x7fINFOINAM\xf3\xff\xff\x7f" + bytes(100)


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\xff\xff\xff\xffWAVE" + ENDLESS,
        b"RIFF\xff\xff\xff\xffWAVE" + b"junk\x03\0\0\0abc\0" + ENDLESS,
        b"RIFF\x40\0\0\0AVI LIST\xff\0\0\0hdrl" + ENDLESS,
        b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 10_001 + ENDLESS,
    ],
)
def test_tags_without_end_take_no_memory(data: bytes) -> None:
    """A11: FFmpeg would clear 2 GB for 144 bytes."""
    with pytest.raises(CorruptAudioError, match="its tags do not end"):
        probe(data)


def test_blocks_without_end_take_no_memory(songs: Path) -> None:
    """A11."""
    data = bytearray((songs / "alac.m4a").read_bytes())
    at = data.rindex(b"alac") + 8
    assert data[at : at + 4] == b"\0\0\x10\0"
    data[at + 1] = 255
    with pytest.raises(CorruptAudioError, match="too long to be sound"):
        probe(bytes(data))


@pytest.mark.parametrize("name", ["song.wav", "adpcm.wav", "song.avi"])
def test_tags_that_end_are_no_harm(songs: Path, name: str) -> None:
    data = (songs / name).read_bytes()
    tags = b"LIST\x10\0\0\0INFOINAM\x04\0\0\0text"
    assert length(data + tags, Limits()) == length(data, Limits())
