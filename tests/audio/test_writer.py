from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from spleeter_nb.audio import CODECS, AudioWriter, BitDepth, choose_encoding, open_audio, probe, write
from spleeter_nb.exceptions import (
    OutputExistsError,
    StorageError,
    UnsupportedFormatError,
    ValidationError,
)
from spleeter_nb.storage import is_abandoned, is_temporary

if TYPE_CHECKING:
    from pathlib import Path

Samples = npt.NDArray[np.float32]

EVERY_DEPTH = [(codec, depth) for codec, about in CODECS.items() for depth in about.bit_depths]
ERRORS = {16: 2**-16, 24: 2**-24, 32: 2**-25, "float": 0}


def read(path: Path) -> Samples:
    with open_audio(path) as reader:
        return np.concatenate(list(reader.blocks(10_000)))


def start(path: Path, **options: object) -> AudioWriter:
    how = {name: options.pop(name) for name in ("codec", "bit_depth", "bitrate") if name in options}
    encoding = choose_encoding(**({"codec": "wav"} | how))
    return AudioWriter(path, encoding, **({"sample_rate": 44_100, "channels": 2} | options))


@pytest.mark.parametrize(("codec", "bit_depth"), EVERY_DEPTH)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_written_is_read(
    tmp_path: Path, noise: Samples, codec: str, bit_depth: BitDepth, channels: int
) -> None:
    samples = np.repeat(noise, 3, axis=1)[:, :channels]
    path = tmp_path / f"x.{codec}"
    write(path, samples, sample_rate=44_100, codec=codec, bit_depth=bit_depth)
    info = probe(path)
    assert (info.format, info.bit_depth) == (codec, 32 if bit_depth == "float" else bit_depth)
    assert (info.frames, info.channels, info.sample_rate) == (len(samples), channels, 44_100)
    assert np.abs(read(path) - samples).max() <= ERRORS[bit_depth]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("codec", "bit_depth"), EVERY_DEPTH)
def test_other_readers_agree(tmp_path: Path, noise: Samples, codec: str, bit_depth: BitDepth) -> None:
    path = tmp_path / "x"
    write(path, noise, sample_rate=44_100, codec=codec, bit_depth=bit_depth)
    samples = read(path)
    other, sample_rate = soundfile.read(path, dtype="float32")
    assert sample_rate == 44_100
    assert np.array_equal(other, samples)
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == len(samples)


@pytest.mark.parametrize("block", [1, 1_000, 65_536])
@pytest.mark.parametrize("codec", CODECS)
def test_blocks_of_any_size_make_the_same_file(tmp_path: Path, noise: Samples, codec: str, block: int) -> None:
    with start(tmp_path / "blocks", codec=codec) as writer:
        for at in range(0, 3_000, block):
            writer.write(noise[at : min(3_000, at + block)])
        writer.write(noise[:0])
        assert writer.frames == 3_000
    write(tmp_path / "whole", noise[:3_000], sample_rate=44_100, codec=codec)
    if codec == "ogg":  # whose stream has a number by chance, and whose start depends on what is known by then
        blocks, whole = read(tmp_path / "blocks"), read(tmp_path / "whole")
        assert blocks.shape == whole.shape
        assert np.square(blocks - whole).mean() < np.square(whole).mean() / 100
        return
    assert (tmp_path / "blocks").read_bytes() == (tmp_path / "whole").read_bytes()


def test_one_dimension_is_mono_and_16_bits_are_the_default(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", np.zeros(100, np.float32), sample_rate=8_000)
    info = probe(tmp_path / "x.wav")
    assert (info.channels, info.bit_depth) == (1, 16)


def test_no_samples_make_a_wav_without_samples_and_nothing_else(tmp_path: Path) -> None:
    nothing = np.zeros((0, 2), np.float32)
    write(tmp_path / "x.wav", nothing, sample_rate=8_000)
    assert soundfile.info(tmp_path / "x.wav").frames == 0
    for codec in sorted(CODECS.keys() - {"wav"}):
        with pytest.raises(ValidationError, match="WAV"):
            write(tmp_path / "x", nothing, sample_rate=8_000, codec=codec)
    assert [file.name for file in tmp_path.iterdir()] == ["x.wav"]


def test_integers_are_cut_off_at_full_scale_and_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = np.float32([[1.5, -1.5], [1.0, -1.0], [0.5, 2.0]])
    with caplog.at_level(logging.WARNING, "spleeter_nb"), start(tmp_path / "x.wav") as writer:
        writer.write(samples)
        writer.write(samples)
        assert writer.clipped == 6
    assert read(tmp_path / "x.wav").max() < 1
    assert read(tmp_path / "x.wav").min() == -1
    (record,) = caplog.records
    assert re.search(r"x.wav.* cut off: 6\. .*'float' keeps", record.getMessage())


def test_a_name_without_a_folder_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    write("x.wav", np.full((1, 2), 2, np.float32), sample_rate=8000)
    assert caplog.messages[0].startswith("'x.wav': samples")


def test_floats_keep_what_is_beyond_full_scale(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "x.wav", np.float32([1.5, -2.5]), sample_rate=8_000, bit_depth="float")
    assert read(tmp_path / "x.wav").ravel().tolist() == [1.5, -2.5]
    assert not caplog.records


def test_nothing_is_there_before_it_is_whole(tmp_path: Path, noise: Samples) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")
    writer = start(path)
    writer.write(noise)
    assert path.read_bytes() == b"old"
    writer.finish()
    assert path.read_bytes() == b"old"
    writer.publish()
    assert len(read(path)) == len(noise)
    writer.abort()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("stage", ["start", "write", "finish"])
def test_abort_leaves_nothing_at_any_point(tmp_path: Path, noise: Samples, codec: str, stage: str) -> None:
    writer = start(tmp_path / "x", codec=codec)
    if stage != "start":
        writer.write(noise)
    if stage == "finish":
        writer.finish()
    writer.abort()
    writer.abort()
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValidationError, match="closed"):
        writer.write(noise)


