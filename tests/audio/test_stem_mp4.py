"""Stem files: streams in step and exactly as long, the box with the names, and files of others."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import stempeg

from spleeter_nb.audio import AudioWriter, open_audio, read_stem_names, read_tags, stem_encoding
from spleeter_nb.exceptions import AudioNotFoundError, UnsupportedFormatError, ValidationError
from spleeter_nb.values import NO_TAGS, Tags

if TYPE_CHECKING:
    from collections.abc import Iterator

Samples = npt.NDArray[np.float32]

NAMES = ("drums", "bass", "other", "vocals")
FRAMES = 30_011


def noise(frames: int = FRAMES) -> Samples:
    """Noise that AAC keeps, different in each of ten channels."""
    white = np.random.default_rng(7).standard_normal((frames + 32, 10))
    smooth = np.stack([np.convolve(channel, np.hanning(16) / 8, "same")[16:-16] for channel in white.T], axis=1)
    return np.ascontiguousarray(0.2 * smooth, dtype=np.float32)


def write(path: Path, samples: Samples, *, rate: int = 44_100, tags: Tags = NO_TAGS, **how: Any) -> Path:
    encoding = stem_encoding(how.get("names", NAMES), how.get("bitrate", "256k"))
    with AudioWriter(path, encoding, sample_rate=rate, channels=samples.shape[1], tags=tags) as writer:
        for start in range(0, len(samples), 7_001):
            writer.write(samples[start : start + 7_001])
    return path


def read(path: Path, stream: int) -> Samples:
    with open_audio(path, stream=stream) as reader:
        return np.concatenate(list(reader.blocks(5_000)))


def snr(got: Samples, true: Samples) -> float:
    return float(10 * np.log10(np.square(true).sum() / np.square(got - true).sum()))


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        assert size >= 8
        assert position + size <= len(data)
        yield name, data[position + 8 : position + size]
        position += size


def inside(data: bytes, name: bytes) -> bytes:
    found = [contents for box, contents in boxes(data) if box == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_every_stream_is_in_step_and_exactly_as_long(tmp_path: Path, rate: int) -> None:
    samples = noise()
    path = write(tmp_path / "x.stem.mp4", samples, rate=rate)
    for stream in range(5):
        got, true = read(path, stream), samples[:, 2 * stream : 2 * stream + 2]
        assert got.shape == true.shape
        window = true[6_000:12_000, 0]
        assert np.argmax(np.correlate(got[3_000:15_000, 0], window, "valid")) == 3_000
        for part in (slice(None), slice(2_000), slice(-2_000, None)):
            assert snr(got[part], true[part]) > 5
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("frames", [1, 1_023, 1_024, 1_025, 44_100])
def test_every_length_is_kept(tmp_path: Path, frames: int) -> None:
    path = write(tmp_path / "x.stem.mp4", noise(44_100)[:frames])
    assert [len(read(path, stream)) for stream in range(5)] == [frames] * 5


def test_stempeg_reads_it_in_step(tmp_path: Path) -> None:
    samples = noise()
    streams, rate = stempeg.read_stems(str(write(tmp_path / "x.stem.mp4", samples)))
    assert (streams.shape[0], streams.shape[2], rate) == (5, 2, 44_100)
    for stream in range(5):
        assert snr(streams[stream, :FRAMES], samples[:, 2 * stream : 2 * stream + 2]) > 10


@pytest.mark.parametrize("tags", [NO_TAGS, Tags({"title": "T"}, b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png")])
def test_the_boxes_are_those_of_the_format(tmp_path: Path, tags: Tags) -> None:
    path = write(tmp_path / "x.stem.mp4", noise(), tags=tags)
    data = path.read_bytes()
    assert inside(data, b"ftyp").startswith(b"M4A ")
    moov = inside(data, b"moov")
    manifest = json.loads(inside(inside(moov, b"udta"), b"stem"))
    assert manifest.keys() == {"version", "mastering_dsp", "stems"}
    assert manifest["version"] == 1
    assert [stem["name"] for stem in manifest["stems"]] == list(NAMES)
    assert len({stem["color"] for stem in manifest["stems"]}) == 4
    # Only the mixture is played by programs that know no stems.
    enabled = [inside(contents, b"tkhd")[3] & 1 for name, contents in boxes(moov) if name == b"trak"]
    assert enabled == [1, 0, 0, 0, 0]
    assert read_tags(path) == tags
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 5


def test_the_manifest_has_the_parts_of_native_instruments_own() -> None:
    """Compared with a file that was made by their tool."""

    def manifest(data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(inside(inside(inside(data, b"moov"), b"udta"), b"stem"))
        return found

    file = io.BytesIO()
    encoder = stem_encoding(NAMES, "128k").begin(file, sample_rate=44_100, channels=10)
    encoder.write(noise())
    encoder.finish()
    ours, theirs = manifest(file.getvalue()), manifest(Path(stempeg.example_stem_path()).read_bytes())
    assert ours.keys() == theirs.keys()
    assert {name: set(part) for name, part in ours["mastering_dsp"].items()} == {
        name: set(part) for name, part in theirs["mastering_dsp"].items()
    }
    assert [set(stem) for stem in ours["stems"]] == [set(stem) for stem in theirs["stems"]]


def test_names_are_read_back_and_those_of_others(tmp_path: Path) -> None:
    assert read_stem_names(write(tmp_path / "a", noise())) == {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
    assert read_stem_names(write(tmp_path / "b", noise(), names=("ä", "", "c + d"))) == {"ä": 1, "c + d": 3}
    odd = ("x", "x", "a\nb\x1b", "y" * 300)
    assert read_stem_names(write(tmp_path / "c", noise(), names=odd)) == {"x": 1, "x 2": 2, "a b": 3, "y" * 200: 4}
    assert read_stem_names(stempeg.example_stem_path()) == {"Drums": 1, "Bass": 2, "Other": 3, "Vox": 4}


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{}", b"[1]", b'{"stems": [{"name": 1}]}', b'{"stems": 3}', b'{"stems": []}', b"\xff", b"[" * 100_000],
)
def test_a_file_that_names_no_stems_is_none(tmp_path: Path, manifest: bytes) -> None:
    data = write(tmp_path / "x", noise(2_000)).read_bytes()
    end = data.rindex(b'stem{"version') + 4
    assert len(data) - end > len(manifest) or manifest.startswith(b"[[")
    (tmp_path / "x").write_bytes(data[:end] + manifest.ljust(len(data) - end))
    with pytest.raises(UnsupportedFormatError, match="no stem file"):
        read_stem_names(tmp_path / "x")


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="no stem file"):
        read_stem_names(write(tmp_path / "x", noise(2_000), names=()))
    with pytest.raises(ValidationError, match=r"192000.*default_sample_rate"):
        write(tmp_path / "x", noise(), rate=192_000)
    with pytest.raises(ValidationError, match="bitrate"):
        stem_encoding(NAMES, "3")
    with pytest.raises(AudioNotFoundError):
        read_stem_names(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UnsupportedFormatError, match="no stem file"):
        read_stem_names(tmp_path / "text")
    path = write(tmp_path / "x", noise())
    with pytest.raises(UnsupportedFormatError, match="5 streams"):
        open_audio(path, stream=5)
    assert {entry.name for entry in tmp_path.iterdir()} == {"text", "x"}


def test_without_a_bit_rate_it_is_that_of_m4a(tmp_path: Path) -> None:
    default = write(tmp_path / "a", noise(), bitrate=None).read_bytes()
    assert default == write(tmp_path / "b", noise(), bitrate="256k").read_bytes()
    assert len(default) > len(write(tmp_path / "c", noise(), bitrate=96_000).read_bytes())
