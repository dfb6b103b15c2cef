from __future__ import annotations

import os
import random
import re
import socket
import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile

from spleeter_nb.audio import open_audio, probe, read_blocks
from spleeter_nb.audio.ffmpeg import FFmpegDecoder
from spleeter_nb.audio.sniff import Container
from spleeter_nb.audio.source import open_source
from spleeter_nb.exceptions import (
    AudioChangedError,
    CorruptAudioError,
    EmptyAudioError,
    SpleeterError,
    TruncatedAudioError,
    UnsupportedFormatError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WITH_LENGTH = [
    "song.wav", "float.wav", "long.wav", "adpcm.wav", "song.flac", "song.aiff", "song.ogg", "song.opus",
    "xing.mp3", "aac.m4a", "alac.m4a", "faststart.mp4", "song.wma", "song.mka", "song.webm", "song.avi",
]  # fmt: skip


def length(data: bytes) -> int:
    return sum(len(block) for block in read_blocks(data, 10_000))


@pytest.mark.parametrize("name", WITH_LENGTH)
def test_every_cut_is_noticed(songs: Path, name: str) -> None:
    """A2."""
    data = (songs / name).read_bytes()
    cuts = [int(len(data) * part) for part in np.linspace(0.02, 0.98, 20)]
    for cut in cuts:
        with pytest.raises(CorruptAudioError):
            length(data[:cut])


@pytest.mark.parametrize("name", ["song.wav", "song.aiff", "song.flac", "xing.mp3"])
def test_a_cut_tells_what_is_missing(songs: Path, name: str) -> None:
    """A2."""
    data = (songs / name).read_bytes()
    with pytest.raises(TruncatedAudioError, match="again") as caught:
        length(data[: len(data) // 2])
    assert caught.value.context["expected"] == 40_000
    assert 10_000 <= caught.value.context["got"] < 30_000


def test_one_missing_sample_is_noticed_where_lengths_are_exact(songs: Path) -> None:
    for name in ("song.wav", "song.aiff"):
        data = (songs / name).read_bytes()
        with pytest.raises(TruncatedAudioError) as caught:
            probe(data[:-4])
        assert caught.value.context["got"] == 39_999


@pytest.mark.parametrize("size", [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_of_unknown_length_is_read_to_its_end(songs: Path, size: int) -> None:
    """A3."""
    data = bytearray((songs / "song.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = struct.pack("<I", size)
    assert length(bytes(data)) == 40_000


def test_a_wav_that_lies_about_its_length(songs: Path) -> None:
    """A3."""
    data = bytearray((songs / "song.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 4 * 39_000)
    assert length(bytes(data)) == 39_000
    data[at : at + 4] = struct.pack("<I", 4 * 4_000_000)
    with pytest.raises(TruncatedAudioError) as caught:
        probe(bytes(data))
    assert caught.value.context["expected"] == 4_000_000


def flac_with_total(data: bytes, total: int) -> bytes:
    changed = bytearray(data)
    changed[21] = changed[21] & 0xF0 | total >> 32
    changed[22:26] = struct.pack(">I", total & 0xFFFF_FFFF)
    return bytes(changed)


def test_a_flac_of_unknown_length_is_read_to_its_end(songs: Path) -> None:
    """A3."""
    data = flac_with_total((songs / "song.flac").read_bytes(), 0)
    assert probe(data).frames is None
    assert length(data) == 40_000
    assert sum(len(block) for block in read_blocks(data, 999, offset=0.5)) == 16_000


@pytest.mark.parametrize("total", [40_001, 2**36 - 1])
def test_a_flac_that_lies_about_its_length(songs: Path, total: int) -> None:
    """A3."""
    data = flac_with_total((songs / "song.flac").read_bytes(), total)
    with pytest.raises(TruncatedAudioError) as caught:
        length(data)
    assert caught.value.context == {"source": "<bytes>", "expected": total, "got": 40_000}


def test_a_wav_without_data_or_with_a_maze_of_chunks() -> None:
    head = b"RIFF\xff\xff\xff\xffWAVE"
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16)
    for data in (head, head + form, head + (b"junk" + bytes(4)) * 20_000):
        with pytest.raises((CorruptAudioError, EmptyAudioError)):
            length(data)


def test_an_mp4_of_a_thousand_boxes_and_none_of_sound() -> None:
    for data in (b"\0\0\0\x08free" * 20_000, b"\0\0\0\x01free" + struct.pack(">Q", 16), b"\0\0\0\0mdat" + bytes(99)):
        with pytest.raises((CorruptAudioError, UnsupportedFormatError)):
            length(data)


def test_an_ogg_without_any_page_at_its_end(songs: Path) -> None:
    data = (songs / "song.ogg").read_bytes()
    with pytest.raises(TruncatedAudioError, match="end mark"):
        probe(data[:60] + bytes(200_000))


def test_damage_in_the_middle_names_the_place(songs: Path) -> None:
    data = bytearray((songs / "song.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    with pytest.raises(CorruptAudioError, match=r"damaged soon after 0\.\d\d s") as caught:
        length(bytes(data) + bytes(100_000))
    assert not isinstance(caught.value, TruncatedAudioError)


@pytest.mark.parametrize("name", ["song.wav", "song.flac", "song.ogg", "xing.mp3", "aac.m4a", "song.wma"])
def test_mutants_are_decoded_or_refused_in_our_own_words(songs: Path, name: str) -> None:
    """A5."""
    data = (songs / name).read_bytes()
    chance = random.Random(name)  # noqa: S311 - a reproducible test
    for _ in range(40):
        mutant = bytearray(data)
        for _ in range(chance.choice([1, 5, 50])):
            mutant[chance.randrange(chance.choice([200, len(data)]))] = chance.randrange(256)
        try:
            blocks = list(read_blocks(bytes(mutant), 10_000))
        except SpleeterError as error:
            assert error.context  # noqa: PT017 - both outcomes are right
        else:
            assert all(np.isfinite(block).all() for block in blocks)


def test_random_headers_are_decoded_or_refused() -> None:
    """A5."""
    chance = random.Random(3)  # noqa: S311 - a reproducible test
    odd = [0, 1, 2, 16, 255, 4_096, 65_535]
    rates = [0, 1, 44_100, 2**31 - 1, 2**32 - 1]
    for _ in range(300):
        codec = chance.choice([1, 2, 3, 7, 0x11, 0x31, 0x50, 0x55, 0x61, 0xFF, 0x160, 0xFFFE])
        numbers = (codec, chance.choice(odd), chance.choice(rates), chance.choice(rates))
        form = struct.pack("<HHIIHH", *numbers, chance.choice(odd), chance.choice(odd)) + chance.randbytes(24)
        data = b"RIFF" + chance.randbytes(4) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
        try:
            length(data + b"data" + struct.pack("<I", chance.choice(rates)) + bytes(80))
        except SpleeterError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {path}\n",
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "pls": "[playlist]\nFile1={path}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "dash": "<?xml version='1.0'?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>",
    "concat": "concat:{path}",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("demuxer", ["wav", "mov", "matroska", "mpegts"])
def test_references_are_followed_to_no_file_and_no_server(songs: Path, tmp_path: Path, kind: str, demuxer: str) -> None:
    """A12."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/song.wav"
        path = tmp_path / "song.wav"
        path.write_text(PLAYLISTS[kind].format(path=songs / "song.wav", url=url))
        with pytest.raises(UnsupportedFormatError):
            probe(path)
        source = open_source(path)
        # Even if the bytes had passed for sound, FFmpeg is told what they are and asks nobody.
        with pytest.raises(CorruptAudioError):
            FFmpegDecoder(source, Container(demuxer, re.compile(b""), demuxer))
        source.close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_video_without_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "x.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(UnsupportedFormatError, match="no sound"):
        probe(tmp_path / "x.mp4")


def test_sound_in_an_unknown_codec(songs: Path) -> None:
    data = (songs / "song.mka").read_bytes().replace(b"A_AAC", b"A_ZZZ")
    with pytest.raises(UnsupportedFormatError, match="unknown codec"):
        probe(data)


def song(path: Path, *, seconds: int = 4) -> Path:
    soundfile.write(path, np.random.default_rng(1).uniform(-0.5, 0.5, (seconds * 44_100, 2)), 44_100)
    return path


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrunk(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"RIFF")
    os.utime(path, ns=(0, 0))


def replaced(path: Path) -> None:
    song(path.with_name("new.wav"), seconds=4).replace(path)


@pytest.mark.parametrize("change", [appended, shrunk, rewritten, replaced])
@pytest.mark.parametrize("name", ["song.wav", "song.flac"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, change: Callable[[Path], None], name: str) -> None:
    """A14."""
    path = song(tmp_path / name)
    with open_audio(path) as reader:
        blocks = reader.blocks(1_000)
        next(blocks)
        change(path)
        with pytest.raises(AudioChangedError, match="while it was read"):
            list(blocks)


def test_a_file_that_is_removed_while_it_is_read_is_still_whole(tmp_path: Path) -> None:
    path = song(tmp_path / "song.wav")
    with open_audio(path) as reader:
        blocks = reader.blocks(1_000)
        next(blocks)
        path.unlink()
        assert sum(len(block) for block in blocks) == 4 * 44_100 - 1_000
