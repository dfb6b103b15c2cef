"""One page with a player: complete, without a way out, and nothing in it that runs but its own script."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb import Stem, StemPlayer
from spleeter_nb.exceptions import StorageError
from spleeter_nb.widgets import page as page_module
from spleeter_nb.widgets.bridge import built

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000


class Page(HTMLParser):
    """A page as a browser parses it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self._is_open = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), ""))
        self._is_open = True

    def handle_endtag(self, _tag: str) -> None:
        self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = tag, attributes, text + data

    def of(self, tag: str, **wanted: str) -> list[tuple[dict[str, Any], str]]:
        return [
            (attributes, text)
            for name, attributes, text in self.elements
            if name == tag and wanted.items() <= attributes.items()
        ]

    def data(self, *facts: str) -> dict[tuple[int, ...], bytes]:
        return {
            tuple(int(attributes[fact]) for fact in facts): base64.b64decode(text, validate=True)
            for attributes, text in self.of("script", type="application/octet-stream;base64")
            if set(facts) <= set(attributes)
        }

    @property
    def state(self) -> dict[str, Any]:
        ((_, text),) = self.of("script", id="snb-data")
        return json.loads(text)["state"]


def written(player: StemPlayer, path: Path) -> tuple[str, Page]:
    assert player.save_html(path) == path
    text = path.read_text("utf-8")
    return text, Page(text)


@pytest.fixture
def player(stems: dict[str, np.ndarray]) -> StemPlayer:
    return StemPlayer(stems, sample_rate=RATE, mixture=sum(stems.values()), title="Song & dance")


def test_the_page_has_the_song_and_the_mixer(player: StemPlayer, stems: dict[str, np.ndarray], tmp_path: Path) -> None:
    player.gains_db, player.loop, player.soloed = {"drums": -6}, [1, 2], "bass"
    _, page = written(player, tmp_path / "new" / "song.html")
    overview = base64.b64encode(player.overview).decode()
    code = {name for name in player.keys if name.startswith("_")} | {"layout", "tabbable", "tooltip"}
    state = {name: getattr(player, name) for name in set(player.keys) - code}
    # Nothing plays along with a page.
    assert page.state == state | {"overview": overview, "link": ""}
    chunks = page.data("data-signal", "data-chunk")
    assert set(chunks) == {(signal, chunk) for signal in range(4) for chunk in range(3)}
    for k, array in enumerate((*stems.values(), sum(stems.values()))):
        parts = [soundfile.read(io.BytesIO(chunks[k, n]), dtype="float32")[0][: player.chunk_frames] for n in range(3)]
        np.testing.assert_allclose(np.concatenate(parts), array, rtol=0, atol=1 / 32_768)
    assert {len(data) for data in page.data("data-signal", "data-samples-per-bin").values()} == {2 * 385}
    ((_, title),) = page.of("title")
    assert title == "Song & dance"


def test_the_page_may_run_its_own_script_and_fetch_nothing(player: StemPlayer, tmp_path: Path) -> None:
    _, page = written(player, tmp_path / "song.html")
    ((meta, _),) = page.of("meta", **{"http-equiv": "Content-Security-Policy"})
    policy = dict(part.strip().split(" ", 1) for part in meta["content"].split(";"))
    assert policy["default-src"] == "'none'"
    ((_, script),) = page.of("script", type="module")
    ((_, style),) = page.of("style")
    assert policy["script-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert policy["style-src-elem"] == f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert not re.search(r"https?:|\*", meta["content"])
    assert script == built("standalone.js")
    for tag, attributes, _ in page.elements:
        assert tag not in {"link", "iframe", "object", "base"}
        assert not {"src", "href"} & set(attributes)


def test_names_that_would_be_code_are_data(payloads: list[str], tmp_path: Path) -> None:
    sound = np.zeros((100, 2), np.float32)
    for start in range(0, len(payloads), 30):
        names = payloads[start : start + 30]
        stems = {name: Stem(name, RATE, 100, lambda: sound) for name in names}
        text, page = written(StemPlayer(stems, title=names[1], static="none"), tmp_path / "song.html")
        assert page.state["stems"] == names
        assert page.state["title"] == names[1]
        # The elements are those of a page without such names.
        assert {tag for tag, _, _ in page.elements} == {
            *("html", "head", "meta", "title", "style", "body", "main", "noscript", "script")
        }
        assert len(page.of("script")) == 1 + 2 * 30 + 1
        data = text[text.index('id="snb-data">') + len('id="snb-data">') :]
        assert not re.search("[<>&]", data[: data.index("</script>")])


def test_scripts_and_styles_stay_inside_of_their_elements(
    player: StemPlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"standalone.js": 'x = "</ScRipt><!--"', "standalone.css": 'a { content: "</style>" }'}
    monkeypatch.setattr(page_module, "built", sources.__getitem__)
    _, page = written(player, tmp_path / "song.html")
    ((_, script),) = page.of("script", type="module")
    assert script == 'x = "<\\/ScRipt><\\!--"'
    ((_, style),) = page.of("style")
    assert style == 'a { content: "<\\/style>" }'


def test_a_page_appears_whole_or_not_at_all(
    player: StemPlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.html"
    path.write_text("old")

    def failing(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError):
        player.save_html(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_a_page_is_a_storage_error(player: StemPlayer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "song.html", tmp_path):
        with pytest.raises(StorageError):
            player.save_html(path)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_tilde_is_the_home_folder(player: StemPlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert player.save_html("~/song.html") == tmp_path / "song.html"


MEASURE = """
import resource, sys
import numpy as np
from pathlib import Path
from spleeter_nb import StemPlayer
noise = np.random.default_rng(0).uniform(-1, 1, (44_100 * 5, 2)).astype(np.float32)
player = StemPlayer({"a": np.tile(noise, (48, 1))}, sample_rate=44_100, static="none")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
player.save_html(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_song_is_written_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "song.html"
    done = subprocess.run([sys.executable, "-c", MEASURE, path], check=True, capture_output=True, text=True)
    assert path.stat().st_size > 50_000_000
    assert int(done.stdout) < 15_000  # kB
