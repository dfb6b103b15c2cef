"""The application: what its buttons do, what it keeps, and that it ends."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from ipywidgets.widgets.widget import _instances

import spleeter_nb
from spleeter_nb import SpectrogramComparison, SpleeterConfig, StemPlayer
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import app as application
from tests.engine.conftest import job_threads
from tests.widgets.conftest import Browser, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb import SeparationResult
    from spleeter_nb.widgets.app import Application


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with songs: two short ones, one that takes a while, and one that is none."""
    folder = tmp_path / "songs"
    folder.mkdir()
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, (44_100, 2))
    for name, seconds in {"one": 1, "<img src=x>": 1, "long": 600}.items():
        soundfile.write(folder / f"{name}.wav", np.tile(sound, (seconds, 1)), 44_100)
    (folder / "none.wav").write_bytes(b"no sound")
    return folder


@pytest.fixture
def app(root: Path, two_stems_models_dir: Path) -> Iterator[Application]:
    made = spleeter_nb.app(roots=[root], config=SpleeterConfig(models_dir=two_stems_models_dir, cache_enabled=False))
    yield made
    made.close()
    assert wait_until(lambda: not job_threads(), 30)


@pytest.fixture
def press(app: Application) -> Callable[[str], None]:
    browser = Browser(app.desk)
    return lambda kind: browser.say({"type": kind})


def views(app: Application) -> list[Any]:
    return [card.children[0] for card in app.children[-1].children]


def states(app: Application) -> list[str]:
    return [view.state for view in views(app)]


def choose(app: Application, *names: str) -> None:
    app.files.value = [f"{name}.wav" for name in names]


def test_chosen_songs_are_separated_and_shown(app: Application, press: Callable[[str], None], root: Path) -> None:
    choose(app, "one", "<img src=x>")
    assert app.desk.songs == 2
    press("separate_songs")
    assert app.desk.running == 2
    assert wait_until(lambda: len(app.results) == 2, 60)
    assert [result.origin for result in app.results] == [str(root / "one.wav"), str(root / "<img src=x>.wav")]
    assert wait_until(lambda: app.desk.running == 0)
    # The newest is above the others, each with its player.
    assert [view.title for view in views(app)] == ["<img src=x>.wav", "one.wav"]
    players = [card.children[1].children[0] for card in app.children[-1].children]
    assert [player.stems for player in players] == [["vocals", "accompaniment"]] * 2
    assert app.desk.error == ""
    assert repr(app) == "Application(2 songs)"


