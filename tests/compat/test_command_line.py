"""Spleeter's command line: the letters and the long names of 2.4.2, and ``-i`` of older ones."""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import soundfile
import typer

from spleeter_nb.audio import probe
from spleeter_nb.cli import app, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Run: TypeAlias = Callable[..., tuple[int, str]]

ADAPTER = "spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Call ``separate``; what comes is the exit code, and what it complained of."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["spleeter-nb", "separate", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capsys.readouterr().err

    logger = logging.getLogger("spleeter_nb")
    level = logger.level
    yield call
    logger.setLevel(level)


@pytest.mark.parametrize(
    "names",
    [
        ["-o", "-p", "-c", "-b", "-s", "-d", "-f", "-a"],
        [
            *("--output_path", "--params_filename", "--codec", "--bitrate", "--offset", "--duration"),
            *("--filename_format", "--adapter"),
        ],
    ],
)
def test_spleeters_options(
    run: Run, config: str, write_song: Callable[..., Path], tmp_path: Path, names: list[str]
) -> None:
    songs = [write_song("one.wav"), write_song("two.wav")]
    template = "{foldername}/{filename}_{instrument}.{codec}"
    values = [tmp_path / "out", config, "flac", "128k", 0.25, 0.5, template, ADAPTER]
    options = [part for option in zip(names, values, strict=True) for part in option]
    assert run(*options, "--mwf", "--verbose", *songs)[0] == 0
    stems = list((tmp_path / "out" / "songs").iterdir())
    assert {stem.name for stem in stems} == {
        f"{song}_{name}.flac" for song in ("one", "two") for name in ("vocals", "accompaniment")
    }
    assert {soundfile.info(stem).frames for stem in stems} == {4000}


def test_the_inputs_of_old_are_taken_with_a_hint(
    run: Run,
    config: str,
    write_song: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    songs = [write_song("one.wav"), write_song("two.wav")]
    assert run("-i", *songs, "-o", tmp_path / "out", "-p", config)[0] == 0
    assert "-i has no effect: name the songs without it, as in Spleeter since 2.1." in caplog.messages
    assert len(list((tmp_path / "out").glob("*/*.wav"))) == 4


def test_an_adapter_is_sent_to_python(run: Run, config: str, song: str) -> None:
    code, told = run("-p", config, "-a", "studio.tape.Tape", song)
    assert code == 1
    assert "spleeter_nb.compat.separator.Separator" in told


@pytest.mark.parametrize("letter", ["-h", "--help"])
def test_there_is_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], letter: str) -> None:
    monkeypatch.setattr(sys, "argv", ["spleeter-nb", "separate", letter])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    assert "--params_filename" in capsys.readouterr().out


def test_defaults_are_those_of_spleeter_but_for_the_length() -> None:
    command = typer.main.get_command(app).commands["separate"]  # type: ignore[attr-defined]
    by_letter = {parameter.opts[0]: parameter.default for parameter in command.params}
    assert {letter: by_letter[letter] for letter in ("-p", "-c", "-s", "-f", "-a", "--mwf", "--verbose")} == {
        "-p": "spleeter:2stems",
        "-c": "wav",
        "-s": 0,
        "-f": "{filename}/{instrument}.{codec}",
        "-a": ADAPTER,
        "--mwf": False,
        "--verbose": False,
    }
    # None of them says all of the song, and what the codec does by itself.
    assert (by_letter["-d"], by_letter["-b"]) == (None, None)


def test_the_whole_song_is_separated(
    run: Run, slow_model: str, write_song: Callable[..., Path], tmp_path: Path
) -> None:
    song = write_song("long.wav", seconds=610, channels=1, rate=1000)
    assert run("-p", slow_model, "-o", tmp_path / "out", song)[0] == 0
    assert soundfile.info(tmp_path / "out" / "long" / "vocals.wav").duration == 610


@pytest.mark.parametrize("codec", ["wav", "mp3"])
def test_a_line_of_spleeters_runs_with_another_first_word(config: str, song: str, tmp_path: Path, codec: str) -> None:
    line = f"separate -p {config} -o {tmp_path}/out -c {codec} -b 64k -d 1 {song}"
    command = [sys.executable, "-m", "spleeter_nb", *shlex.split(line)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stems = sorted((tmp_path / "out" / "song").iterdir())
    assert [stem.name for stem in stems] == [f"accompaniment.{codec}", f"vocals.{codec}"]
    assert all(probe(stem).duration == 1 for stem in stems)


def test_one_song_that_fails_stops_no_other(run: Run, config: str, song: str, tmp_path: Path) -> None:
    code, told = run("-p", config, "-o", tmp_path / "out", tmp_path / "nothing.mp3", song)
    assert code == 1
    assert "nothing.mp3" in told
    assert len(list((tmp_path / "out" / "song").iterdir())) == 2


def test_an_error_is_an_exit_code(run: Run, config: str, tmp_path: Path) -> None:
    code, told = run("-p", config, "-o", tmp_path / "out", tmp_path / "nothing.mp3")
    assert code == 1
    assert "nothing.mp3" in told
