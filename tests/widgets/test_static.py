"""What is shown where no kernel runs: small, complete, and text where it is text."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import matplotlib.image
import nbformat
import numpy as np
import pytest
import soundfile

from spleeter_nb import Stem, StemPlayer

if TYPE_CHECKING:
    from pathlib import Path

RATE = 44_100

# What JupyterLab lets through in a notebook that is not trusted, of what is used here.
ALLOWED = {
    **{tag: set() for tag in ("div", "p", "strong", "table", "thead", "tbody", "tr", "td")},
    "th": {"scope"},
    "img": {"width", "alt", "src"},
    "audio": {"controls", "preload", "src"},
}


class Reader(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def sources(self, tag: str) -> list[bytes]:
        return [
            base64.b64decode(str(attributes["src"]).partition(";base64,")[2], validate=True)
            for name, attributes in self.elements
            if name == tag
        ]


@pytest.fixture(scope="module")
def long(real_stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Four minutes of five stems."""
    frames = 240 * RATE
    stems = {name: np.resize(array, (frames, 2)) for name, array in real_stems.items()}
    return {**stems, "piano": stems["other"][::-1].copy()}


def grown(player: StemPlayer) -> int:
    """By how many bytes an output makes a saved notebook larger."""
    data, _ = player._repr_mimebundle_()
    data = {**data, "image/png": base64.b64encode(data["image/png"]).decode()} if "image/png" in data else data
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("player", outputs=[output])
    bare = nbformat.v4.new_code_cell("player")
    return len(nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))) - len(
        nbformat.writes(nbformat.v4.new_notebook(cells=[bare]))
    )


def test_a_notebook_grows_within_its_budgets(long: dict[str, np.ndarray]) -> None:
    for static, least, most in (("image", 10_000, 200_000), ("preview", 400_000, 1_500_000), ("none", 100, 1000)):
        player = StemPlayer(long, sample_rate=RATE, mixture=sum(long.values()), static=static)
        assert least < grown(player) < most


def test_the_preview_of_the_demonstration_song_is_small(real_stems: dict[str, np.ndarray]) -> None:
    two = {"vocals": real_stems["vocals"], "accompaniment": sum(list(real_stems.values())[1:])}
    player = StemPlayer(two, sample_rate=RATE, mixture=sum(two.values()), static="preview")
    assert grown(player) < 500_000


