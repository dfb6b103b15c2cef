"""Results and stems show themselves: a player where there can be one, always a table, never an error."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import IPython
import numpy as np
import pytest

from spleeter_nb import SeparationResult, SpectrogramComparison, Stem, StemPlayer
from spleeter_nb.exceptions import AudioNotFoundError, UnknownOptionError
from spleeter_nb.values import AudioInfo
from spleeter_nb.widgets import displays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RATE = 8000
FRAMES = 16_000
VIEW = "application/vnd.jupyter.widget-view+json"


def gone() -> Any:
    raise AudioNotFoundError("'<b>song</b>.wav' is gone.")


@pytest.fixture
def make() -> Callable[..., SeparationResult]:
    def made(load: Callable[[], Any] | None = None) -> SeparationResult:
        sound = np.random.default_rng(0).uniform(-0.4, 0.4, (FRAMES, 2)).astype(np.float32)
        stems = {name: Stem(name, RATE, FRAMES, load or (lambda: sound)) for name in ("vocals", "drums")}
        info = AudioInfo("song.wav", "wav", "pcm_16", RATE, 2, FRAMES, 16)
        return SeparationResult(stems, "spleeter:2stems", "song.wav", info, None, None, 1.0, {}, lambda: 2 * sound)

    return made


@pytest.fixture(autouse=True)
def _no_players_left() -> Iterator[None]:
    yield
    while displays.SHOWN:
        displays.SHOWN.pop().widget.close()


class Shell:
    """A kernel's shell, of which a display only asks which cell runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.run("one")

    def run(self, cell: str | None, *, deleted: object = ()) -> None:
        self.runs += 1
        metadata = {"deletedCells": list(deleted)} | ({} if cell is None else {"cellId": cell})
        self.parent = {"metadata": metadata, "header": {"msg_id": str(self.runs)}}

    def get_parent(self) -> dict[str, Any]:
        return self.parent


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    return shell


def players() -> list[StemPlayer]:
    return [shown.widget for shown in displays.SHOWN]


def test_a_result_shows_a_player_a_table_and_a_line(make: Callable[..., SeparationResult]) -> None:
    data, metadata = make()._repr_mimebundle_(include=None, exclude=None)
    assert set(data) == {"text/plain", "text/html", "image/png", VIEW}
    assert data["text/plain"] == "SeparationResult('song.wav': vocals, drums; 2.00 s, 8000 Hz)"
    assert "<td>vocals</td>" in data["text/html"]
    assert isinstance(metadata, dict)


def test_a_stem_shows_itself(make: Callable[..., SeparationResult]) -> None:
    data, _ = make().vocals._repr_mimebundle_()
    assert data["text/plain"] == "Stem('vocals', 2.00 s, 8000 Hz)"
    assert VIEW in data
    assert "drums" not in data["text/html"]


def test_a_result_shown_again_shows_the_same_player(make: Callable[..., SeparationResult], shell: Shell) -> None:
    result, other = make(), make()
    first = result._repr_mimebundle_()[0][VIEW]
    shell.run("two")
    assert result._repr_mimebundle_()[0][VIEW] == first
    assert other._repr_mimebundle_()[0][VIEW] != first
    assert result.vocals._repr_mimebundle_()[0][VIEW] != first
    assert len(players()) == 3
    players()[0].close()
    assert result._repr_mimebundle_()[0][VIEW] != first
    assert len(players()) == 3


def test_a_cell_that_runs_again_closes_what_it_showed(make: Callable[..., SeparationResult], shell: Shell) -> None:
    sounds = []
    for _ in range(20):
        shell.run("one")
        result = make()
        result._repr_mimebundle_()
        sounds.append(weakref.ref(players()[-1]))
        assert len(players()) == 1
    del result
    gc.collect()
    assert [ref() is not None for ref in sounds] == [False] * 19 + [True]


def test_a_cell_may_show_several_and_others_are_left_alone(make: Callable[..., SeparationResult], shell: Shell) -> None:
    first, second, third = make(), make(), make()
    first._repr_mimebundle_()
    second._repr_mimebundle_()
    shell.run("two")
    third._repr_mimebundle_()
    assert len(players()) == 3
    shell.run("one")
    first._repr_mimebundle_()
    assert [shown.subject() for shown in displays.SHOWN] == [first, third]
    assert all(player.comm is not None for player in players())


def test_players_of_cells_that_are_gone_are_closed(make: Callable[..., SeparationResult], shell: Shell) -> None:
    first, second = make(), make()
    first._repr_mimebundle_()
    shell.run("two", deleted=["one"])
    second._repr_mimebundle_()
    assert [shown.subject() for shown in displays.SHOWN] == [second]


def test_hosts_that_do_not_name_cells_keep_their_players(make: Callable[..., SeparationResult], shell: Shell) -> None:
    results = [make(), make()]
    for result in results:
        shell.run(None)
        result._repr_mimebundle_()
    assert len(players()) == 2


@pytest.mark.parametrize("parent", [{}, {"metadata": None, "header": None}, {"metadata": {"deletedCells": None}}])
def test_hosts_that_say_nothing_show_it_too(
    parent: dict[str, Any], make: Callable[..., SeparationResult], shell: Shell
) -> None:
    shell.parent = parent
    assert VIEW in make()._repr_mimebundle_()[0]


