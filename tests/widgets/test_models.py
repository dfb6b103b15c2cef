"""Choosing a model: what is shown of each, fetching one, and how long it will take."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from spleeter_nb import ModelPicker, SpleeterConfig, demo_song
from spleeter_nb.engine.estimate import speeds
from spleeter_nb.engine.loaded import choose_device
from spleeter_nb.exceptions import AudioNotFoundError, ModelNotFoundError, UnknownModelError, ValidationError
from spleeter_nb.widgets import models
from tests.engine.test_estimate import SEGMENT, TWO, result
from tests.models.tiny import NAME, make_tiny, serving
from tests.widgets.conftest import Browser, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> SpleeterConfig:
    return SpleeterConfig(models_dir=tmp_path / "models", cache_enabled=True, cache_dir=tmp_path / "cache")


@pytest.fixture
def picker(config: SpleeterConfig) -> Iterator[ModelPicker]:
    made = ModelPicker(config=config)
    yield made
    made.close()


@pytest.fixture
def tiny_picker(tmp_path: Path, config: SpleeterConfig) -> Iterator[Callable[..., ModelPicker]]:
    """A picker of one tiny model, which a server on this machine has."""
    made: list[ModelPicker] = []

    def make(host: str, **options: Any) -> ModelPicker:
        manager = make_tiny().manager(tmp_path / "models", host=host, **options)
        made.append(ModelPicker(NAME, config=config, manager=manager))
        return made[-1]

    yield make
    for picker in made:
        picker.close()


def is_idle(picker: ModelPicker) -> bool:
    is_working = any(thread.name == "spleeter_nb-picker" for thread in threading.enumerate())
    return not is_working and not picker.downloads and not picker.measuring


def test_models_are_shown_with_what_is_known(picker: ModelPicker, tmp_path: Path) -> None:
    names = [row["name"] for row in picker.models]
    assert names[0] == picker.value == "spleeter:2stems"
    assert len(names) == 6
    row = picker.models[0]
    assert row["stems"] == ["vocals", "accompaniment"]
    assert row["band_limit"] == pytest.approx(11025)
    assert (row["installed"], row["size"], row["download_size"], row["problem"]) == (False, None, 73_109_797, None)
    # The browser needs no path of this machine.
    assert str(tmp_path) not in json.dumps(picker.models)
    assert repr(picker) == "ModelPicker('spleeter:2stems')"
    assert "spleeter:5stems-16kHz" in picker.static_html()
    assert ">installed<" not in picker.static_html()


def test_a_damaged_model_is_shown_with_its_problem(picker: ModelPicker, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "2stems"
    folder.mkdir(parents=True)
    for name in ("checkpoint", "model.index", "model.data-00000-of-00001"):
        (folder / name).write_bytes(b"")
    Browser(picker).say({"type": "look_again"})
    assert picker.models[0]["installed"] is False
    assert "is empty" in picker.models[0]["problem"]


def test_an_unknown_model_is_refused(picker: ModelPicker, config: SpleeterConfig) -> None:
    with pytest.raises(ValidationError, match="Did you mean 'spleeter:4stems'"):
        picker.value = "spleeter:4stem"
    with pytest.raises(ValidationError):
        ModelPicker("2stems", config=config)
    for act in (picker.download, picker.cancel_download, picker.measure):
        with pytest.raises(UnknownModelError):
            act("/etc/config.json")
    assert picker.value == "spleeter:2stems"


def test_a_picker_of_an_unknown_model_leaves_no_widget(config: SpleeterConfig) -> None:
    kept = ipywidgets.widgets.widget._instances  # noqa: SLF001 - ipywidgets keeps them nowhere else
    before = set(kept)
    with pytest.raises(ValidationError, match="There is no model"):
        ModelPicker("2stems", config=config)
    assert set(kept) == before


def test_the_browser_chooses_among_the_known(picker: ModelPicker) -> None:
    browser = Browser(picker)
    browser.change(value="spleeter:5stems")
    assert picker.value == "spleeter:5stems"
    for value in ("spleeter:6stems", "../config.json", "", 5, None, ["spleeter:2stems"], {"a": 1}):
        browser.change(value=value)
        assert browser.updates[-1]["value"] == "spleeter:5stems"  # the truth
    assert picker.value == "spleeter:5stems"
    assert picker.refused["trait"] == 7


@pytest.mark.parametrize(
    "content",
    [
        {"type": "download_model"},
        {"type": "download_model", "name": 5},
        {"type": "download_model", "name": "x" * 1_000_000},
        {"type": "download_model", "name": "/etc/passwd.json"},
        {"type": "measure_model", "name": "spleeter:4stems"},  # it is not here
        {"type": "cancel_download", "name": None},
        {"type": "look_again", "name": "x"},
        {"type": "close"},
    ],
)
def test_hostile_messages_are_refused_and_counted(picker: ModelPicker, content: dict[str, Any]) -> None:
    Browser(picker).say(content)
    assert picker.refused["message"] == 1
    assert is_idle(picker)


def test_the_browser_changes_nothing_else(picker: ModelPicker) -> None:
    browser = Browser(picker)
    shown = picker.models
    for name, value in {"models": [], "downloads": {"x": 1}, "errors": {"x": "y"}, "_css": "evil"}.items():
        browser.change(**{name: value})
    assert picker.models == shown
    assert picker.downloads == picker.errors == {}
    assert picker.refused["trait"] == 4


# ---- fetching


def test_a_model_is_fetched_and_then_installed(tiny_picker: Callable[..., ModelPicker]) -> None:
    with serving(make_tiny().archive) as server:
        picker = tiny_picker(server.host)
        browser = Browser(picker)
        browser.say({"type": "download_model", "name": NAME})
        assert wait_until(lambda: picker.models[0]["installed"], 30)
        assert wait_until(lambda: is_idle(picker))
    assert picker.errors == {}
    told = [state["downloads"] for state in browser.updates if "downloads" in state]
    assert any(told)
    assert told[-1] == {}


def test_a_download_is_stopped_and_continued(tiny_picker: Callable[..., ModelPicker]) -> None:
    tiny = make_tiny()
    with serving(tiny.archive) as server:
        server.script.append(server.breaking(350_000, stall=True))
        picker = tiny_picker(server.host)
        picker.download(NAME)
        picker.download(NAME)  # it is under way already
        assert wait_until(lambda: any(download["fraction"] for download in picker.downloads.values()), 30)
        Browser(picker).say({"type": "cancel_download", "name": NAME})
        assert wait_until(lambda: is_idle(picker), 30)
        assert picker.errors == {}
        assert not picker.models[0]["installed"]
        assert sum(request["path"].endswith(".tar.gz") for request in server.requests) == 1
        picker.download(NAME)
        assert wait_until(lambda: picker.models[0]["installed"], 30)
        assert server.requests[-1]["Range"] != "bytes=0-"
    picker.cancel_download(NAME)  # nothing is under way


def test_a_failure_is_told_with_what_to_do(tiny_picker: Callable[..., ModelPicker]) -> None:
    picker = tiny_picker("http://127.0.0.1:9", auto_download=False)
    picker.download(NAME)
    assert wait_until(lambda: NAME in picker.errors, 30)
    assert "To install it by hand" in picker.errors[NAME]
    assert wait_until(lambda: is_idle(picker))
    # The next try begins without it.
    picker.download(NAME)
    assert wait_until(lambda: NAME in picker.errors, 30)


def test_closing_stops_what_is_under_way(tiny_picker: Callable[..., ModelPicker]) -> None:
    with serving(make_tiny().archive) as server:
        server.script.append(server.breaking(100_000, stall=True))
        pickers = [tiny_picker(server.host)]
        pickers[0].download(NAME)
        assert server.stalled.wait(30)
        pickers[0].close()
        pickers[0].close()
        assert wait_until(lambda: is_idle(pickers[0]), 30)
        pickers[0].download(NAME)
        assert is_idle(pickers[0])


def test_a_closed_picker_is_held_by_nobody(config: SpleeterConfig) -> None:
    picker = ModelPicker(config=config)
    picker.duration = 30.0
    picker.close()
    closed = weakref.ref(picker)
    del picker

    def is_gone() -> bool:
        gc.collect()
        return closed() is None

    assert wait_until(is_gone)


# ---- how long it will take


def test_the_time_of_a_song_is_estimated(picker: ModelPicker, config: SpleeterConfig) -> None:
    speeds(config).learn(TWO, result(computing=5.0, around=1.0), precision="float32")
    assert picker.estimates == {}
    picker.duration = 10 * SEGMENT
    assert wait_until(lambda: len(picker.estimates) == 6)
    assert picker.estimates["spleeter:2stems"] == {"seconds": pytest.approx(6), "basis": "measured"}
    assert picker.estimates["spleeter:4stems"] == {"seconds": pytest.approx(11), "basis": "scaled"}
    picker.precision = "bfloat16"
    assert wait_until(lambda: picker.estimates == {})
    picker.precision = "float32"
    assert wait_until(lambda: len(picker.estimates) == 6)
    picker.device = "cuda:99"
    assert wait_until(lambda: picker.estimates == {})
    picker.device = "cpu"
    assert wait_until(lambda: len(picker.estimates) == 6)
    picker.duration = None
    assert picker.estimates == {}


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0, 1e308])
def test_a_duration_that_is_none_is_refused(picker: ModelPicker, duration: float) -> None:
    with pytest.raises(ValidationError, match="allowed: 0 to"):
        picker.duration = duration
    assert picker.duration is None


def test_the_browser_makes_no_song_longer_than_songs_are(picker: ModelPicker) -> None:
    for duration in (-1.0, 1e308, 10**400, "long"):
        Browser(picker).change(duration=duration)
    assert picker.duration is None
    assert picker.refused["trait"] == 4


def test_looking_for_devices_holds_up_nobody_and_the_last_question_is_answered(
    picker: ModelPicker, config: SpleeterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds(config).learn(TWO, result(computing=5.0, around=1.0), precision="float32")
    begun, go_on = threading.Event(), threading.Event()

    def look_long(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return choose_device(*given)

    monkeypatch.setattr(models, "choose_device", look_long)
    picker.duration = 10 * SEGMENT
    assert begun.wait(30)
    for segments in range(11, 51):
        picker.duration = segments * SEGMENT
    picker.refresh()
    assert sum(thread.name == "spleeter_nb-picker" for thread in threading.enumerate()) == 1
    go_on.set()
    assert wait_until(lambda: is_idle(picker))
    assert picker.estimates["spleeter:2stems"]["seconds"] == pytest.approx(26)
    begun.clear()
    go_on.clear()
    picker.duration = SEGMENT
    assert begun.wait(30)
    picker.duration = None
    go_on.set()
    assert wait_until(lambda: is_idle(picker))
    assert picker.estimates == {}


def test_a_song_tells_its_duration(picker: ModelPicker, tmp_path: Path) -> None:
    picker.song = demo_song()
    assert picker.duration == pytest.approx(16.8)
    assert picker.song is not None
    with pytest.raises(AudioNotFoundError):
        picker.song = tmp_path / "missing.wav"
    assert picker.duration == pytest.approx(16.8)
    picker.song = None
    assert picker.duration is None


def test_what_is_not_here_is_not_measured(picker: ModelPicker) -> None:
    with pytest.raises(ModelNotFoundError, match="download it first"):
        picker.measure("spleeter:2stems")


def test_a_machine_is_measured_on_request(two_stems_models_dir: Path, tmp_path: Path) -> None:
    config = SpleeterConfig(models_dir=two_stems_models_dir, cache_enabled=True, cache_dir=tmp_path)
    picker = ModelPicker(config=config)
    picker.song = demo_song()
    assert picker.estimates == {}
    Browser(picker).say({"type": "measure_model", "name": "spleeter:2stems"})
    assert wait_until(lambda: picker.measuring == "spleeter:2stems")
    assert wait_until(lambda: "spleeter:2stems" in picker.estimates, 60)
    assert picker.errors == {}
    assert 0 < picker.estimates["spleeter:2stems"]["seconds"] < 60
    picker.measure("spleeter:2stems")
    picker.close()  # it stops
    assert wait_until(lambda: is_idle(picker), 30)
