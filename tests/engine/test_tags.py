"""The tags of a song go with it: to every file of a stem, whichever way it is written."""

from __future__ import annotations

import asyncio
import gc
import io
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spleeter_nb import SpleeterConfig, SpleeterEngine
from spleeter_nb.audio import AudioWriter, choose_encoding, open_audio, read_tags
from spleeter_nb.engine.loaded import cache_manager
from spleeter_nb.engine.separation import separate_with
from spleeter_nb.values import NO_TAGS, Tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.values import FloatArray

    Noise = Callable[..., FloatArray]
    Separated = Callable[..., SeparationResult]

RATE = 8000
TAGS = Tags({"title": "Tïtle", "artist": "<b>A</b>", "track": "3/12"}, b"\xff\xd8\xff" + bytes(500), "image/jpeg")
WITHOUT_COVER = Tags(TAGS.fields)
CODECS = ("wav", "flac", "mp3", "ogg", "m4a", "wma")


@pytest.fixture
def song(tmp_path: Path, noise: Noise) -> Path:
    path = tmp_path / "song.flac"
    encoding = choose_encoding("flac", bit_depth=24)
    with AudioWriter(path, encoding, sample_rate=RATE, channels=2, tags=TAGS) as writer:
        writer.write(noise(40_000))
    return path


@pytest.mark.parametrize("codec", CODECS)
def test_stems_written_while_separating_have_them(song: Path, separated: Separated, codec: str) -> None:
    result = separated(song, output_dir=song.parent, codec=codec)
    for stem in result.values():
        assert read_tags(stem.path or "") == (WITHOUT_COVER if codec == "wma" else TAGS)
        assert stem.frames == 40_000


def test_stems_saved_later_have_them(song: Path, separated: Separated, tmp_path: Path) -> None:
    result = separated(song)
    assert result.tags == result["vocals"].tags == TAGS
    for path in result.save(tmp_path / "out", codec="mp3").values():
        assert read_tags(path) == TAGS
    assert read_tags(result["vocals"].save(tmp_path / "one.ogg")) == TAGS
    assert read_tags(result.save_stem_mp4(tmp_path / "x.stem.mp4", progress=False)) == TAGS


def test_tags_change_no_sample_of_a_stem(song: Path, separated: Separated) -> None:
    result = separated(song, output_dir=song.parent, codec="wav", bit_depth="float")
    with open_audio(song) as reader:
        untagged = separated(np.concatenate(list(reader.blocks(5_000))))
    assert untagged.tags == NO_TAGS
    assert all(np.array_equal(result[name].samples, untagged[name].samples) for name in result)


def test_stems_from_the_cache_have_them(song: Path, small_models: Path, tmp_path: Path) -> None:
    config = SpleeterConfig(cache_dir=tmp_path / "cache", cache_enabled=True)

    def separate(name: str) -> SeparationResult:
        options: dict[str, Any] = {"output_dir": tmp_path / name, "progress": False}
        return separate_with(config, song, small_models / "two" / "config.json", **options)

    assert separate("first").cache_level is None
    again = separate("second")
    assert again.cache_level is not None
    assert [read_tags(stem.path or "") for stem in again.values()] == [TAGS] * 2
    cache = cache_manager(config)
    assert cache is not None
    cache.close()


def test_stems_of_a_batch_have_those_of_their_song(
    song: Path, separated: Separated, small_models: Path, noise: Noise, tmp_path: Path
) -> None:
    plain = separated(noise(9_000))["vocals"].save(tmp_path / "plain.wav")

    async def separate() -> list[Any]:
        async with SpleeterEngine() as engine:
            model = small_models / "two" / "config.json"
            return await engine.batch_separate([song, plain], model, output_dir=tmp_path / "out", progress=False)

    written = [[read_tags(stem.path) for stem in result.values()] for result in asyncio.run(separate())]
    assert written == [[TAGS] * 2, [NO_TAGS] * 2]


def test_file_objects_and_bytes_have_tags_too(song: Path, separated: Separated, tmp_path: Path) -> None:
    with song.open("rb") as file:
        file.seek(99)
        result = separated(file, output_dir=tmp_path / "out")
    assert [read_tags(stem.path or "") for stem in result.values()] == [TAGS] * 2
    assert result.tags == TAGS
    assert separated(song.read_bytes()).tags == TAGS
    with io.BytesIO(song.read_bytes()) as memory:
        late = separated(memory)
    assert late.tags == NO_TAGS


def test_a_stem_keeps_no_array_for_them(separated: Separated, noise: Noise) -> None:
    samples = noise(9_000)
    vocals, kept = separated(samples)["vocals"], weakref.ref(samples)
    del samples
    gc.collect()
    assert vocals.tags == NO_TAGS
    assert kept() is None


def test_they_are_read_once_and_only_when_asked_for(song: Path, separated: Separated) -> None:
    written, result = separated(song, output_dir=song.parent), separated(song)
    song.unlink()
    assert written.tags == TAGS
    assert result.tags == NO_TAGS


def test_a_song_with_damaged_tags_is_separated(song: Path, separated: Separated, tmp_path: Path) -> None:
    """Row A16."""
    song.write_bytes(song.read_bytes().replace("TITLE=Tï".encode(), b"\xff\xfe\xfd\xfc\xff\xff\xff\xff\xff"))
    result = separated(song, output_dir=tmp_path / "out")
    assert result["vocals"].frames == 40_000
    assert read_tags(result["vocals"].path or "").fields["artist"] == "<b>A</b>"
