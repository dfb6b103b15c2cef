"""Spleeter's one class, as its users know it; what is expected here is what Spleeter 2.4.2 does, or should."""

from __future__ import annotations

import inspect
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import spleeter_nb
from spleeter_nb.compat import SpleeterError
from spleeter_nb.compat.audio import Codec, STFTBackend
from spleeter_nb.compat.audio.adapter import AudioAdapter
from spleeter_nb.compat.separator import Separator
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    ModelError,
    UnknownModelError,
    UnsupportedFormatError,
    ValidationError,
)
from tests.compat.conftest import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

RATE = 8000
PARITY = Path(__file__).parent.parent / "parity" / "data"


def reference(case: str, array: str) -> npt.NDArray[np.float32]:
    with np.load(PARITY / case / array) as arrays:
        return np.asarray(arrays["song"])


def noise(frames: int = 12_000, channels: int = 2) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_our_settings_for_the_sound_are_not_spleeters(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Separator(config).separate(noise())
    monkeypatch.setenv("SPLEETER_DEFAULT_SAMPLE_RATE", "16000")
    monkeypatch.setenv("SPLEETER_ENABLE_PREPROCESSING", "true")
    monkeypatch.setenv("SPLEETER_NORMALIZE_LOUDNESS", "true")
    stems = Separator(config).separate(noise())
    assert all(np.array_equal(stems[name], expected[name]) for name in expected)


# What is called, and how.


def test_arguments_have_spleeters_names_and_places() -> None:
    save = ["filename_format", "codec", "audio_adapter", "bitrate", "synchronous"]
    to_file = ["audio_adapter", "offset", "duration", "codec", "bitrate", "filename_format", "synchronous"]
    assert list(inspect.signature(Separator).parameters)[:2] == ["params_descriptor", "MWF"]
    assert places(Separator.separate) == ["waveform", "audio_descriptor"]
    assert places(Separator.separate_to_file) == ["audio_descriptor", "destination", *to_file]
    assert places(Separator.save_to_file) == ["sources", "audio_descriptor", "destination", *save]
    assert places(Separator.join) == ["timeout"]


def places(function: Callable[..., object]) -> list[str]:
    _, *parameters = inspect.signature(function).parameters.values()
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return [parameter.name for parameter in parameters]


def test_defaults_are_those_of_spleeter() -> None:
    assert defaults(Separator) == {"MWF": False, "multiprocess": True, "stft_backend": None}
    assert defaults(Separator.separate) == {"audio_descriptor": ""}
    assert defaults(Separator.separate_to_file) == {
        "audio_adapter": None,
        "offset": 0,
        "duration": 600.0,
        "codec": "wav",
        "bitrate": "128k",
        "filename_format": "{filename}/{instrument}.{codec}",
        "synchronous": True,
    }
    assert list(defaults(Separator.save_to_file).items()) == [
        ("filename_format", "{filename}/{instrument}.{codec}"),
        ("codec", "wav"),
        ("audio_adapter", None),
        ("bitrate", "128k"),
        ("synchronous", True),
    ]
    assert defaults(Separator.join) == {"timeout": 200}


def defaults(function: Callable[..., object]) -> dict[str, object]:
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}


