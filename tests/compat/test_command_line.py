"""Spleeter's command line: the letters and the long names of 2.4.2, and ``-i`` of older ones."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import pytest
import soundfile

from spleeter_nb.cli import main

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


def test_an_error_is_an_exit_code(run: Run, config: str, tmp_path: Path) -> None:
    code, told = run("-p", config, "-o", tmp_path / "out", tmp_path / "nothing.mp3")
    assert code == 1
    assert "nothing.mp3" in told
