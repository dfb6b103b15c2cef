"""Headers that lie about the length (row A3 of the fault table): unknown means to the end, too much is a cut."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from spleeter_nb.audio import probe, read_blocks
from spleeter_nb.audio.mpeg import frame_bytes
from spleeter_nb.exceptions import CorruptAudioError, SpleeterError, TruncatedAudioError

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 40_000
UNKNOWN = 2**32 - 1


def length(data: bytes) -> int:
    return sum(len(block) for block in read_blocks(data, 10_000))


def lying(data: bytes, mark: bytes, offset: int, value: int | bytes) -> bytes:
    """Put a number, of 4 bytes from the highest on unless it is bytes, `offset` bytes behind a mark."""
    number = value if isinstance(value, bytes) else value.to_bytes(4, "big")
    at = data.index(mark) + len(mark) + offset
    return data[:at] + number + data[at + len(number) :]


@pytest.mark.parametrize("name", ["aac.m4a", "faststart.mp4", "alac.m4a"])
def test_mp4(songs: Path, name: str) -> None:
    data = (songs / name).read_bytes()
    for value in (0, UNKNOWN):
        unknown = lying(data, b"mdhd", 16, value)
        assert probe(unknown).frames is None
        assert length(unknown) == FRAMES
    for value in (0, 1, 120_000, 2**31, UNKNOWN):
        # What the film and the track are said to last does not matter.
        assert length(lying(data, b"mvhd", 16, value)) == FRAMES
        assert length(lying(data, b"tkhd", 20, value)) == FRAMES


def test_an_mp4_whose_edit_is_longer_than_its_sound(songs: Path) -> None:
    data = (songs / "aac.m4a").read_bytes()
    assert length(lying(data, b"elst", 8, 400)) == 400 * 48
    with pytest.raises(TruncatedAudioError):
        length(lying(data, b"elst", 8, 20_000))


def test_a_xing_tag_that_counts_more_than_there_is(songs: Path) -> None:
    data = (songs / "xing.mp3").read_bytes()
    for count in (100, UNKNOWN):
        with pytest.raises(TruncatedAudioError) as caught:
            length(lying(data, b"Info", 4, count))
        assert caught.value.context["got"] < 41_000


def test_a_xing_tag_that_counts_nothing(songs: Path) -> None:
    data = lying((songs / "xing.mp3").read_bytes(), b"Info", 4, 0)
    assert probe(data).frames is None
    assert FRAMES <= length(data) <= FRAMES + 1_152


def test_a_xing_tag_that_counts_no_bytes_is_taken_at_its_word(songs: Path) -> None:
    data = lying((songs / "xing.mp3").read_bytes(), b"Info", 0, 1)
    assert probe(data).frames is not None


@pytest.mark.parametrize("name", ["xing.mp3", "sndfile.mp3", "untagged.mp3"])
def test_songs_that_were_put_together_are_read_to_the_end(songs: Path, name: str) -> None:
    """The first one's tag knows only of itself."""
    data = (songs / name).read_bytes()
    assert length(data + data) >= 2 * FRAMES
    id3v1 = b"TAG" + bytes(125)
    assert length(data + id3v1) == length(data)
    for cut in (0.55, 0.8, 0.95):
        with pytest.raises(CorruptAudioError):
            length((data + data)[: int(2 * len(data) * cut)])


def test_rf64(songs: Path) -> None:
    data = (songs / "long.wav").read_bytes()
    for size in (2**32, 2**62):
        with pytest.raises(TruncatedAudioError) as caught:
            probe(lying(data, b"ds64", 12, struct.pack("<Q", size)))
        assert caught.value.context["expected"] == size // 4
    for size in (0, 2**64 - 1):
        with pytest.raises(SpleeterError):
            length(lying(data, b"ds64", 12, struct.pack("<Q", size)))
    for count in (0, 1, 2**63):
        assert length(lying(data, b"ds64", 20, struct.pack("<Q", count))) == FRAMES


def test_aiff(songs: Path) -> None:
    data = (songs / "song.aiff").read_bytes()
    assert length(lying(data, b"COMM", 6, 0)) == FRAMES
    for count in (FRAMES + 1, UNKNOWN):
        with pytest.raises(TruncatedAudioError):
            length(lying(data, b"COMM", 6, count))


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ("fffb9064", 417),  # MPEG-1, layer III, 128 kbit/s, 44.1 kHz
        ("fffb9264", 418),  # padded
        ("fffda404", 576),  # layer II, 192 kbit/s, 48 kHz
        ("fff384c4", 192),  # MPEG-2, layer III, 64 kbit/s, 24 kHz
        ("ffe348c4", 288),  # MPEG-2.5, layer III, 32 kbit/s, 8 kHz
        ("fffb0064", None),  # any rate that it likes
        ("fffbf064", None),
        ("fffb9c64", None),
        ("ffeb9064", None),
        ("ffff9064", None),
        ("ff1b9064", None),
        ("4944330a", None),
        ("fffb90", None),
    ],
)
def test_frames_of_mpeg_tell_their_size(head: str, size: int | None) -> None:
    assert frame_bytes(bytes.fromhex(head)) == size


RATES = {
    "mp2": [16_000, 22_050, 24_000, 32_000, 44_100, 48_000],
    "libmp3lame": [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000],
}


@pytest.mark.parametrize(("codec", "rate"), [(codec, rate) for codec, rates in RATES.items() for rate in rates])
def test_the_last_frame_is_whole_or_missed(tmp_path: Path, codec: str, rate: int) -> None:
    path = tmp_path / "x.mp3"
    noise = np.random.default_rng(rate).integers(-5_000, 5_000, (1, 12 * 1_152), np.int16)
    container, options = ("mp3", {"write_xing": "0"}) if codec == "libmp3lame" else ("mp2", {})
    with av.open(str(path), "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = 48_000
        for start in range(0, noise.shape[1], 1_152):
            frame = av.AudioFrame.from_ndarray(noise[:, start : start + 1_152], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            for converted in av.AudioResampler(format=stream.codec_context.format.name).resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    data = path.read_bytes()
    assert length(data) > 10_000
    with pytest.raises(CorruptAudioError):
        length(data[:-1])