@pytest.mark.parametrize("arguments", [(), (False,), (False, True), (True, False)])
def test_the_call_of_today_gives_no_warning(config: str, arguments: tuple[bool, ...]) -> None:
    Separator(config, *arguments)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((False, "librosa"), {}),
        ((False, "tensorflow", False), {}),
        ((False, "auto"), {"multiprocess": False}),
        ((), {"stft_backend": "librosa", "multiprocess": False}),
        ((), {"stft_backend": STFTBackend.LIBROSA}),
    ],
)
def test_the_call_of_2_1_to_2_3_is_understood_with_a_warning(
    config: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.warns(UserWarning, match="stft_backend=.* has no effect") as warned:
        separator = Separator(config, *arguments, **options)
    assert warned[0].filename == __file__
    assert list(separator.separate(noise())) == INSTRUMENTS["two"]


@pytest.mark.parametrize("arguments", [(False, 5), (False, True, True), (False, "auto", True, 1)])
def test_another_call_is_refused(config: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError, match="after MWF; allowed: multiprocess"):
        Separator(config, *arguments)


@pytest.mark.parametrize("descriptor", ["spleeter:3stems", "2stems", "nowhere/config.json"])
def test_an_unknown_model_is_an_error_at_once(descriptor: str) -> None:
    with pytest.raises(ModelError) as caught:
        Separator(descriptor)
    assert isinstance(caught.value, SpleeterError)


def test_the_nearest_model_is_named() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'spleeter:4stems'"):
        Separator("spleeter:4stem")


# Arrays.


@pytest.mark.parametrize("case", INSTRUMENTS)
def test_stems_are_spleeters_own(small_models: Path, case: str) -> None:
    with np.load(PARITY / "input.npz") as arrays:
        mixture = arrays["song"]
    stems = Separator(str(small_models / case / "config.json")).separate(mixture)
    assert list(stems) == INSTRUMENTS[case]
    np.testing.assert_allclose(np.stack(list(stems.values())), reference(case, "reference.npz"), atol=1e-4)


def test_mwf_is_spleeters_own(small_models: Path) -> None:
    with np.load(PARITY / "input.npz") as arrays:
        mixture = arrays["song"]
    stems = Separator(str(small_models / "wiener" / "config.json"), MWF=True).separate(mixture, "song")
    np.testing.assert_allclose(np.stack(list(stems.values())), reference("wiener", "reference.npz"), atol=1e-4)


@pytest.mark.usefixtures("spleeters_models")
@pytest.mark.parametrize("channels", [1, 2])
def test_published_weights_tell_voice_and_music_apart(channels: int) -> None:
    track, rate = AudioAdapter.default().load(str(spleeter_nb.demo_song().path), duration=3.0, sample_rate=44_100)
    track = track[:, :channels]
    stems = Separator("spleeter:2stems").separate(track, "demo")

    assert rate == 44_100
    assert list(stems) == ["vocals", "accompaniment"]
    for stem in stems.values():
        assert stem.shape == (*track.shape[:-1], 2)
        assert stem.dtype == np.float32
        assert not np.allclose(track, stem)
    assert not np.allclose(stems["vocals"], stems["accompaniment"])


def test_stems_may_be_changed(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPLEETER_CACHE_ENABLED", "true")
    monkeypatch.setenv("SPLEETER_CACHE_DIR", str(tmp_path / "cache"))
    first = Separator(config).separate(noise())
    kept = first["vocals"].copy()
    first["vocals"] *= 2
    np.testing.assert_array_equal(Separator(config).separate(noise())["vocals"], kept)


def test_integers_keep_their_scale(config: str) -> None:
    loud = np.round(noise() * 1000).astype(np.int16)
    of_integers, of_floats = (Separator(config).separate(kind)["vocals"] for kind in (loud, loud.astype(np.float32)))
    np.testing.assert_array_equal(of_integers, of_floats)


def test_channels_in_the_first_axis_are_refused(config: str) -> None:
    with pytest.raises(ValidationError, match="Transpose it"):
        Separator(config).separate(noise().T)


# Files.


@pytest.mark.parametrize("case", INSTRUMENTS)
def test_files_have_spleeters_names(small_models: Path, song: str, tmp_path: Path, case: str) -> None:
    out = tmp_path / "out"
    assert Separator(str(small_models / case / "config.json")).separate_to_file(song, str(out)) is None  # type: ignore[func-returns-value]
    assert files_in(out) == {f"song/{name}.wav" for name in INSTRUMENTS[case]}


def test_files_hold_what_separate_gives(config: str, song: str, tmp_path: Path) -> None:
    samples, rate = AudioAdapter.default().load(song)
    separator = Separator(config)
    stems = separator.separate(samples)
    separator.separate_to_file(song, tmp_path / "files")
    separator.save_to_file(stems, song, tmp_path / "saved")
    for folder in ("files", "saved"):
        for name, stem in stems.items():
            written, written_rate = soundfile.read(tmp_path / folder / "song" / f"{name}.wav", dtype="float32")
            assert written_rate == rate == RATE
            np.testing.assert_allclose(written, stem, atol=2**-15)


@pytest.mark.usefixtures("spleeters_models")
def test_published_weights_write_files(tmp_path: Path) -> None:
    song = shutil.copy(spleeter_nb.demo_song().path, tmp_path / "audio_example.flac")
    Separator("spleeter:2stems").separate_to_file(str(song), str(tmp_path / "out"), duration=2.5)
    assert files_in(tmp_path / "out") == {"audio_example/vocals.wav", "audio_example/accompaniment.wav"}
    assert soundfile.info(tmp_path / "out" / "audio_example" / "vocals.wav").frames == round(2.5 * 44_100)


def test_stems_keep_the_songs_rate(config: str, write_song: Callable[..., Path], tmp_path: Path) -> None:
    song = write_song(rate=22_050)
    Separator(config).separate_to_file(song, tmp_path / "out", offset=0.5, duration=0.75)
    written = soundfile.info(tmp_path / "out" / "song" / "vocals.wav")
    assert (written.samplerate, written.frames) == (22_050, round(0.75 * 22_050))


@pytest.mark.parametrize(
    ("template", "vocals"),
    [
        ("export/{filename}/{instrument}.{codec}", "export/song/vocals.flac"),
        ("{foldername}_{instrument}.{codec}", "songs_vocals.flac"),
    ],
)
def test_templates(config: str, song: str, tmp_path: Path, template: str, vocals: str) -> None:
    out = tmp_path / "out"
    for codec in (Codec.FLAC, "flac"):
        Separator(config).separate_to_file(song, str(out), codec=codec, filename_format=template)
        assert files_in(out) == {vocals, vocals.replace("vocals", "accompaniment")}
        assert soundfile.info(out / vocals).format == "FLAC"


def test_two_stems_with_one_path_are_an_error(config: str, song: str, tmp_path: Path) -> None:
    separator, template = Separator(config), "I wanna be your lover"
    with pytest.raises(SpleeterError, match="several stems one path"):
        separator.separate_to_file(song, str(tmp_path / "out"), filename_format=template)
    with pytest.raises(SpleeterError, match="several stems one path"):
        separator.save_to_file({"a": noise(), "b": noise()}, song, str(tmp_path / "out"), template)
    assert not (tmp_path / "out").exists()


def test_a_missing_song_is_an_error(config: str, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError, match=r"nothing\.mp3") as caught:
        Separator(config).separate_to_file(str(tmp_path / "nothing.mp3"), str(tmp_path / "out"))
    assert isinstance(caught.value, SpleeterError)
    assert not (tmp_path / "out").exists()


def test_an_unknown_codec_is_an_error(config: str, song: str, tmp_path: Path) -> None:
    separator = Separator(config)
    with pytest.raises(SpleeterError, match="'opus'; allowed: 'wav'"):
        separator.separate_to_file(song, str(tmp_path / "out"), codec="opus", bitrate=None)
    with pytest.raises(UnsupportedFormatError, match="opus"):
        separator.save_to_file({"vocals": noise()}, song, str(tmp_path / "out"), codec="opus", bitrate=None)
    assert not files_in(tmp_path) - {"songs/song.wav"}


@pytest.mark.parametrize("codec", [Codec.MP3, Codec.OGG, Codec.M4A, Codec.WMA])
def test_lossy_codecs_take_a_bitrate(
    config: str, write_song: Callable[..., Path], tmp_path: Path, codec: Codec
) -> None:
    song = write_song(rate=44_100)
    separator = Separator(config)
    for bitrate in ("96k", "192k"):
        separator.separate_to_file(str(song), tmp_path / bitrate, codec=codec, bitrate=bitrate)
    small, large = (tmp_path / bitrate / "song" / f"vocals.{codec}" for bitrate in ("96k", "192k"))
    assert small.stat().st_size < large.stat().st_size
    loaded, rate = AudioAdapter.default().load(small)
    assert (loaded.shape, rate) == ((round(1.5 * 44_100), 2), 44_100)


def test_a_rate_that_the_codec_lacks_becomes_the_models(
    config: str, write_song: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    song = write_song(rate=64_000, seconds=1.0)
    Separator(config).separate_to_file(song, tmp_path / "out", codec=Codec.WMA)
    written, rate = AudioAdapter.default().load(tmp_path / "out" / "song" / "vocals.wma")
    assert (written.shape, rate) == ((RATE, 2), RATE)
    assert caplog.messages == [f"{song}: wma has no 64000 Hz, stems are written in 8000 Hz."]


# Ten minutes.


def test_who_keeps_the_default_is_told_what_it_cuts(
    slow_model: str, write_song: Callable[..., Path], tmp_path: Path
) -> None:
    song = write_song("long.wav", seconds=610, channels=1, rate=1000)
    with pytest.warns(UserWarning, match=r"long.wav'.*only 600 s of 610 s.*duration=None") as warned:
        Separator(slow_model).separate_to_file(str(song), str(tmp_path / "out"))
    assert warned[0].filename == __file__
    assert soundfile.info(tmp_path / "out" / "long" / "vocals.wav").duration == 600


@pytest.mark.parametrize(
    ("options", "seconds"), [({"duration": None}, 610), ({"duration": 30}, 30), ({"offset": 20}, 590)]
)
def test_what_is_asked_for_is_no_cut(
    slow_model: str,
    write_song: Callable[..., Path],
    tmp_path: Path,
    options: dict[str, Any],
    seconds: int,
) -> None:
    song = write_song("long.wav", seconds=610, channels=1, rate=1000)
    Separator(slow_model).separate_to_file(str(song), str(tmp_path / "out"), **options)
    assert soundfile.info(tmp_path / "out" / "long" / "vocals.wav").duration == seconds


# Adapters of one's own.


def test_an_adapter_of_ones_own_loads_and_saves(config: str, tape: str, tmp_path: Path) -> None:
    adapter: Any = AudioAdapter.get(tape)
    Separator(config).separate_to_file(
        "reel/1.25", str(tmp_path / "out"), audio_adapter=adapter, offset=2, codec=Codec.MP3, bitrate="64k"
    )
    assert adapter.loaded == [("reel/1.25", 2, 600.0, RATE)]
    # What follows the last dot of a name is an ending.
    assert adapter.saved == [
        (str(tmp_path / "out" / "1" / f"{name}.mp3"), (10_000, 2), RATE, "mp3", "64k") for name in INSTRUMENTS["two"]
    ]
    assert (tmp_path / "out" / "1").is_dir()


def test_an_adapter_of_ones_own_is_cut_with_a_warning(slow_model: str, tape: str, tmp_path: Path) -> None:
    adapter = AudioAdapter.get(tape)
    with pytest.warns(UserWarning, match="only 600 s were separated"):
        Separator(slow_model).separate_to_file("reel/610", tmp_path, adapter)
    Separator(slow_model).separate_to_file("reel/590", tmp_path, adapter)
    Separator(slow_model).separate_to_file("reel/610", tmp_path, adapter, duration=None)


def test_names_are_checked_before_anything_is_loaded(config: str, tape: str, tmp_path: Path) -> None:
    adapter: Any = AudioAdapter.get(tape)
    with pytest.raises(SpleeterError, match="several stems one path"):
        Separator(config).separate_to_file("reel/1", tmp_path, adapter, filename_format="{filename}")
    assert not adapter.loaded


def test_stems_are_saved_while_the_script_goes_on(config: str, tape: str, tmp_path: Path) -> None:
    adapter: Any = AudioAdapter.get(tape)
    adapter.may_save.clear()
    separator = Separator(config)
    separator.separate_to_file("reel/1", tmp_path, adapter, synchronous=False)
    with pytest.raises(TimeoutError, match=r"2 stems are not written after 0\.05 s"):
        separator.join(timeout=0.05)
    assert not adapter.saved

    adapter.may_save.set()
    separator.join()
    assert [Path(saved[0]).stem for saved in adapter.saved] == INSTRUMENTS["two"]
    separator.join()


def test_without_multiprocess_nothing_is_left_to_join(config: str, tape: str, tmp_path: Path) -> None:
    adapter: Any = AudioAdapter.get(tape)
    Separator(config, multiprocess=False).separate_to_file("reel/1", tmp_path, adapter, synchronous=False)
    assert len(adapter.saved) == 2


def test_what_cannot_be_saved_is_told(config: str, tape: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter, separator = AudioAdapter.get(tape), Separator(config)
    with pytest.raises(OSError, match="the tape is full"):
        separator.separate_to_file("reel/1", tmp_path, adapter, bitrate="none")
    with caplog.at_level(logging.ERROR, logger="spleeter_nb"):
        separator.separate_to_file("reel/1", tmp_path, adapter, bitrate="none", synchronous=False)
        with pytest.raises(OSError, match="the tape is full"):
            separator.join()
    assert caplog.messages == ["A stem could not be written: the tape is full"] * 2
    separator.join()
