"""Songs in every format, and what can be made of them to do harm."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soundfile

from tests.audio.conftest import PYAV, RATE, SOUNDFILE, encode
from tests.faults.damage import MUTATIONS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

ODD = (0, 1, 2, 3, 16, 64, 255, 4_096, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
CODECS = (0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x50, 0x55, 0x61, 0xFF, 0x160, 0x161, 0x162, 0x163, 0x270, 0x2000, 0xFFFE)
"""Of WAV files: those that libsndfile and FFmpeg know, among others."""

MEGABYTE = 1_000_000

_UNPACKED = 1 << 28
_ENDLESS_TAGS = b"LIST\0\0\0\x41INFOINAM\xf4\xff\xff\x40" + bytes(100)


def songs(frames: int) -> dict[str, bytes]:
    """Return noise in every format that is read, by a name that ends as it should."""
    noise = np.random.default_rng(0).uniform(-0.2, 0.2, (frames, 2)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for name, (codec, container, options) in PYAV.items():
            encode(Path(folder, name), noise, codec=codec, container=container, sample_rate=RATE, **options)
        encode(Path(folder, "song.mpg"), noise, codec="mp2", container="mpeg", sample_rate=RATE)
        for name, (format_, subtype) in SOUNDFILE.items():
            endian = "BIG" if name == "big.wav" else None
            soundfile.write(Path(folder, name), noise, RATE, format=format_, subtype=subtype, endian=endian)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def bad_input(dice: random.Random, known: dict[str, bytes]) -> tuple[str, bytes]:
    """Return a name, and bytes that are no song, or no longer."""
    name, data = dice.choice(list(known.items()))
    kind = dice.choice([*MUTATIONS, "numbers", "numbers", "bytes", "bytes", "noise behind a head", "a header"])
    if kind == "a header":
        return "header.wav", wav_header(dice) + dice.randbytes(dice.choice([0, 80, 5_000]))
    changed = bytearray(data)
    if kind == "numbers":
        _replace_numbers(dice, changed)
    elif kind == "bytes":
        for _ in range(dice.choice([1, 5, 50])):
            changed[dice.randrange(dice.choice([200, len(data)]))] = dice.randrange(256)
    elif kind == "noise behind a head":
        changed[dice.choice([4, 8, 12, 40, 300]) :] = dice.randbytes(dice.randrange(20_000))
    else:
        MUTATIONS[kind](dice, changed, dice.choice(list(known.values())))
    return name, bytes(changed)


def _replace_numbers(dice: random.Random, data: bytearray) -> None:
    """Put odd numbers of 2 or 4 bytes where headers have theirs: at the beginning, or at the end."""
    for _ in range(dice.choice([1, 2, 4])):
        size = dice.choice([2, 4])
        number = (dice.choice(ODD) % 256**size).to_bytes(size, dice.choice(["little", "big"]))
        at = dice.choice([0, max(0, len(data) - 600)]) + dice.randrange(500)
        data[at : at + size] = number


def wav_header(dice: random.Random) -> bytes:
    """Return the head of a WAV file that says of itself what cannot be, or should not."""
    words, longs = ([number for number in ODD if number < limit] for limit in (2**16, 2**32))
    numbers = (dice.choice(CODECS), dice.choice(words), dice.choice(longs), dice.choice(longs))
    form = struct.pack("<HHIIHH", *numbers, dice.choice(words), dice.choice(words)) + dice.randbytes(24)
    sizes = struct.pack("<I", dice.choice(longs)), struct.pack("<I", len(form)), struct.pack("<I", dice.choice(longs))
    return b"RIFF" + sizes[0] + b"WAVEfmt " + sizes[1] + form + b"data" + sizes[2]


def hungry_inputs() -> Iterator[tuple[str, bytes]]:
    """Yield files of a megabyte at most that make much of themselves."""
    for channels in (1, 2, 8, 64):
        yield (
            f"{channels} channels.wav",
            _written(np.zeros((200_000 // channels, channels), np.float32), "WAV", "FLOAT"),
        )
    for seconds, channels in ((600, 2), (1_500, 1), (100, 8)):
        silence = np.zeros((seconds * 44_100, channels), np.int16)
        yield f"{seconds} s of silence.flac", _written(silence, "FLAC", "PCM_16")[:MEGABYTE]
    yield "a tag.mp3", b"ID3\x04\0\0\0\x3c\x7f\x7f" + bytes(MEGABYTE - 10)
    yield "a thousand streams.mka", _many_streams("matroska")[:MEGABYTE]
    yield "a hundred streams.mp4", _many_streams("mp4", count=100)[:MEGABYTE]
    yield "boxes.mp4", b"\0\0\0\x18ftypM4A \0\0\2\0M4A isom" + b"\0\0\0\x08free" * (MEGABYTE // 8 - 3)
    yield "tags.wav", b"RIFF\xff\xff\xff\xffWAVE" + _ENDLESS_TAGS
    yield "tags.avi", b"RIFF\xff\xff\xff\0AVI LIST\xff\0\0\0hdrl" + _ENDLESS_TAGS
    packed = zlib.compress(bytes(_UNPACKED))
    header = box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", _UNPACKED) + packed))
    yield "a packed header.mov", box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", header)
    frame = b"TIT2" + struct.pack(">I", 4 + len(packed)) + b"\0\x80" + struct.pack(">I", _UNPACKED) + packed
    yield "a packed tag.mp3", b"ID3\3\0\0" + _seven_bits(len(frame)) + frame + b"\xff\xfb\x90\x64" + bytes(413)
    alac = bytearray(_many_streams("mp4", count=1))
    entries = alac.index(b"stsz") + 8
    yield "entries.m4a", bytes(alac[:entries]) + struct.pack(">II", 4, 50_000_000) + bytes(alac[entries + 8 :])
    longest_block = alac.rindex(b"alac") + 8
    alac[longest_block : longest_block + 4] = b"\0\xff\xff\xff"
    yield "blocks.m4a", bytes(alac)
    yield "chunks.wav", b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * (MEGABYTE // 8 - 2)
    yield "pages.ogg", (b"OggS\0\2" + bytes(21)) * (MEGABYTE // 27)
    yield "elements.mkv", b"\x1aE\xdf\xa3\x01" + b"\xff" * 7 + b"\x18S\x80g\x01" + b"\xff" * (MEGABYTE - 100)


def box(name: bytes, contents: bytes) -> bytes:
    """Return a box of an MP4 file."""
    return struct.pack(">I", 8 + len(contents)) + name + contents


def _seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _written(samples: Any, format_: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format=format_, subtype=subtype)
    return file.getvalue()


def _many_streams(container: str, count: int = 1_000) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        codec = "alac" if container == "mp4" else "pcm_s16le"
        streams: list[Any] = [output.add_stream(codec, rate=44_100, layout="mono") for _ in range(count)]
        for stream in streams:
            form = "s16p" if container == "mp4" else "s16"
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 256), np.int16), format=form, layout="mono")
            frame.sample_rate, frame.pts = 44_100, 0
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()