def test_sweepers_see_that_somebody_works_on_the_temporary_file(tmp_path: Path, noise: Samples) -> None:
    writer = start(tmp_path / "x.wav")
    assert writer.temporary.parent == tmp_path
    assert is_temporary(writer.temporary.name)
    assert not is_abandoned(writer.temporary)
    writer.write(noise)
    writer.finish()
    assert not is_abandoned(writer.temporary)
    writer.publish()
    assert is_abandoned(tmp_path / "x.wav")
    assert list(tmp_path.iterdir()) == [tmp_path / "x.wav"]


def test_an_error_or_an_interrupt_in_the_block_aborts(tmp_path: Path, noise: Samples) -> None:
    def spoil(error: type[BaseException]) -> None:
        with start(tmp_path / "x.wav") as writer:
            writer.write(noise)
            raise error

    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error):
            spoil(error)
    assert not list(tmp_path.iterdir())


def test_the_order_of_the_calls_is_kept(tmp_path: Path, noise: Samples) -> None:
    with start(tmp_path / "x.wav") as writer:
        with pytest.raises(ValidationError, match="not finished"):
            writer.publish()
        writer.write(noise)
        writer.finish()
        with pytest.raises(ValidationError, match="is finished"):
            writer.write(noise)
    with pytest.raises(ValidationError, match="closed"):
        writer.finish()
    assert len(read(tmp_path / "x.wav")) == len(noise)


@pytest.mark.parametrize("shape", [(10,), (10, 1), (10, 3), (1, 10, 2)])
def test_blocks_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="shape"), start(tmp_path / "x.wav") as writer:
        writer.write(np.zeros(shape, np.float32))
    assert not list(tmp_path.iterdir())


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="NaN"):
        write(tmp_path / "x.wav", np.float32([0.0, np.nan]), sample_rate=8_000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"codec": "flac", "bit_depth": 32}, "16, 24"),
        ({"codec": "flac", "bit_depth": "float"}, "16, 24"),
        ({"bit_depth": 8}, "'float'"),
        ({"bit_depth": 16.0}, "16, 24"),
        ({"bit_depth": [16]}, "16, 24"),
        ({"codec": "flac", "channels": 9}, "channels"),
        ({"channels": 0}, "channels"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"codec": "flac", "sample_rate": 700_000}, "sample_rate"),
        ({"codec": "mp3", "channels": 3}, "from 1 to 2"),
        ({"codec": "mp3", "sample_rate": 96_000}, "44100, 48000.* wav, flac, ogg, m4a"),
        ({"codec": "m4a", "sample_rate": 192_000}, "88200, 96000.* wav, flac, ogg"),
        ({"codec": "wma", "sample_rate": 96_000}, "8000 to 48000"),
        ({"codec": "ogg", "sample_rate": 1_000_000}, "4000 to 200000.$"),
        ({"codec": "mp3", "bit_depth": 16}, "mp3 has none: .* wav, flac"),
        ({"codec": "wav", "bitrate": "128k"}, "wav has none: .* mp3, ogg, m4a, wma"),
        ({"codec": "wma", "bitrate": "16k"}, "24000 to 320000"),
        ({"codec": "mp3", "bitrate": 128}, "'8k' and '320k'"),
    ],
)
def test_what_a_codec_cannot_hold_is_refused_at_once(tmp_path: Path, options: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        start(tmp_path / "x", **options)
    assert not list(tmp_path.iterdir())


def test_an_unknown_codec_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="Did you mean 'flac'"):
        start(tmp_path / "x", codec="flacc")
    with pytest.raises(UnsupportedFormatError):
        start(tmp_path / "x", codec=["flac"])


