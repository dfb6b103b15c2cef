"""Tags: read from every format, written to every codec, hostile ones borne; and no sample is moved by them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from spleeter_nb.audio import CODECS, choose_encoding, open_audio, probe, read_tags
from spleeter_nb.audio.tags import FIELDS, MAX_COVER_BYTES, MAX_TEXT
from spleeter_nb.values import NO_TAGS, Tags

if TYPE_CHECKING:
    from pathlib import Path

Samples = npt.NDArray[np.float32]

RATE = 44_100
FULL = {
    "title": "Tïtle 😀 歌 <b>&amp;</b>",
    "artist": "<script>alert(1)</script>",
    "album": "Ünïcödé",
    "album_artist": "Various “Artists”",
    "composer": "שלום",
    "performer": "P\u00a0Q",
    "genre": "Électro; Rock/Pop",
    "date": "2019-05-01",
    "track": "3/12",
    "disc": "1/2",
    "comment": "x" * MAX_TEXT,
    "copyright": "© nobody",
    "publisher": "A & B",
}
LEFT_OUT = {"m4a": {"performer", "publisher"}}
"""Fields that FFmpeg's writers have no place for."""

WITHOUT_COVER = {"wma"}


def picture(codec: str, pix_fmt: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 32, 32, pix_fmt, Fraction(1)
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pix_fmt)
    frame.pts = 0
    return b"".join(map(bytes, [*context.encode(frame), *context.encode(None)]))


PNG = picture("png", "rgb24")
JPEG = picture("mjpeg", "yuvj420p")
COVERS = {"png": (PNG, "image/png"), "jpeg": (JPEG, "image/jpeg"), "none": (None, None)}


def noise(frames: int = 20_000) -> Samples:
    return np.random.default_rng(3).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)


def encoded(codec: str, samples: Samples, tags: Tags) -> bytes:
    file = io.BytesIO()
    encoder = choose_encoding(codec).begin(file, sample_rate=RATE, channels=2, tags=tags)
    encoder.write(samples)
    encoder.finish()
    return file.getvalue()


def decoded(file: bytes) -> Samples:
    with open_audio(file) as reader:
        return np.concatenate(list(reader.blocks(5_000)))


def wav_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WAV file with chunks of any contents behind its samples."""
    file = io.BytesIO()
    soundfile.write(file, noise(), RATE, format="WAV", subtype="PCM_16")
    body = file.getvalue()[8:] + b"".join(chunk(*parts) for parts in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_right_checksum(file: bytes) -> bytes:
    """OGG's second page with its checksum, bit by bit as the format defines it; other files as they are."""
    start = file.find(b"OggS", 4)
    if not file.startswith(b"OggS"):
        return file
    end = start + 27 + file[start + 26] + sum(file[start + 27 : start + 27 + file[start + 26]])
    page = file[start : start + 22] + bytes(4) + file[start + 26 : end]
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x104C11DB7 if checksum >> 31 else 0)
    return file[: start + 22] + struct.pack("<I", checksum) + file[start + 26 :]


def info(**fields: bytes) -> tuple[bytes, bytes]:
    return b"LIST", b"INFO" + b"".join(chunk(name.encode(), text) for name, text in fields.items())


def chunk(name: bytes, contents: bytes) -> bytes:
    return name + struct.pack("<I", len(contents)) + contents + bytes(len(contents) % 2)


@pytest.mark.parametrize("cover", COVERS)
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_written_is_read(codec: str, cover: str) -> None:
    tags = Tags(FULL, *COVERS[cover])
    got = read_tags(encoded(codec, noise(), tags))
    assert got.fields == {name: text for name, text in FULL.items() if name not in LEFT_OUT.get(codec, set())}
    assert (got.cover, got.cover_type) == ((None, None) if codec in WITHOUT_COVER else COVERS[cover])


@pytest.mark.parametrize(
    "tags",
    [Tags(FULL), Tags(FULL, PNG, "image/png"), Tags({}, JPEG, "image/jpeg"), Tags({"date": "1"}), Tags({"genre": "x"})],
    ids=["fields", "all", "cover", "shortest", "short"],
)
@pytest.mark.parametrize("codec", CODECS)
def test_tags_move_no_sample(codec: str, tags: Tags) -> None:
    for frames in (1, 1_153, 20_000):
        samples = noise(frames)
        with_tags, without = encoded(codec, samples, tags), encoded(codec, samples, NO_TAGS)
        assert probe(with_tags).frames == frames
        assert np.array_equal(decoded(with_tags), decoded(without))


