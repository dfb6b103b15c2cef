"""Adapters: the one of files, and how others are found."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from spleeter_nb.compat.audio import Codec
from spleeter_nb.compat.audio.adapter import AudioAdapter, get_audio_adapter, get_default_audio_adapter
from spleeter_nb.compat.audio.ffmpeg import FFMPEGProcessAudioAdapter
from spleeter_nb.exceptions import AudioNotFoundError, SpleeterError, UnsupportedFormatError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 8000


def test_codecs_are_texts() -> None:
    assert list(Codec) == ["wav", "mp3", "ogg", "m4a", "wma", "flac"]
    assert [codec.name for codec in Codec] == ["WAV", "MP3", "OGG", "M4A", "WMA", "FLAC"]
    assert f"{Codec.WAV} {Codec.MP3.value}" == "wav mp3"


# Finding adapters.


def test_there_is_one_default() -> None:
    adapter = AudioAdapter.default()
    assert isinstance(adapter, FFMPEGProcessAudioAdapter)
    assert AudioAdapter.default() is AudioAdapter.get(None) is AudioAdapter.get("") is get_default_audio_adapter()


def test_the_default_has_spleeters_name() -> None:
    adapter = AudioAdapter.get("spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter")
    assert type(adapter) is FFMPEGProcessAudioAdapter


def test_an_adapter_is_found_by_its_name(tape: str) -> None:
    adapter = get_audio_adapter(tape)
    assert isinstance(adapter, AudioAdapter)
    assert type(adapter).__name__ == "Tape"


@pytest.mark.parametrize("name", ["Player", "np", "Nothing"])
def test_what_is_no_adapter_is_an_error(tape: str, name: str) -> None:
    with pytest.raises(SpleeterError, match=f"tape.{name}' is no audio adapter"):
        AudioAdapter.get(tape.replace("Tape", name))


def test_a_name_without_module_is_an_error() -> None:
    with pytest.raises(ValidationError, match=r"give 'package.module.Class'"):
        AudioAdapter.get("Tape")


def test_a_missing_module_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_studio"):
        AudioAdapter.get("no_studio.tape.Tape")


@pytest.mark.parametrize("adapter", [AudioAdapter, FFMPEGProcessAudioAdapter])
def test_arguments_have_spleeters_places_and_defaults(adapter: type[AudioAdapter]) -> None:
    _, _, *loading = inspect.signature(adapter.load).parameters.items()
    assert [(name, parameter.default) for name, parameter in loading] == [
        ("offset", None), ("duration", None), ("sample_rate", None), ("dtype", "float32"),
    ]  # fmt: skip
    _, *saving = inspect.signature(adapter.save).parameters.items()
    assert [name for name, _ in saving] == ["path", "data", "sample_rate", "codec", "bitrate"]
    assert [parameter.default for _, parameter in saving[3:]] == [None, None]


def test_an_adapter_has_to_load_and_save() -> None:
    assert inspect.isabstract(AudioAdapter)
    assert AudioAdapter.__abstractmethods__ == {"load", "save"}


# Loading.


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_song_is_loaded_as_it_is(write_song: Callable[..., Path], channels: int) -> None:
    path = write_song(channels=channels)
    samples, rate = AudioAdapter.default().load(path)
    assert rate == RATE
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, soundfile.read(path, dtype="float32", always_2d=True)[0])


def test_what_is_no_sound_becomes_0_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    soundfile.write(tmp_path / "song.wav", np.full((100, 2), np.nan, np.float32), RATE, subtype="FLOAT")
    samples, _ = FFMPEGProcessAudioAdapter().load(str(tmp_path / "song.wav"))
    assert not samples.any()
    assert "'song.wav': 200 values were not finite" in caplog.text


def test_a_part_is_loaded(song: str) -> None:
    whole, _ = AudioAdapter.default().load(song)
    part, _ = AudioAdapter.default().load(song, 0.25, 0.5, RATE, np.float64)
    assert part.dtype == np.float64
    np.testing.assert_array_equal(part, whole[2000:6000])


def test_a_song_is_loaded_at_another_rate(song: str) -> None:
    samples, rate = AudioAdapter.default().load(song, sample_rate=44_100.0)
    assert rate == 44_100
    assert samples.shape == (round(1.5 * 44_100), 2)


def test_an_mp3_has_as_many_samples_as_its_song(tmp_path: Path) -> None:
    """Spleeter's own tests load one of this length, at this rate."""
    song = np.random.default_rng(0).uniform(-0.1, 0.1, (479_832, 2))
    AudioAdapter.default().save(tmp_path / "audio_example.mp3", song, 44_100, Codec.MP3, "128k")
    waveform, rate = AudioAdapter.default().load(str(tmp_path / "audio_example.mp3"), sample_rate=44_100)
    assert (waveform.shape, waveform.dtype, rate) == ((479_832, 2), np.float32, 44_100)


def test_paths_and_types_may_be_bytes(song: str) -> None:
    samples, _ = FFMPEGProcessAudioAdapter().load(song.encode(), dtype=b"float32")
    np.testing.assert_array_equal(samples, AudioAdapter.default().load(Path(song))[0])


def test_a_missing_song_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        AudioAdapter.default().load(str(tmp_path / "nothing.mp3"))


def test_what_is_no_song_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("not a song")
    with pytest.raises(SpleeterError):
        AudioAdapter.default().load(str(tmp_path / "text.mp3"))


# Saving.


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [("a.wav", None, "WAV"), ("a.FLAC", None, "FLAC"), ("a", None, "WAV"), ("a.flac", Codec.FLAC, "FLAC")],
)
def test_a_stem_is_saved(tmp_path: Path, name: str, codec: Codec | None, kind: str) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 2))
    AudioAdapter.default().save(str(tmp_path / name), samples, 44_100.0, codec, "128k")
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.samplerate, info.subtype) == (kind, 44_100, "PCM_16")
    np.testing.assert_allclose(soundfile.read(tmp_path / name)[0], samples, atol=2**-15)


def test_mono_is_saved(tmp_path: Path) -> None:
    AudioAdapter.default().save(tmp_path / "a.wav", np.zeros((100, 1), np.float32), 8000)
    assert soundfile.info(tmp_path / "a.wav").channels == 1


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpleeterError, match="nowhere"):
        AudioAdapter.default().save(str(tmp_path / "nowhere" / "a.wav"), np.zeros((100, 2), np.float32), 8000)


def test_an_unknown_codec_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="opus"):
        AudioAdapter.default().save(tmp_path / "a.opus", np.zeros((100, 2), np.float32), 8000)
