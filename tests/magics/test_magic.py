from __future__ import annotations

import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from IPython.core.error import UsageError

import spleeter_nb
from spleeter_nb import SeparationResult
from spleeter_nb.engine.ledger import LEDGER_NAME
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    UnknownModelError,
    ValidationError,
)
from spleeter_nb.widgets import displays
from tests.magics.conftest import RATE, write_song

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    Run = Callable[[str], Any]
    Fail = Callable[[str], BaseException]


@pytest.fixture
def song(shell: InteractiveShell) -> Path:
    del shell  # it has chosen the folder
    return write_song(Path("My Song.wav"))


def test_loading_prints_nothing_and_unloading_leaves_nothing(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%unload_ext spleeter_nb")
    before = _everything(shell)
    shell.run_cell("%load_ext spleeter_nb")
    assert _everything(shell) != before
    shell.run_cell("%reload_ext spleeter_nb")
    shell.run_cell("%unload_ext spleeter_nb")
    assert _everything(shell) == before
    assert capsys.readouterr() == ("", "")
    shell.run_cell("%separate song.mp3")
    assert "Line magic function `%separate` not found" in capsys.readouterr().err


def _everything(shell: InteractiveShell) -> tuple[set[str], ...]:
    manager = shell.magics_manager
    return (
        {name for name in (*manager.magics["line"], *manager.magics["cell"]) if "separate" in name},
        {type(configurable).__name__ for configurable in shell.configurables},
        set(manager.registry),
        set(map(repr, shell.Completer.custom_matchers)),
    )


@pytest.mark.usefixtures("small")
def test_a_song_gives_its_result(run: Run, song: Path, small: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(f'%separate "{song}"')
    expected = spleeter_nb.separate(song, small, progress=False)
    assert isinstance(result, SeparationResult)
    assert all(np.array_equal(result[name].samples, expected[name].samples) for name in expected)
    assert capsys.readouterr().out.startswith("Out[")  # nothing but the result


def test_the_demonstration_song(run: Run, two_stems_models_dir: Path) -> None:
    run("import spleeter_nb as snb")
    result = run(f"%separate snb.demo_song() -d 1 --models-dir '{two_stems_models_dir}'")
    assert list(result) == ["vocals", "accompaniment"]
    assert result.duration == 1


@pytest.mark.usefixtures("small", "song")
def test_result_can_be_assigned_stored_and_kept_quiet(
    run: Run, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("stems = %separate 'My Song.wav'") is None
    assert isinstance(shell.user_ns["stems"], SeparationResult)
    assert run("%separate 'My Song.wav' --var named") is shell.user_ns["named"]
    capsys.readouterr()
    assert run("%separate 'My Song.wav' --var quiet -q") is None
    assert isinstance(shell.user_ns["quiet"], SeparationResult)
    assert capsys.readouterr() == ("", "")
    hook = sys.displayhook
    run("assigned = %separate -q 'My Song.wav'")
    assert isinstance(shell.user_ns["assigned"], SeparationResult)
    assert capsys.readouterr() == ("", "")
    assert sys.displayhook is hook
    # It is silent about its own result only, and only in its own cell.
    assert run("%separate 'My Song.wav' -q\n6 * 7") == 42
    assert isinstance(run("assigned"), SeparationResult)
    assert isinstance(shell.run_line_magic("separate", "'My Song.wav' -q"), SeparationResult)
    assert sys.displayhook is hook


@pytest.mark.usefixtures("small", "song")
def test_spectrograms_are_shown_below(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def shown() -> list[str]:
        """What was displayed, in its order."""
        return re.findall(r"(SeparationResult|SpectrogramComparison)\(", capsys.readouterr().out)

    run("%separate 'My Song.wav' --spectrograms")
    assert shown() == ["SeparationResult", "SpectrogramComparison"]
    run("song = %separate 'My Song.wav' --spectrograms")
    assert shown() == ["SpectrogramComparison"]
    run("%separate 'My Song.wav' --spectrograms -q")
    run("%separate 'My Song.wav' missing.wav --spectrograms --var both -q")
    assert shown() == []
    run("%separate 'My Song.wav' missing.wav --spectrograms")
    assert shown() == ["SeparationResult", "SpectrogramComparison"]
    run("%config SeparateMagics.spectrograms = True")
    run("%separate 'My Song.wav'")
    assert shown() == ["SeparationResult", "SpectrogramComparison"]
    run("%separate 'My Song.wav' --no-spectrograms")
    assert shown() == ["SeparationResult"]
    run("1")
    assert shown() == []
    while displays.SHOWN:
        displays.SHOWN.pop().widget.close()


@pytest.mark.usefixtures("small")
def test_stem_files_lie_beside_the_stems(run: Run, fail: Fail, song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(f"%separate '{song}' -o out --stem-mp4")
    assert list(spleeter_nb.load_stem_mp4("out/My Song/My Song.stem.mp4")) == list(result)
    assert "-o" in str(fail(f"%separate '{song}' --stem-mp4"))
    capsys.readouterr()
    Path("out/other/other.stem.mp4").mkdir(parents=True)
    write_song(Path("other.wav"))
    run("%separate 'My Song.wav' other.wav missing.wav -o out --stem-mp4 --var results")
    errors = capsys.readouterr().err
    assert "other.wav: " in errors
    assert "is a folder" in errors
    assert isinstance(run("results[1]"), SeparationResult)
    assert "is a folder" in str(fail("%separate other.wav -o out --stem-mp4"))


@pytest.mark.usefixtures("small")
def test_options_reach_the_engine(run: Run, song: Path) -> None:
    result = run(f'%separate "{song}" -o out -c flac --bit_depth 24 -d 1 -f {{instrument}}.{{codec}} --residual stem')
    assert {path.name for path in Path("out").iterdir()} == {f"{name}.flac" for name in result}
    assert "residual" in result
    assert result.duration == 1


@pytest.mark.usefixtures("small")
def test_variables_are_sources(run: Run, song: Path, shell: InteractiveShell) -> None:
    shell.push({"samples": np.zeros((9000, 2), np.float32), "data": song.read_bytes(), "path": song})
    assert run(f"%separate samples --sample_rate {RATE}").duration == 9000 / RATE
    assert run("%separate data").duration == run("%separate path").duration == 2.5
    assert run("%separate {path}").duration == 2.5  # the blank in it makes no difference
    run("def inside(local):\n    return get_ipython().run_line_magic('separate', 'local -d 1')")
    assert run("inside(path)").duration == 1


@pytest.mark.usefixtures("small", "song")
def test_several_sources_give_results_and_errors_in_order(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    results = run("%separate 'My Song.wav' missing.wav 'My Song.wav' -d 1")
    assert [type(result) for result in results] == [SeparationResult, AudioNotFoundError, SeparationResult]
    assert "missing.wav: There is no file 'missing.wav'" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_cell_fails_when_all_its_songs_do(
    fail: Fail, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(fail("%separate missing.wav gone.wav --var kept"), AudioNotFoundError)
    told = "".join(capsys.readouterr())
    assert told.count("missing.wav") >= 1
    assert told.count("There is no file") == 2
    assert len(shell.user_ns["kept"]) == 2


@pytest.mark.usefixtures("small", "song")
def test_blanks_want_quotes_and_a_comment_is_none_of_the_songs(run: Run, fail: Fail) -> None:
    assert 'need quotes, as in %separate "My Song.wav"' in str(fail("%separate My Song.wav"))
    assert run("%separate 'My Song.wav' -d 1  # that's it").duration == 1
    write_song(Path("song#1.wav"), 9000)
    assert run("%separate song#1.wav").origin == "song#1.wav"


@pytest.mark.usefixtures("small")
def test_patterns_folders_and_lists_give_lists(run: Run, fail: Fail) -> None:
    for name in ("album/1.wav", "album/2.wav", "album/bonus/3.wav"):
        write_song(Path(name), 9000)
    run("songs = ['album/1.wav', 'album/2.wav']")
    assert len(run("%separate album")) == len(run("%separate album/*.wav")) == len(run("%separate songs")) == 2
    assert len(run("%separate album -r")) == len(run("%separate songs album/bonus/3.wav")) == 3
    assert len(run("%separate album/bonus")) == len(run("%separate songs[:1]")) == 1
    assert isinstance(fail("%separate album/*.flac"), ValidationError)


@pytest.mark.usefixtures("small", "song")
def test_cell_has_one_source_a_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("album/1.wav"), 9000)
    write_song(Path("#1.wav"), 9000)
    run("songs = ['My Song.wav', 'missing.wav']")
    results = run(
        "%%separate -d 1 -q --var kept\n# live\n\n  My Song.wav\n'My Song.wav'\nalbum/*.wav\nsongs\n./#1.wav\n"
    )
    assert results is None
    kept = run("kept")
    origins = [getattr(result, "origin", "failed") for result in kept]
    assert origins == ["My Song.wav", "My Song.wav", "album/1.wav", "My Song.wav", "failed", "./#1.wav"]
    assert "missing.wav: There is no file" in capsys.readouterr().err


@pytest.mark.usefixtures("small", "song")
def test_cell_always_gives_a_list(run: Run) -> None:
    assert [type(result) for result in run("%%separate\nMy Song.wav")] == [SeparationResult]
    assert run("%%separate\n# nothing yet") == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("%separate", "UsageError: Say what to separate, as in %separate song.mp3"),
        ("%separate 'song.mp3", "UsageError: A quote is not closed"),
        ("%separate song.mp3 --codek flac", "UsageError: There is no option '--codek'. Did you mean '--codec'?"),
        ("%%separate song.mp3\nb.mp3", "UsageError: The sources of %%separate stand below it"),
    ],
)
def test_usage_errors_are_one_line(fail: Fail, code: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(fail(code), UsageError)
    out, err = capsys.readouterr()
    told = (out + err).strip()
    assert told.startswith(message)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("missing.mp3", AudioNotFoundError),
        ("missing.mp3 --overlap 0.7", ValidationError),
        ("missing.mp3 --preprocess high_pass=5", ValidationError),
        ("missing.mp3 --overlap much", ValidationError),
        ("missing.mp3 -c mp2", ValidationError),
        ("missing.mp3 -p spleeter:3stems other.mp3", UnknownModelError),
    ],
)
def test_errors_fail_the_cell_in_one_line(
    fail: Fail, line: str, error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    raised = fail(f"%separate {line}")
    assert isinstance(raised, error)
    out, err = capsys.readouterr()
    assert (out + err).strip() == f"{error.__name__}: {raised}"


@pytest.mark.usefixtures("small")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sources", ["long -o out", "long short", "many -o out"])
def test_an_interrupt_passes_and_leaves_nothing(shell: InteractiveShell, fail: Fail, run: Run, sources: str) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8_000_000, 2)).astype(np.float32)
    shell.push({"long": noise, "short": noise[:9000], "many": [noise]})
    begun: list[float] = []

    def interrupt_soon() -> None:
        while not any(thread.name.startswith("spleeter_nb-") for thread in threading.enumerate()):
            time.sleep(0.01)
        time.sleep(0.6)
        begun.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt_soon).start()
    assert isinstance(fail(f"%separate {sources} --sample_rate {RATE}"), KeyboardInterrupt)
    assert time.monotonic() - begun[0] < 1  # half of it is what is promised; a busy machine may need longer
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("spleeter_nb-job") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not [path for path in Path("out").rglob("*") if path.is_file() and path.name != LEDGER_NAME]
    assert run(f"%separate short --sample_rate {RATE}").duration == 9000 / RATE


@pytest.mark.usefixtures("small")
def test_works_while_an_event_loop_runs(run: Run) -> None:
    write_song(Path("album/1.wav"), 9000)
    run("import asyncio; await asyncio.sleep(0); ip = get_ipython()")
    run("one = ip.run_line_magic('separate', 'album/1.wav'); await asyncio.sleep(0)")
    run("all = ip.run_line_magic('separate', 'album'); await asyncio.sleep(0)")
    assert run("one.duration") == run("all[0].duration")