@pytest.mark.parametrize("codec", CODECS)
def test_others_read_what_is_written(codec: str) -> None:
    """FFmpeg itself, and libsndfile where it knows the format."""
    file = encoded(codec, noise(), Tags(FULL, PNG, "image/png"))
    with av.open(io.BytesIO(file)) as container:
        metadata = dict(container.metadata) | dict(container.streams.audio[0].metadata)
    metadata = {name.lower(): text for name, text in metadata.items()}
    kept = {name: text for name, text in FULL.items() if name not in LEFT_OUT.get(codec, set())}
    assert {name: metadata.get(name) for name in kept} == kept
    if codec in {"wav", "flac", "ogg"}:
        with soundfile.SoundFile(io.BytesIO(file)) as sound:
            assert (sound.title, sound.artist, sound.album) == (FULL["title"], FULL["artist"], FULL["album"])
            assert len(sound.read()) == len(noise())


@pytest.mark.parametrize("codec", sorted(CODECS.keys() - WITHOUT_COVER))
def test_a_cover_of_ten_megabytes_is_kept(codec: str) -> None:
    """Row A16: OGG lays it out over hundreds of pages, whose checksums the readers compare."""
    cover = JPEG + np.random.default_rng(1).bytes(MAX_COVER_BYTES - len(JPEG))
    file = encoded(codec, noise(), Tags(FULL, cover, "image/jpeg"))
    assert read_tags(file).cover == cover
    assert np.array_equal(decoded(file), decoded(encoded(codec, noise(), NO_TAGS)))
    with av.open(io.BytesIO(file), options={"err_detect": "crccheck+explode"}) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= len(noise())


@pytest.mark.parametrize(
    ("container", "codec", "left_out"),
    [
        ("mp4", "aac", {"performer", "publisher"}),
        ("mov", "aac", {"album_artist", "composer", "performer", "disc", "publisher", "track"}),
        ("matroska", "aac", set()),
        ("webm", "libopus", set()),
        ("ogg", "libopus", set()),
        ("asf", "wmav2", set()),
        ("mp3", "libmp3lame", set()),
        ("adts", "aac", set()),
        ("avi", "mp3", {"album", "album_artist", "composer", "performer", "disc", "publisher"}),
        ("flv", "aac", set()),
        ("aiff", "pcm_s16be", set()),
        ("wav", "pcm_s16le", {"album_artist", "composer", "performer", "disc", "publisher"}),
        ("flac", "flac", set()),
    ],
)
def test_files_of_other_programs_are_read(container: str, codec: str, left_out: set[str]) -> None:
    """Each FFmpeg's own writing of a format that is read."""
    file = io.BytesIO()
    options = {"write_id3v2": "1"} if container in {"aiff", "adts"} else {}
    with av.open(file, "w", format=container, options=options) as output:
        output.metadata.update(FULL)
        stream: Any = output.add_stream(codec, rate=48_000, layout="stereo", bit_rate=128_000)
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="stereo", rate=48_000)
        for start in range(0, 20 * size, size):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * size), np.float32), format="flt", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            for part in resampler.resample(frame):
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    assert read_tags(file.getvalue()).fields == {name: text for name, text in FULL.items() if name not in left_out}


def test_other_names_stand_in_where_the_first_is_missing() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        output.metadata.update({"date": "2019-05-01", "year": "2019", "author": "Au", "artist": " "})
        stream: Any = output.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4_096), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux([*stream.encode(frame), *stream.encode(None)])
    assert read_tags(file.getvalue()).fields == {"date": "2019-05-01", "artist": "Au"}


