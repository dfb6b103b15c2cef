from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import stempeg

from spleeter_nb.audio import open_audio, probe, read_blocks
from spleeter_nb.exceptions import AudioLimitError, EmptyAudioError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

Samples = npt.NDArray[np.float32]

LOSSLESS = {
    # file: format, codec, bits, greatest error
    "song.wav": ("wav", "pcm_16", 16, 2**-15),
    "wide.wav": ("wav", "pcm_24", 24, 2**-23),
    "float.wav": ("wav", "float", 32, 0),
    "double.wav": ("wav", "double", 64, 0),
    "bytes.wav": ("wav", "pcm_u8", 8, 2**-6),
    "long.wav": ("wav", "pcm_16", 16, 2**-15),
    "big.wav": ("wav", "pcm_16", 16, 2**-15),
    "song.flac": ("flac", "pcm_24", 24, 2**-23),
    "song.aiff": ("aiff", "pcm_16", 16, 2**-15),
    "alac.m4a": ("mp4", "alac", 32, 2**-23),
}
LOSSY = {
    # file: format, codec, samples beyond the noise where the container does not tell the length
    "adpcm.wav": ("wav", "ms_adpcm", 0),
    "xing.mp3": ("mp3", "mp3", 0),
    "sndfile.mp3": ("mp3", "mp3", 0),
    "song.ogg": ("ogg", "vorbis", 0),
    "sndfile.opus": ("ogg", "opus", 0),
    "song.opus": ("ogg", "opus", 0),
    "aac.m4a": ("mp4", "aac", 0),
    "faststart.mp4": ("mp4", "aac", 0),
    "song.webm": ("matroska", "opus", 0),
    "song.mka": ("matroska", "aac", 1024),
    "song.wma": ("asf", "wmav2", 2048),
}
UNTOLD = {
    # Nothing in these containers tells how many samples the encoder put in front, or at the end.
    "untagged.mp3": ("mp3", "mp3"),
    "raw.aac": ("aac", "aac"),
    "song.avi": ("avi", "mp3"),
    "song.flv": ("flv", "aac"),
    "song.ts": ("mpegts", "aac"),
}


def read(path: Path, **options: float) -> Samples:
    return np.concatenate(list(read_blocks(path, 10_000, **options)))


def lag(samples: Samples, noise: Samples) -> int:
    """How many samples later than the noise the sound is, at most 4000 either way."""
    window = noise[16_000:20_096, 0]
    reach = 4_000
    part = samples[16_000 - reach : 20_096 + reach, 0]
    scores = np.correlate(part, window, "valid")
    return int(np.argmax(scores)) - reach


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_are_exact(songs: Path, noise: Samples, name: str) -> None:
    format_, codec, bits, error = LOSSLESS[name]
    info = probe(songs / name)
    assert (info.format, info.codec, info.bit_depth) == (format_, codec, bits)
    assert (info.sample_rate, info.channels, info.frames) == (48_000, 2, len(noise))
    samples = read(songs / name)
    assert samples.shape == noise.shape
    assert np.abs(samples - noise).max() <= error


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_are_aligned_and_as_long_as_told(songs: Path, noise: Samples, name: str) -> None:
    format_, codec, tail = LOSSY[name]
    info = probe(songs / name)
    assert (info.format, info.codec, info.bit_depth) == (format_, codec, None)
    samples = read(songs / name)
    assert lag(samples, noise) == 0
    # a block of ADPCM cannot be split
    slack = 2_048 if codec == "ms_adpcm" else tail
    assert len(noise) <= len(samples) <= len(noise) + slack


@pytest.mark.parametrize("name", UNTOLD)
def test_formats_that_tell_nothing_are_aligned_and_read_whole(songs: Path, noise: Samples, name: str) -> None:
    format_, codec = UNTOLD[name]
    info = probe(songs / name)
    assert (info.format, info.codec) == (format_, codec)
    samples = read(songs / name)
    assert lag(samples, noise) == 0
    assert len(samples) >= len(noise)


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY, *UNTOLD])
def test_every_kind_of_source_gives_the_same(songs: Path, name: str) -> None:
    expected = read(songs / name)
    data = (songs / name).read_bytes()
    assert np.array_equal(np.concatenate(list(read_blocks(data, 999))), expected)
    with (songs / name).open("rb") as file:
        assert np.array_equal(np.concatenate(list(read_blocks(file, 44_100))), expected)


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY, *UNTOLD])
def test_offset_and_duration_cut_exactly(songs: Path, name: str) -> None:
    whole = read(songs / name)
    part = read(songs / name, offset=0.25, duration=0.3)
    assert np.array_equal(part, whole[12_000 : 12_000 + 14_400])
    assert np.array_equal(read(songs / name, offset=0.5, duration=1e9), whole[24_000:])