def test_a_song_that_is_removed_while_its_player_is_made_leaves_none(
    app: Application, press: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def slow_player(result: spleeter_nb.SeparationResult) -> spleeter_nb.StemPlayer:
        (card,) = app.children[-1].children
        made.append(spleeter_nb.StemPlayer(result))
        card.close()
        return made[-1]

    monkeypatch.setattr("spleeter_nb.widgets.app.StemPlayer", slow_player)
    choose(app, "one")
    press("separate_songs")
    assert wait_until(lambda: made and made[0].comm is None, 60)
    assert app.results == []


def tabs_of(app: Application) -> Any:
    """The tabs of the one song."""
    (card,) = app.children[-1].children
    assert wait_until(lambda: len(card.children) == 2, 60)
    return card.children[1]


def test_spectrograms_are_made_when_their_tab_is_opened(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "one")
    press("separate_songs")
    tabs = tabs_of(app)
    assert tabs.titles == ("Listen", "Spectrograms")
    player, place = tabs.children
    (note,) = place.children
    assert note.value == "One moment …"
    tabs.selected_index = 1
    assert wait_until(lambda: place.children[0] is not note, 20)
    (view,) = place.children
    assert isinstance(view, SpectrogramComparison)
    assert view.link == player.link
    tabs.selected_index = 0
    tabs.selected_index = 1
    assert place.children == (view,)
    Browser(views(app)[0]).say({"type": "remove_job"})
    assert all(widget.comm is None for widget in (tabs, player, place, note, view))


def test_spectrograms_of_a_song_that_is_removed_meanwhile_are_closed(
    app: Application, press: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SpectrogramComparison] = []
    go_on = threading.Event()

    def make_slowly(result: SeparationResult, **options: Any) -> SpectrogramComparison:
        made.append(SpectrogramComparison(result, **options))
        assert go_on.wait(30)
        return made[-1]

    monkeypatch.setattr(application, "SpectrogramComparison", make_slowly)
    choose(app, "one")
    press("separate_songs")
    tabs_of(app).selected_index = 1
    assert wait_until(lambda: made, 20)
    Browser(views(app)[0]).say({"type": "remove_job"})
    go_on.set()
    assert wait_until(lambda: made[0].comm is None)


@pytest.mark.parametrize("error", [MemoryError("too large"), ValidationError("too large")])
def test_spectrograms_that_cannot_be_made_are_told_of(
    error: Exception, app: Application, press: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_result: SeparationResult, **_options: Any) -> SpectrogramComparison:
        raise error

    monkeypatch.setattr(application, "SpectrogramComparison", fail)
    choose(app, "one")
    press("separate_songs")
    tabs = tabs_of(app)
    tabs.selected_index = 1
    (note,) = tabs.children[1].children
    assert wait_until(lambda: note.value == "There are no spectrograms: too large")


def test_an_application_that_is_closed_leaves_no_widget(root: Path) -> None:
    before = set(_instances)
    made = spleeter_nb.app(roots=[root])
    assert set(_instances) > before
    made.close()
    assert set(_instances) <= before


def test_a_song_is_removed_with_its_result(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "one")
    press("separate_songs")
    assert wait_until(lambda: len(app.results) == 1, 60)
    assert wait_until(lambda: states(app) == ["done"])
    result = weakref.ref(app.results[0])
    Browser(views(app)[0]).say({"type": "remove_job"})
    assert app.results == []
    assert states(app) == []

    def is_gone() -> bool:
        gc.collect()
        return result() is None

    assert wait_until(is_gone)


def test_all_jobs_are_cancelled_together(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "long")
    for _ in range(3):
        press("separate_songs")
    assert wait_until(lambda: "running" in states(app), 30)
    press("cancel_all")
    assert wait_until(lambda: states(app) == ["cancelled"] * 3, 30)
    assert wait_until(lambda: app.desk.running == 0)
    assert app.results == []


def test_one_job_is_removed_while_it_goes_on(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "long")
    press("separate_songs")
    assert wait_until(lambda: states(app) == ["running"], 30)
    Browser(views(app)[0]).say({"type": "remove_job"})
    assert states(app) == []
    assert app.desk.running == 0


def test_the_demonstration_song_is_tried(app: Application, press: Callable[[str], None]) -> None:
    press("try_demo")
    assert wait_until(lambda: len(app.results) == 1, 60)
    assert app.results[0].duration == pytest.approx(16.8)


def test_what_fails_is_shown_and_the_others_go_on(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "none", "one")
    press("separate_songs")
    assert wait_until(lambda: len(app.results) == 1, 60)
    failed = views(app)[1]
    assert wait_until(lambda: failed.state == "failed")
    assert failed.error_class == "UnsupportedFormatError"


def test_stems_are_written_below_the_roots_only(
    app: Application, press: Callable[[str], None], root: Path, tmp_path: Path
) -> None:
    browser = Browser(app.desk)
    choose(app, "one")
    for folder in ("../elsewhere", "/etc", ".hidden", str(tmp_path), "a\0b", "x" * 10_000):
        browser.change(output_dir=folder)
        press("separate_songs")
        assert app.desk.error != "", folder
        assert states(app) == []
    browser.change(output_dir="stems")
    press("separate_songs")
    assert app.desk.error == ""
    assert wait_until(lambda: len(app.results) == 1, 60)
    assert {path.name for path in (root / "stems" / "one").iterdir()} == {"vocals.wav", "accompaniment.wav"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["songs"]


def test_options_reach_the_jobs_and_the_estimates(app: Application, press: Callable[[str], None]) -> None:
    browser = Browser(app.desk)
    browser.change(precision="bfloat16")
    assert app.models.precision == "bfloat16"
    choose(app, "one")
    assert wait_until(lambda: app.models.duration == pytest.approx(1.0))
    press("separate_songs")
    assert wait_until(lambda: len(app.results) == 1, 60)
    runtime = app.results[0].runtime
    assert runtime is not None
    assert runtime.precision == "bfloat16"
    choose(app)
    assert wait_until(lambda: app.models.duration is None)


def test_a_song_that_cannot_be_read_hides_no_estimate_of_the_others(app: Application) -> None:
    choose(app, "none", "one")
    assert wait_until(lambda: app.models.duration == pytest.approx(1.0))


def test_a_player_that_is_not_wanted_any_more_is_closed(
    app: Application, press: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[StemPlayer] = []
    go_on = threading.Event()

    def make_slowly(result: SeparationResult) -> StemPlayer:
        made.append(StemPlayer(result))
        assert go_on.wait(30)
        return made[-1]

    monkeypatch.setattr(application, "StemPlayer", make_slowly)
    choose(app, "one")
    press("separate_songs")
    assert wait_until(lambda: made, 60)
    Browser(views(app)[0]).say({"type": "remove_job"})
    go_on.set()
    assert wait_until(lambda: made[0].comm is None)
    assert app.results == []
    assert states(app) == []


@pytest.mark.parametrize("error", [MemoryError("too large"), ValidationError("too large")])
def test_stems_that_cannot_be_played_are_told_of(
    error: Exception, app: Application, press: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_result: SeparationResult) -> StemPlayer:
        raise error

    monkeypatch.setattr(application, "StemPlayer", fail)
    choose(app, "one")
    press("separate_songs")
    assert wait_until(lambda: "one.wav are ready, but cannot be played here: too large" in app.desk.error, 60)
    assert wait_until(lambda: app.desk.running == 0)
    assert len(app.results) == 1


def test_what_comes_after_the_end_begins_nothing(app: Application, root: Path) -> None:
    app.close()
    app.separate([root / "one.wav"])
    assert "was closed" in app.desk.error
    assert repr(app) == "Application(0 songs)"


def test_hostile_messages_are_refused_and_counted(app: Application) -> None:
    browser = Browser(app.desk)
    for state in ({"precision": "float64"}, {"output_dir": 5}, {"running": -1}, {"error": "<b>"}, {"songs": 10**9}):
        browser.change(**state)
    for content in ({"type": "separate_songs", "paths": ["/etc/passwd"]}, {"type": "run"}, None, "x" * 1_000_000):
        browser.say(content)
    assert app.desk.refused.total() == 9
    assert (app.desk.precision, app.desk.output_dir, app.desk.running, app.desk.error) == ("float32", "", 0, "")
    assert states(app) == []


def test_a_flood_of_songs_is_held_off(app: Application, press: Callable[[str], None]) -> None:
    choose(app, "long")
    app.separate(app.files.paths * 1001)
    assert "remove some" in app.desk.error
    assert states(app) == []
    press("separate_songs")
    assert app.desk.error == ""


def test_closing_ends_everything(root: Path, two_stems_models_dir: Path) -> None:
    config = SpleeterConfig(models_dir=two_stems_models_dir, cache_enabled=False)
    apps = [spleeter_nb.app(roots=[root], config=config)]
    apps[0].files.value = ["long.wav"]
    apps[0].separate(apps[0].files.paths)
    assert wait_until(lambda: states(apps[0]) == ["running"], 30)
    shown = [apps[0], *apps[0].children, views(apps[0])[0]]
    apps[0].close()
    apps[0].close()
    assert all(widget.comm is None for widget in shown)
    assert wait_until(lambda: not job_threads(), 30)
    closed = weakref.ref(apps.pop())
    del shown

    def is_gone() -> bool:
        gc.collect()
        return closed() is None

    assert wait_until(is_gone)


def test_a_wrong_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is no folder"):
        spleeter_nb.app(roots=[tmp_path / "missing"])
    gc.collect()