def test_the_picture_is_a_picture_on_nothing(real_stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer(real_stems, sample_rate=RATE)
    png = player.static_png()
    page = Reader(player.static_html())
    assert page.sources("img") == [png]
    picture = matplotlib.image.imread(io.BytesIO(png))
    height, width, _ = picture.shape
    assert (width, height) == (800, 4 * 44 + 20)
    opaque = picture[..., 3] > 0.5
    assert 0.02 < opaque.mean() < 0.6
    # Readable on white as on black: 3:1, by the relative luminance of WCAG.
    colours = picture[opaque][:, :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert np.mean((luminance > 0.1) & (luminance < 0.3)) > 0.95
    ((_, image),) = (element for element in page.elements if element[0] == "img")
    assert image["alt"] == "Waveforms of vocals, drums, bass, other; 0:16 minutes"


def test_what_the_user_set_for_pictures_changes_nothing(real_stems: dict[str, np.ndarray]) -> None:
    usual = StemPlayer(real_stems, sample_rate=RATE).static_png()
    theirs = {
        "axes.grid": True,
        "figure.autolayout": True,
        "figure.facecolor": "black",
        "font.family": "none such",
        "savefig.bbox": "tight",
        "savefig.dpi": 300,
        "savefig.facecolor": "black",
        "text.usetex": True,
    }
    with matplotlib.rc_context(theirs):
        assert StemPlayer(real_stems, sample_rate=RATE).static_png() == usual


def test_the_table_tells_levels_and_files(tmp_path: Path) -> None:
    square = np.full((RATE, 2), 0.5, np.float32)
    stems = {
        "loud": Stem("loud", RATE, RATE, lambda: square, tmp_path / "loud.wav"),
        "silent": Stem("silent", RATE, RATE, lambda: square * 0),
    }
    page = Reader(StemPlayer(stems, title="Song").static_html())
    assert page.texts == [
        *("Song", " 0:01, 44100 Hz", "Stem", "Peak", "Level", "File"),
        *("loud", "-6.0 dB", "-6.0 dB", "loud.wav", "silent", "silent", "silent"),
    ]


def test_previews_are_thirty_seconds_from_the_loudest_part(long: dict[str, np.ndarray]) -> None:
    stems = {name: array * np.float32(0.1) for name, array in list(long.items())[:2]}
    for array in stems.values():
        array[100 * RATE : 130 * RATE] *= 10
    player = StemPlayer(stems, sample_rate=RATE, static="preview")
    sounds = [
        soundfile.read(io.BytesIO(data), always_2d=True) for data in Reader(player.static_html()).sources("audio")
    ]
    assert len(sounds) == 2
    for (sound, rate), array in zip(sounds, stems.values(), strict=True):
        assert (rate, sound.shape) == (24_000, (30 * 24_000, 1))
        # As loud as it is: nothing is scaled up.
        assert np.abs(sound).max() == pytest.approx(np.abs(array[100 * RATE : 130 * RATE].mean(axis=1)).max(), rel=0.3)


def test_many_stems_share_the_budget(real_stems: dict[str, np.ndarray]) -> None:
    stems = {f"stem {k}": real_stems["drums"] for k in range(12)}
    player = StemPlayer(stems, sample_rate=RATE, static="preview")
    assert grown(player) < 1_500_000
    sound, rate = soundfile.read(io.BytesIO(Reader(player.static_html()).sources("audio")[0]))
    assert len(sound) / rate == pytest.approx(160 / 12, abs=0.01)


def test_full_is_all_of_it_in_stereo(real_stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer({"drums": real_stems["drums"]}, sample_rate=RATE, static="full")
    (data,) = Reader(player.static_html()).sources("audio")
    sound, rate = soundfile.read(io.BytesIO(data))
    assert (rate, sound.shape) == (RATE, real_stems["drums"].shape)


@pytest.mark.parametrize("frames", [1, 2, 300])
@pytest.mark.parametrize("static", ["preview", "full"])
def test_a_few_samples_are_a_song(frames: int, static: str) -> None:
    player = StemPlayer({"a": np.full((frames, 2), 2.0, np.float32)}, sample_rate=8000, static=static)
    page = Reader(player.static_html())
    assert len(page.sources("audio")) == len(page.sources("img")) == 1


def test_nothing_is_nothing(real_stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer(real_stems, sample_rate=RATE, static="none")
    data, _ = player._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_it_is_made_once(real_stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer(real_stems, sample_rate=RATE)
    assert player.static_html() is player.static_html()
    assert player.static_png() is player.static_png()


def test_names_that_would_be_code_are_text(payloads: list[str], tmp_path: Path) -> None:
    sound = np.zeros((100, 2), np.float32)
    for start in range(0, len(payloads), 30):
        names = payloads[start : start + 30]
        stems = {name: Stem(name, 8000, 100, lambda: sound, tmp_path / name.replace("/", " ")) for name in names}
        page = Reader(StemPlayer(stems, title=names[0]).static_html())
        for tag, attributes in page.elements:
            assert set(attributes) <= ALLOWED[tag]
        assert set(names) <= set(page.texts)
        assert all(str(attributes.get("src", "data:")).startswith("data:") for _, attributes in page.elements)


def test_letters_that_turn_or_break_lines_are_blanks() -> None:
    stems = {"gnp.\u202egpj": np.zeros((100, 2), np.float32), "two\nlines\x00": np.zeros((100, 2), np.float32)}
    player = StemPlayer(stems, sample_rate=8000, title="日本語 $x^2$ " + "W" * 300)
    page = Reader(player.static_html())
    assert {"gnp. gpj", "two lines "} <= set(page.texts)
    assert len(player.title) == 200
    assert player.static_png()


def test_names_in_all_scripts_are_drawn_without_a_warning() -> None:
    for name in ("歌声", "голос", "🎤", "$\\frac{1}{2}$", "Stimme äöü", "x" * 200):
        assert StemPlayer({name: np.zeros((100, 2), np.float32)}, sample_rate=8000).static_png()