def test_blocks_are_full_but_for_the_last(songs: Path) -> None:
    for name in ("song.wav", "aac.m4a"):
        blocks = list(read_blocks(songs / name, 12_345))
        assert [len(block) for block in blocks] == [12_345, 12_345, 12_345, 2_965]
        assert all(block.flags.c_contiguous and block.flags.writeable for block in blocks), name
        assert not np.shares_memory(blocks[0], blocks[1])


def test_a_video_of_five_streams_gives_the_first() -> None:
    path = Path(stempeg.__file__).parent / "data" / "The Easton Ellises - Falcon 69.stem.mp4"
    info = probe(path)
    assert (info.codec, info.sample_rate, info.channels) == ("aac", 44_100, 2)
    samples = read(path)
    assert len(samples) == info.frames
    assert np.sqrt(np.mean(samples**2)) > 0.05


@pytest.mark.parametrize(
    "options",
    [
        {"offset": -1},
        {"offset": float("nan")},
        {"offset": float("inf")},
        {"offset": "1:30"},
        {"duration": 0},
        {"duration": -1},
        {"duration": None, "offset": None},
        {"duration": 1e-9},
    ],
)
def test_times_that_make_no_sense(songs: Path, options: dict[str, float]) -> None:
    with open_audio(songs / "song.wav") as reader, pytest.raises(ValidationError, match=r"seconds|sample"):
        reader.blocks(100, **options)


@pytest.mark.parametrize("name", ["song.wav", "song.ogg", "untagged.mp3"])
def test_an_offset_beyond_the_end_tells_the_length(songs: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="beyond the end") as caught:
        read(songs / name, offset=60)
    assert 0.8 < caught.value.context["duration"] < 0.9


def test_a_block_has_samples(songs: Path) -> None:
    with open_audio(songs / "song.wav") as reader, pytest.raises(ValidationError, match="at least 1"):
        reader.blocks(0)


def test_a_reader_gives_its_blocks_once_and_closes_twice(songs: Path) -> None:
    with open_audio(songs / "song.flac") as reader:
        assert len(list(reader.blocks(30_000))) == 2
        with pytest.raises(ValidationError, match="once"):
            reader.blocks(30_000)
    reader.close()


def test_a_rate_is_for_arrays_only(songs: Path) -> None:
    with pytest.raises(ValidationError, match="arrays only"):
        probe(songs / "song.wav", sample_rate=44_100)


def test_nothing_stays_open(songs: Path) -> None:
    before = sorted(Path("/proc/self/fd").glob("*"))
    for name in (*LOSSLESS, *LOSSY):
        blocks = read_blocks(songs / name, 100)
        next(blocks)
        blocks.close()
        probe(songs / name)
    assert sorted(Path("/proc/self/fd").glob("*")) == before


@pytest.mark.parametrize("sample_rate", [1, 8_000, 192_000, 768_000])
def test_rates(tmp_path: Path, sample_rate: int) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(10), sample_rate)
    assert probe(tmp_path / "x.wav").sample_rate == sample_rate


@pytest.mark.parametrize(("channels", "sample_rate"), [(65, 44_100), (1_024, 44_100), (1, 1_000_000)])
def test_limits(tmp_path: Path, channels: int, sample_rate: int) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros((10, channels)), sample_rate)
    with pytest.raises(AudioLimitError, match="are read"):
        probe(tmp_path / "x.wav")


def test_64_channels_and_one_sample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.full((1, 64), 0.5), 44_100)
    assert read(tmp_path / "x.wav").tolist() == [[0.5] * 64]


@pytest.mark.parametrize("name", ["x.wav", "x.aiff", "x.ogg"])
def test_a_file_without_samples_is_empty(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, np.zeros((0, 2)), 44_100)
    with pytest.raises(EmptyAudioError):
        probe(tmp_path / name)


def test_sound_that_starts_loud_and_ends_quiet_is_read_to_the_end(
    tmp_path: Path, noise: Samples, encoder: Callable[..., None]
) -> None:
    # Without a Xing tag libsndfile guesses the length from the first frames, and stops there.
    samples = np.concatenate([noise, np.zeros((10 * len(noise), 2), np.float32)])
    path = tmp_path / "vbr.mp3"
    encoder(path, samples, codec="libmp3lame", container="mp3", write_xing="0")
    assert len(read(path)) >= len(samples)


def test_libsndfile_leaves_an_unusual_codec_to_ffmpeg(tmp_path: Path, noise: Samples) -> None:
    # Dialogic's ADPCM: 4 bits a sample, mono.
    form = struct.pack("<HHIIHHH", 0x17, 1, 8_000, 4_000, 1, 4, 0)
    body = bytes(range(256)) * 20
    path = tmp_path / "x.wav"
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 4 + 8 + len(form) + 8 + len(body)) + b"WAVEfmt "
        + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body)) + body
    )  # fmt: skip
    assert probe(path).codec not in {"pcm_16", "float"}
    assert len(read(path)) == 2 * len(body)
    assert noise.size


def test_importing_the_room_leaves_ffmpeg_alone() -> None:
    code = "import sys, spleeter_nb.audio; assert 'av' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