def test_stems_that_are_gone_are_a_table_and_a_reason(make: Callable[..., SeparationResult]) -> None:
    for subject in (make(gone), make(gone).vocals):
        data, metadata = subject._repr_mimebundle_()
        assert set(data) == {"text/plain", "text/html"}
        assert data["text/plain"] == repr(subject)
        assert "There is no player: &#x27;&lt;b&gt;song&lt;/b&gt;.wav&#x27; is gone." in data["text/html"]
        assert "<td>0:02</td>" in data["text/html"]
        assert metadata == {}


def test_a_mixture_that_is_gone_is_a_remark(make: Callable[..., SeparationResult]) -> None:
    data, _ = replace(make(), _load_mixture=gone)._repr_mimebundle_()
    assert VIEW in data
    assert "There is no original beside the stems: &#x27;&lt;b&gt;" in data["text/html"]


@pytest.mark.parametrize("error", [RuntimeError("odd"), MemoryError(), KeyError("x")])
def test_an_error_that_nobody_expects_is_shown_and_logged(
    error: Exception, make: Callable[..., SeparationResult], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        raise error

    data, _ = make(fail)._repr_mimebundle_()
    assert "There is no player" in data["text/html"]
    assert "cannot be made" in caplog.text


def test_a_job_whose_view_fails_is_a_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_job: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr("spleeter_nb.widgets.job.JobView", fail)
    assert displays.job_bundle("a job") == ({"text/plain": "'a job'"}, {})  # type: ignore[arg-type]
    assert "odd" in caplog.text


def test_names_that_would_be_code_are_text(payloads: list[str], tmp_path: Path) -> None:
    for load in (gone, lambda: np.zeros((100, 2), np.float32)):
        stems = {name: Stem(name, RATE, 100, load, tmp_path / name.replace("/", " ")) for name in payloads[:30]}
        info = AudioInfo(payloads[1], "wav", "pcm_16", RATE, 2, 100, 16)
        result = SeparationResult(stems, "m", payloads[2], info, None, None, 1.0, {}, gone)
        html = result._repr_mimebundle_()[0]["text/html"]
        elements = {"div", "p", "strong", "table", "thead", "tbody", "tr", "td", "th", "img"}
        assert {part.split(">")[0].split()[0].strip("/") for part in html.split("<")[1:]} <= elements


def test_options_reach_the_player(make: Callable[..., SeparationResult]) -> None:
    player = make().player(title="Other", static="none", muted=["drums"])
    assert (player.title, player.muted, player.static_html()) == ("Other", ["drums"], "")
    with pytest.raises(UnknownOptionError, match="Did you mean 'title'"):
        make().player(titel="x")


def comparisons() -> list[SpectrogramComparison]:
    return [shown.widget for shown in displays.SHOWN if isinstance(shown.widget, SpectrogramComparison)]


def test_spectrograms_play_along_with_the_player_that_a_result_shows(make: Callable[..., SeparationResult]) -> None:
    result = make()
    result._repr_mimebundle_()
    view = result.spectrograms(panes=["vocals"])
    assert view.link == players()[0].link
    assert view.panes == [["level", "vocals", ""]]
    # It is the caller's own.
    assert result.spectrograms() is not view
    assert len(displays.SHOWN) == 1
    assert result.spectrograms(player=None).link == ""
    own = result.player()
    assert result.spectrograms(player=own).link == own.link
    with pytest.raises(UnknownOptionError, match="Did you mean 'panes'"):
        result.spectrograms(pane=[])


def test_spectrograms_of_a_result_without_a_player_make_one(make: Callable[..., SeparationResult]) -> None:
    result = make()
    view = result.spectrograms()
    assert view.link == players()[0].link
    assert VIEW in result._repr_mimebundle_()[0]
    assert len(displays.SHOWN) == 1


def test_a_cell_that_runs_again_closes_its_spectrograms(make: Callable[..., SeparationResult], shell: Shell) -> None:
    shown = []
    for _ in range(3):
        shell.run("one")
        result = make()
        result._repr_mimebundle_()
        displays.show_spectrograms(result)
        displays.show_spectrograms(result)
        assert len(displays.SHOWN) == 2
        assert len(comparisons()) == 1
        shown += comparisons()
    assert [view.comm is not None for view in shown] == [False, False, True]


@pytest.mark.parametrize("error", [AudioNotFoundError("'<b>song</b>.wav' is gone."), KeyError("odd")])
def test_spectrograms_that_cannot_be_made_are_a_reason(
    error: Exception,
    make: Callable[..., SeparationResult],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> Any:
        raise error

    displays.show_spectrograms(make(fail))
    assert "There are no spectrograms: " in capsys.readouterr().out
    assert ("cannot be made" in caplog.text) == isinstance(error, KeyError)


def test_a_page_is_saved_and_nothing_kept(make: Callable[..., SeparationResult], tmp_path: Path) -> None:
    path = make().save_html(tmp_path / "song.html", soloed="drums")
    assert path == tmp_path / "song.html"
    assert '"soloed": "drums"' in path.read_text("utf-8")
    assert players() == []


WITHOUT = """
import sys
import numpy as np
from spleeter_nb import Stem
from spleeter_nb.exceptions import MissingDependencyError
import spleeter_nb.widgets.bridge as bridge

def missing(name):
    raise MissingDependencyError(f"The front end's {name} is missing: run make widgets.")

bridge.built = missing
stem = Stem("vocals", 8000, 100, lambda: np.zeros((100, 2), np.float32))
data, _ = stem._repr_mimebundle_()
assert set(data) == {"text/plain", "text/html"}, data
assert "run make widgets" in data["text/html"], data
assert "matplotlib" not in sys.modules
"""


def test_without_a_front_end_there_is_a_table() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT], check=True)
