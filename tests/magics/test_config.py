from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb import Preprocess
from spleeter_nb.config import SpleeterConfig
from spleeter_nb.exceptions import ModelNotFoundError
from tests.magics.conftest import write_song

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    Run = Callable[[str], Any]
    Fail = Callable[[str], BaseException]


def test_config_shows_every_default(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("%config SeparateMagics.precision = 'bfloat16'")
    run("%config SeparateMagics")
    shown = capsys.readouterr().out
    assert "SeparateMagics.precision=" in shown
    assert "Current: 'bfloat16'" in shown
    assert "Segments that a GPU computes at once (default: 8)." in shown
    for name in SpleeterConfig.model_fields:
        assert f"SeparateMagics.{name}=" in shown


@pytest.mark.usefixtures("small")
def test_session_defaults_hold_until_a_call_says_otherwise(run: Run) -> None:
    write_song(Path("song.wav"))
    run("%config SeparateMagics.duration = 1.5")
    run("%config SeparateMagics.output_dir = 'out'")
    assert run("%separate song.wav").duration == 1.5
    assert Path("out/song/vocals.wav").exists()
    assert run("%separate song.wav -d 1 -o none").duration == 1
    run("%config SeparateMagics.duration = None")
    assert run("%separate song.wav -o none").duration == 2.5


@pytest.mark.usefixtures("small")
def test_a_session_can_prepare_all_its_songs(run: Run) -> None:
    write_song(Path("song.wav"))
    run("import spleeter_nb as snb")
    run("%config SeparateMagics.preprocess = snb.Preprocess(high_pass=30)")
    assert run("%separate song.wav").preparation.preprocess == Preprocess(high_pass=30)
    assert run("%separate song.wav --preprocess nothing").preparation is None


def test_settings_go_call_session_environment_default(
    run: Run, fail: Fail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_song(Path("song.wav"), 9000)
    call, session, environment = (tmp_path / name for name in ("call", "session", "environment"))
    monkeypatch.setenv("SPLEETER_AUTO_DOWNLOAD", "false")
    monkeypatch.setenv("SPLEETER_MODELS_DIR", str(environment))
    assert str(environment) in str(fail("%separate song.wav"))
    run(f"%config SeparateMagics.models_dir = {str(session)!r}")
    assert str(session) in str(fail("%separate song.wav"))
    error = fail(f"%separate song.wav --models-dir '{call}' --offline")
    assert isinstance(error, ModelNotFoundError)
    assert str(call) in str(error)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("precision = 'bf16'", "allowed: 'float32', 'bfloat16'. Did you mean 'bfloat16'?"),
        ("overlap = 0.9", "overlap is 0.9; allowed: 0 to 0.5 of a segment."),
        ("wiener = 'yes'", "wiener is 'yes'; allowed: True or False."),
        ("spectrograms = 'yes'", "spectrograms is 'yes'; allowed: True, False."),
        ("model = 'spleeter:3stems'", "There is no model 'spleeter:3stems'. Did you mean"),
        ("model = 3", "There is no model '3'"),
        ("worker_threads = 0", "The setting 'worker_threads' (%config) is 0; allowed is a whole number"),
    ],
)
def test_what_is_not_allowed_is_refused_when_it_is_set(
    shell: InteractiveShell, run: Run, setting: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        run(f"%config SeparateMagics.{setting}")
    assert told in caplog.text
    magics = shell.magics_manager.registry["SeparateMagics"]
    assert getattr(magics, setting.partition(" ")[0]) is None


def test_an_unknown_name_is_told_with_the_nearest(run: Run) -> None:
    with pytest.warns(UserWarning, match=r"`presicion` not recognized .* Did you mean `precision`\?"):
        run("%config SeparateMagics.presicion = 'float32'")


def test_the_address_of_a_server_is_kept_secret(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("%config SeparateMagics.redis_url = 'redis://:geheim@localhost:1'")
    run("%config SeparateMagics")
    run("%config SeparateMagics.redis_url")
    assert "geheim" not in capsys.readouterr().out


def test_reloading_keeps_the_session(run: Run, shell: InteractiveShell) -> None:
    run("%config SeparateMagics.precision = 'bfloat16'")
    run("%reload_ext spleeter_nb")
    assert shell.magics_manager.registry["SeparateMagics"].precision == "bfloat16"


def test_question_mark_explains(shell: InteractiveShell) -> None:
    told = shell.object_inspect_text("%separate")
    assert "%separate song.mp3" in told
    assert "--precision TYPE" in told