def test_an_existing_file_is_kept_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        start(path, exist_ok=False)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OutputExistsError):
        start(tmp_path / "link", exist_ok=False)
    late = start(tmp_path / "late.wav", exist_ok=False)
    late.finish()
    (tmp_path / "late.wav").write_bytes(b"somebody else's")
    with pytest.raises(OutputExistsError):
        late.publish()
    assert (tmp_path / "late.wav").read_bytes() == b"somebody else's"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_never_replaces_another(
    tmp_path: Path, noise: Samples, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links on this file system")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for name in ("new", "taken"):
        writer = start(tmp_path / name, exist_ok=False)
        writer.write(noise)
        writer.finish()
        writer.check_target()
        if name == "new":
            writer.publish()
            continue
        (tmp_path / "taken").write_bytes(b"somebody else's")
        with pytest.raises(OutputExistsError):
            writer.publish()
    assert len(read(tmp_path / "new")) == len(noise)
    assert (tmp_path / "taken").read_bytes() == b"somebody else's"
    assert {path.name for path in tmp_path.iterdir()} == {"new", "taken"}


def test_a_commit_synchronises_the_folder(tmp_path: Path, noise: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "the disk is failing")

    monkeypatch.setattr("spleeter_nb.audio.writer.sync_folder", fail)
    with pytest.raises(StorageError) as caught:
        write(tmp_path / "x.wav", noise, sample_rate=8_000)
    assert caught.value.context == {"path": str(tmp_path), "errno": errno.EIO}


def test_a_link_is_replaced_and_not_followed(tmp_path: Path, noise: Samples) -> None:
    (tmp_path / "real").write_bytes(b"keep me")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", noise, sample_rate=8_000)
    assert (tmp_path / "real").read_bytes() == b"keep me"
    assert not (tmp_path / "link").is_symlink()


def test_a_folder_in_the_way_and_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="folder"):
        start(tmp_path)
    with pytest.raises(StorageError) as caught:
        start(tmp_path / "missing" / "x.wav")
    assert caught.value.context["errno"] == errno.ENOENT
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a\0b.wav", "\ud800.wav", "file/x.wav"])
def test_impossible_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        start(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_names_as_long_as_names_can_be(tmp_path: Path, noise: Samples) -> None:
    write(tmp_path / ("x" * 255), noise, sample_rate=8_000)
    assert len(read(tmp_path / ("x" * 255))) == len(noise)
    with pytest.raises(StorageError):
        write(tmp_path / ("x" * 256), noise, sample_rate=8_000)
    assert len(list(tmp_path.iterdir())) == 1


def test_new_files_have_the_usual_permissions(tmp_path: Path, noise: Samples) -> None:
    write(tmp_path / "x.wav", noise, sample_rate=8_000)
    (tmp_path / "usual").touch()
    assert (tmp_path / "x.wav").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_that_loses_its_end_is_not_published(tmp_path: Path, noise: Samples, codec: str) -> None:
    path = tmp_path / "x"
    writer = start(path, codec=codec)
    writer.write(noise)
    writer.finish()
    (temporary,) = tmp_path.iterdir()
    os.truncate(temporary, 0)
    other = start(path, codec=codec)
    other.write(noise)
    other.frames += 1
    with pytest.raises(StorageError, match="failing"):
        other.finish()
    writer.abort()
    assert not list(tmp_path.iterdir())


CHILD = """
import resource, sys
import numpy as np
from spleeter_nb.audio import write
from spleeter_nb.exceptions import DiskFullError, StorageError

folder, codec, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
samples = np.random.default_rng(0).uniform(-1, 1, (1_000_000, 2)).astype(np.float32)
try:
    write(folder + "/x", samples, sample_rate=44_100, codec=codec)
except StorageError as error:
    print(type(error).__name__, error.context)
# Whoever measures coverage writes a file of its own.
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("limit", [10, 100_000])
def test_a_file_that_may_not_grow(tmp_path: Path, codec: str, limit: int) -> None:
    (tmp_path / "x").write_bytes(b"old")
    command = [sys.executable, "-c", CHILD, str(tmp_path), codec, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("StorageError"), done.stderr
    assert f"'errno': {errno.EFBIG}" in done.stdout
    assert not done.stderr
    assert (tmp_path / "x").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
@pytest.mark.parametrize("codec", CODECS)
def test_a_full_disk(tmp_path: Path, codec: str) -> None:
    unshared = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    mount = f"mount -t tmpfs -o size=128k tmpfs {tmp_path}"
    if subprocess.run([*unshared, mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount")
    script = f'{mount} && "$0" -c "$1" "$2" "$3" 0 && ls -A "$2"'
    arguments = [sys.executable, CHILD, str(tmp_path), codec]
    done = subprocess.run([*unshared, script, *arguments], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"DiskFullError \{'path': '.*/x', 'needed': \d+, 'free': \d+\}\n", done.stdout), done.stderr
    assert not done.stderr