def test_only_what_is_said_of_the_song_is_read() -> None:
    file = encoded("m4a", noise(), Tags({"title": "T"}))
    with av.open(io.BytesIO(file)) as container:
        assert {"major_brand", "encoder"} < container.metadata.keys()
    assert read_tags(file).fields == {"title": "T"}
    assert set(FULL) == set(FIELDS)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xe9 \xff\xfe", "caf\ufffd \ufffd\ufffd"),
        (b"a\tb\r\n  c\x1b[31m\x07\x7f", "a b   c[31m"),
        (b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        (b"y" * 10_000_000, "y" * MAX_TEXT),
        (" \u200f😀".encode(), "\u200f😀"),
        ("a\u2028\x85b".encode(), "a b"),
        (b" \t ", None),
        (b"", None),
    ],
    ids=["bad UTF-8", "control characters", "HTML", "10 MB", "unicode", "breaks", "blank", "empty"],
)
def test_hostile_text_is_made_plain(raw: bytes, text: str | None) -> None:
    """Row A16."""
    file = wav_with(info(INAM=raw + b"\0", IART=b"A\0"))
    fields = read_tags(file).fields
    assert fields == ({"title": text} if text else {}) | {"artist": "A"}
    assert np.array_equal(decoded(file), decoded(wav_with()))


@pytest.mark.parametrize("codec", CODECS)
def test_bad_utf8_is_replaced_in_every_format(codec: str) -> None:
    """Row A16; WMA has UTF-16, and its reader stops where it is none."""
    file = encoded(codec, noise(), Tags({"title": "caf#é", "artist": "A"}))
    for before, after in (("#é".encode(), b"\xff\xfe\xfd"), ("#é".encode("utf-16-le"), b"\x00\xd8#\x00")):
        file = file.replace(before, after)
    title = "caf" if codec == "wma" else "caf\ufffd\ufffd\ufffd"
    assert read_tags(with_right_checksum(file)).fields == {"title": title, "artist": "A"}


def test_a_cover_that_is_too_large_or_no_picture_is_left_out() -> None:
    large = JPEG + bytes(MAX_COVER_BYTES)
    assert read_tags(encoded("flac", noise(), Tags({"title": "T"}, large, "image/jpeg"))) == Tags({"title": "T"})
    fake = b"GIF89a" + bytes(100)
    assert read_tags(encoded("flac", noise(), Tags({"title": "T"}, fake, "image/jpeg"))) == Tags({"title": "T"})


def test_the_kind_of_a_cover_is_what_it_is_not_what_is_said() -> None:
    got = read_tags(encoded("flac", noise(), Tags({}, PNG, "image/jpeg")))
    assert (got.cover, got.cover_type) == (PNG, "image/png")


@pytest.mark.parametrize("codec", CODECS)
def test_damage_is_no_error(codec: str) -> None:
    """A16."""
    file = encoded(codec, noise(4_000), Tags(FULL, PNG, "image/png"))
    generator = np.random.default_rng(5)
    for _ in range(20):
        damaged = bytearray(file)
        for place in generator.integers(0, len(file), 40):
            damaged[place] = generator.integers(256)
        got = read_tags(bytes(damaged[: generator.integers(1, len(file))]))
        assert set(got.fields) <= set(FIELDS)
        assert all(len(text) <= MAX_TEXT for text in got.fields.values())


def test_what_cannot_be_read_has_no_tags(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello")
    closed = io.BytesIO(b"RIFF")
    closed.close()
    for source in (tmp_path / "none.wav", tmp_path, tmp_path / "text.wav", b"", b"junk", closed, noise(), 3):
        assert read_tags(source) == NO_TAGS  # type: ignore[arg-type]


def test_a_file_object_stays_where_it_stood() -> None:
    file = io.BytesIO(encoded("flac", noise(), Tags({"title": "T"})))
    file.seek(7)
    assert read_tags(file).fields == {"title": "T"}
    assert file.tell() == 7


def test_a_cover_is_not_shown_in_full() -> None:
    assert repr(Tags({"title": "T"}, PNG, "image/png")) == "Tags(fields={'title': 'T'}, cover_type='image/png')"


def test_a_wav_without_tags_does_not_need_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((1_000, 2)), RATE, subtype="FLOAT")
    code = "import sys; from spleeter_nb.audio import read_tags; read_tags(sys.argv[1]); sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, path], check=True)
    assert read_tags(path) == Tags()
