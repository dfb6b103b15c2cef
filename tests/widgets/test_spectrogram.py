"""The comparison in Python: what it takes and tells, that it follows the player, and what it refuses and leaves."""

from __future__ import annotations

import contextlib
import gc
import html
import math
import threading
import weakref
import zlib
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from spleeter_nb import SpectrogramComparison, StemPlayer, compare
from spleeter_nb.dsp.spectrogram import decibels
from spleeter_nb.exceptions import UnknownOptionError, ValidationError
from spleeter_nb.values import ModelSpec
from spleeter_nb.widgets.scene import table_of
from tests.widgets.conftest import RATE, wait_until
from tests.widgets.test_panes import WRONG
from tests.widgets.test_player import deep_list
from tests.widgets.test_scene import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRAMES = 98_400
N_FFT, HOP = 512, 128


@pytest.fixture
def player(stems: dict[str, np.ndarray]) -> Iterator[StemPlayer]:
    made = StemPlayer(stems, sample_rate=RATE, mixture=sum(stems.values()))
    yield made
    made.close()


@pytest.fixture
def view(stems: dict[str, np.ndarray]) -> Iterator[SpectrogramComparison]:
    made = SpectrogramComparison(
        stems, sample_rate=RATE, mixture=sum(stems.values()), title="Song", n_fft=N_FFT, hop_length=HOP
    )
    yield made
    made.close()


# What it takes and tells


def test_facts_are_told_at_once(view: SpectrogramComparison) -> None:
    assert view.signals == ["mixture", "vocals", "drums", "bass", "residual"]
    assert view.mixture == "mixture"
    assert (view.title, view.sample_rate, view.frames) == ("Song", RATE, FRAMES)
    assert (view.n_fft, view.hop_length, view.window, view.channel) == (N_FFT, HOP, "hann", "mean")
    assert (view.full_db, view.tile_columns, view.link, view.band_limit, view.segments) == (3.0, 256, "", None, [])
    assert view.panes == [["level", name, ""] for name in view.signals]
    assert (view.fmin, view.fmax, view.region, view.table, view.notes) == (0.0, RATE / 2, None, [], [])
    assert repr(view) == "SpectrogramComparison('Song': mixture, vocals, drums, bass, residual; 12.30 s, 8000 Hz)"


def test_the_overview_has_the_loudest_of_each_signal(view: SpectrogramComparison) -> None:
    rows = -(-(N_FFT // 2 + 1) >> view.overview_pool)
    columns = -(-(1 + FRAMES // HOP) >> view.overview_level)
    overview = np.frombuffer(view.overview, np.uint8).reshape(len(view.signals), columns, rows)
    assert len(view.overview) <= 80_000
    assert decibels(overview, view.full_db).max() == view.peak_db
    assert view.peak_db == pytest.approx(view.spectrogram("mixture").max(), abs=2)
    assert overview[-1].max() < overview[0].min()


def test_what_is_synced_is_small() -> None:
    hour = {f"stem {k}": np.zeros((600 * 3000, 2), np.float32) for k in range(32)}
    view = SpectrogramComparison(hour, sample_rate=3000, mixture=hour["stem 0"])
    code = {"_esm", "_css"}
    state = {name: value for name, value in view.get_state().items() if name not in {*code, "overview"}}
    assert sum(len(str(value)) for value in state.values()) < 2e4
    assert len(view.overview) <= 80_000
    view.close()


def test_louder_than_full_scale_has_room() -> None:
    view = SpectrogramComparison({"a": np.full((4000, 2), 2, np.float32)}, sample_rate=RATE)
    assert view.full_db == 9.5
    view.close()


def test_a_result_brings_its_model(stems: dict[str, np.ndarray]) -> None:
    spec = ModelSpec("m", ("vocals",), n_fft=1024, hop_length=256, n_bins=200, sample_rate=RATE, segment_frames=64)
    result = result_of(stems, lambda: sum(stems.values()))
    vars(result)["spec"] = spec
    view = SpectrogramComparison(result)
    assert (view.n_fft, view.hop_length, view.band_limit) == (1024, 256, 1562.5)
    assert view.segments == list(result.segment_borders())
    assert view.segments
    view.close()
    view = SpectrogramComparison(result, n_fft=2048)
    assert (view.n_fft, view.hop_length) == (2048, 512)
    view.close()
    # What is not true of both is not told.
    view = SpectrogramComparison(result, stems)
    assert (view.band_limit, view.segments) == (None, [])
    view.close()
    view = SpectrogramComparison(result, result)
    assert (view.band_limit, view.segments) == (1562.5, list(result.segment_borders()))
    view.close()


def test_two_separations_are_compared(stems: dict[str, np.ndarray]) -> None:
    view = compare(stems, {name: array / 2 for name, array in stems.items()}, sample_rate=RATE)
    assert view.panes == [
        ["level", "vocals (A)", ""],
        ["level", "vocals (B)", ""],
        ["difference", "vocals (A)", "vocals (B)"],
        ["level", "vocals (A - B)", ""],
    ]
    np.testing.assert_array_equal(view.selected()["vocals (A - B)"], stems["vocals"] / 2)
    view.close()


@pytest.mark.parametrize(
    ("models", "labels"),
    [
        (("spleeter:2stems", "spleeter:4stems"), ("2stems", "4stems")),
        (("spleeter:2stems", "models/mine/config.json"), ("2stems", "config.json")),
        (("spleeter:2stems", "spleeter:2stems"), ("A", "B")),
        (("spleeter:2stems", "m" * 250), ("2stems", "m" * 200)),
        (("spleeter:2stems", "\udce9"), ("2stems", "?")),
    ],
)
def test_models_name_what_is_compared(
    models: tuple[str, str], labels: tuple[str, str], stems: dict[str, np.ndarray]
) -> None:
    results = [result_of(stems, lambda: sum(stems.values()), model=model) for model in models]
    view = compare(*results, panes=[f"vocals ({labels[0]})"])
    assert view.signals[1:3] == [f"vocals ({label})" for label in labels]
    view.close()
    view = compare(*results, labels=("x", "y"))
    assert view.signals[1] == "vocals (x)"
    view.close()


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": None},
        {"n_fft": 15},
        {"n_fft": "1024"},
        {"hop_length": 0},
        {"window": "han"},
        {"window": np.zeros(3)},
        {"channel": "center"},
        {"static": "preview"},
        {"static": "picture"},
        {"player": 5},
        {"fmin": 3000, "fmax": 3010},
        {"panes": ["vocal"]},
        {"other": {"vocals": np.zeros((10, 2), np.float32)}},
        {"references": {"x": np.zeros(FRAMES)}},
        *({name: values[0]} for name, values in WRONG.items() if name != "fmin"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_leaves_no_widget(
    options: dict[str, Any], stems: dict[str, np.ndarray]
) -> None:
    before = set(_instances)
    with pytest.raises(ValidationError):
        SpectrogramComparison(stems, **{"sample_rate": RATE, **options})
    assert set(_instances) <= before


def test_unknown_options_name_the_nearest(stems: dict[str, np.ndarray]) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'n_fft'"):
        SpectrogramComparison(stems, sample_rate=RATE, nfft=512)
    with pytest.raises(ValidationError, match="Did you mean 'hann'"):
        SpectrogramComparison(stems, sample_rate=RATE, window="han")


# Numbers and samples


def test_what_is_selected_are_the_samples(view: SpectrogramComparison, stems: dict[str, np.ndarray]) -> None:
    assert np.shares_memory(view.selected()["drums"], stems["drums"])
    view.region = [1.0, 2.5]
    assert view.selected()["drums"].shape == (12_000, 2)
    np.testing.assert_array_equal(view.selected()["drums"], stems["drums"][8000:20_000])
    assert view.selected([0, 0.5])["residual"].shape == (4000, 2)
    with pytest.raises(ValidationError, match="region"):
        view.selected([2, 1])


def test_numbers_are_those_of_the_region(view: SpectrogramComparison, stems: dict[str, np.ndarray]) -> None:
    part = stems["bass"][8000:16_000].astype(float)
    rms = 10 * np.log10(np.mean(part**2))
    assert view.numbers([1, 2])["bass"]["RMS"] == pytest.approx(rms, abs=1e-3)
    view.region = [1, 2]
    assert view.numbers()["bass"]["RMS"] == pytest.approx(rms, abs=1e-3)
    assert list(view.numbers()) == view.signals


def test_the_table_follows_the_region(view: SpectrogramComparison, browser: Callable[..., Any]) -> None:
    there = browser(view)
    there.change(region=[1, 2])
    assert wait_until(lambda: view.table)
    assert view.table[0] == ["Signal", "Level", "Peak"]
    assert [row[0] for row in view.table[1:]] == view.signals
    assert view.table[2][1] == f"{view.numbers()['vocals']['RMS']:.1f} dB"
    assert any("table" in update for update in there.updates)
    for k in range(20):
        view.region = [k / 10, 3]
    assert wait_until(lambda: view.table[2][2] == f"{view.numbers()['vocals']['peak']:.1f} dB")
    view.region = None
    assert wait_until(lambda: view.table == [])


def test_the_table_has_what_references_tell(stems: dict[str, np.ndarray]) -> None:
    view = SpectrogramComparison(
        stems, sample_rate=RATE, references={"vocals": stems["vocals"] * 1.1, "bass": stems["bass"]}, region=[0, 1]
    )
    assert wait_until(lambda: view.table)
    assert [row[-1] for row in view.table] == ["SDR", "20.8 dB", "", "equal", "", ""]
    view.close()


@pytest.mark.parametrize("channel", ["left", "mid"])
@pytest.mark.parametrize("region", [None, [1.0, 2.0]])
def test_spectrograms_are_those_of_librosa(
    channel: str, region: list[float] | None, stems: dict[str, np.ndarray]
) -> None:
    view = SpectrogramComparison(
        stems, sample_rate=RATE, n_fft=N_FFT, hop_length=HOP, channel=channel, window="hamming"
    )
    sound = stems["drums"][:, 0] if channel == "left" else librosa.to_mono(stems["drums"].T)
    spectrum = librosa.stft(sound, n_fft=N_FFT, hop_length=HOP, window="hamming", pad_mode="constant")
    ref = librosa.filters.get_window("hamming", N_FFT).sum() / 2
    levels = librosa.amplitude_to_db(np.abs(spectrum), ref=ref, top_db=None)
    if region:
        levels = levels[:, -(-RATE // HOP) : 2 * RATE // HOP + 1]
    got = view.spectrogram("drums", region=region)
    assert (got.dtype, got.shape) == (np.float32, levels.shape)
    np.testing.assert_allclose(got, levels, atol=0.02)
    view.close()


def test_tiles_are_what_is_shown(view: SpectrogramComparison, browser: Callable[..., Any]) -> None:
    there = browser(view)
    there.say({"type": "want_tiles", "tiles": [[2, 0, 1], [4, 1, 0]]})
    assert wait_until(lambda: len([1 for content, _ in there.of_type("tile") if content["exact"]]) == 2)
    content, (data,) = there.of_type("tile")[0]
    assert content == {"type": "tile", "signal": 2, "level": 0, "index": 1, "exact": True}
    tile = decibels(np.frombuffer(zlib.decompress(data), np.uint8).reshape(256, -1), view.full_db)
    np.testing.assert_allclose(tile.T, view.spectrogram("drums")[:, 256:512], atol=0.26)
    assert not view.refused


# Settings


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("panes", ["vocals", ("mask", "drums")], [["level", "vocals", ""], ["mask", "drums", "mixture"]]),
        ("y_axis", "mel", "mel"),
        ("fmin", np.int64(100), 100.0),
        ("fmax", 3000, 3000.0),
        ("fmax", None, RATE / 2),
        ("cmap", "gray", "gray"),
        ("gain_db", -60, -60.0),
        ("top_db", 127, 127.0),
        ("difference_db", np.float32(6), 6.0),
        ("note_names", np.True_, True),
        ("show_band_limit", True, True),
        ("show_segments", True, True),
        ("pane_height", 99.6, 100),
        ("region", (1, 2.5), [1.0, 2.5]),
    ],
)
def test_settings_have_one_form(
    name: str, value: Any, becomes: Any, view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    there = browser(view)
    setattr(view, name, value)
    assert getattr(view, name) == becomes
    assert type(getattr(view, name)) is type(becomes)
    there.change(**{name: becomes})
    assert getattr(view, name) == becomes
    assert not view.refused


_HOSTILE = {**WRONG, "panes": [5, [], ["vocal"], [["mask"]], deep_list(), ["x" * 10_000_000], [10**4000], {}]}


def is_sendable(value: Any) -> bool:
    """JSON has no word for what is no number."""
    parts = value if isinstance(value, list) and len(value) == 2 else [value]
    return not any(isinstance(part, float) and not math.isfinite(part) for part in parts)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in _HOSTILE.items() for value in values])
def test_wrong_settings_are_refused_here_and_there(
    name: str, value: Any, view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    there = browser(view)
    before = view.get_state()
    with pytest.raises(ValidationError):
        setattr(view, name, value)
    assert view.get_state() == before
    if not is_sendable(value):
        return
    there.change(**{name: value})
    assert view.get_state() == before
    assert view.refused == {"trait": 1}
    assert there.updates[-1] == {name: before[name]}


def test_constants_are_not_for_browsers(view: SpectrogramComparison, browser: Callable[..., Any]) -> None:
    there = browser(view)
    before = view.get_state()
    for state in ({"signals": ["x"]}, {"frames": 10**400}, {"link": "x"}, {"table": []}, {"overview": "x"}, {"x": 1}):
        there.change(**state)
    assert view.get_state() == before
    assert view.refused == {"trait": 6}


@pytest.mark.parametrize("order", [("fmin", "fmax"), ("fmax", "fmin")])
def test_a_band_moves_as_a_whole(
    order: tuple[str, str], view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    there = browser(view)
    for band in ({"fmin": 100, "fmax": 200}, {"fmin": 3000, "fmax": 3100}, {"fmin": 0, "fmax": 60}):
        there.change(**{name: band[name] for name in order})
        assert (view.fmin, view.fmax) == (band["fmin"], band["fmax"])
    assert not view.refused
    there.change(fmin=1000, fmax=1001)
    assert (view.fmin, view.fmax, view.refused) == (0, 1001, {"trait": 1})
    there.change(fmin=10, fmax="x")
    assert (view.fmin, view.fmax, view.refused) == (10, 1001, {"trait": 2})
    with pytest.raises(ValidationError, match="at least 50 Hz apart"):
        view.fmax = 50


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        ({"type": "want_tiles", "tiles": [[5, 0, 0]]}, []),
        ({"type": "want_tiles", "tiles": [[-1, 0, 0]]}, []),
        ({"type": "want_tiles", "tiles": [[0, 99, 0]]}, []),
        ({"type": "want_tiles", "tiles": [[0, 0, 10**4000]]}, []),
        ({"type": "want_tiles", "tiles": [[0, 0]]}, []),
        ({"type": "want_tiles", "tiles": [[0, 0, 0.5]]}, []),
        ({"type": "want_tiles", "tiles": [[0, 0, True]]}, []),
        ({"type": "want_tiles", "tiles": "abc"}, []),
        ({"type": "want_tiles", "tiles": [[0, 0, 0]] * 100_000}, []),
        ({"type": "want_tiles", "tiles": [[0, 0, 0]]}, [b"x"]),
        ({"type": "want_tiles"}, []),
        ({"type": "forget_tiles"}, [b"x"]),
        ({"type": "tile", "signal": 0, "level": 0, "index": 0, "exact": True}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": []}, []),
        (None, []),
    ],
)
def test_hostile_messages_are_refused(
    content: Any, buffers: list[bytes], view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    there = browser(view)
    there.say(content, buffers)
    assert view.refused == {"message": 1}
    assert there.received == []


# The player


def test_the_player_that_plays_along_can_be_had(
    view: SpectrogramComparison, player: StemPlayer, stems: dict[str, np.ndarray]
) -> None:
    assert view.player is None
    linked = SpectrogramComparison(stems, sample_rate=RATE, player=player)
    assert linked.player is player
    linked.close()
    assert linked.player is None


def test_the_region_is_the_loop(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    view = SpectrogramComparison(stems, sample_rate=RATE, player=player)
    assert view.link == player.link != ""
    view.region = [1, 2]
    assert player.loop == [1.0, 2.0]
    player.loop = [3, 4]
    assert view.region == [3.0, 4.0]
    player.loop = None
    assert view.region is None
    view.close()
    player.loop = [1, 2]
    assert view.region is None


def test_what_is_marked_first_holds(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    player.loop = [1, 2]
    view = SpectrogramComparison(stems, sample_rate=RATE, player=player)
    other = SpectrogramComparison(stems, sample_rate=RATE, player=player, region=[3, 4])
    assert player.loop == view.region == other.region == [3.0, 4.0]
    view.close()
    other.region = [5, 6]
    assert player.loop == [5.0, 6.0]
    assert view.region == [3.0, 4.0]
    other.close()


def test_changes_at_once_end_in_one_region(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    view = SpectrogramComparison(stems, sample_rate=RATE, player=player, static="none")

    def mark(subject: Any, name: str) -> None:
        for k in range(100):
            setattr(subject, name, [k / 20, 10])

    threads = [threading.Thread(target=mark, args=args) for args in ((view, "region"), (player, "loop"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert view.region == player.loop
    view.close()


def test_comparisons_of_one_player_do_not_wait_for_each_other(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    both_are_there = threading.Barrier(2)

    def meet(_change: object) -> None:
        # Each holds what it holds while it sets the loop, until the other one does, too, or cannot.
        with contextlib.suppress(threading.BrokenBarrierError):
            both_are_there.wait(0.2)

    # Before the comparisons hear of it.
    player.observe(meet, "loop")
    views = [SpectrogramComparison(stems, sample_rate=RATE, player=player, static="none") for _ in range(2)]
    threads = [
        threading.Thread(target=setattr, args=(view, "region", [k, 5]), daemon=True) for k, view in enumerate(views, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert views[0].region == views[1].region == player.loop
    for view in views:
        view.close()


def test_another_song_does_not_play_along(player: StemPlayer) -> None:
    for frames, rate in ((FRAMES - 1, RATE), (FRAMES, RATE + 1)):
        with pytest.raises(ValidationError, match="the same song"):
            SpectrogramComparison({"a": np.zeros((frames, 2), np.float32)}, sample_rate=rate, player=player)


def test_players_have_links_of_their_own(stems: dict[str, np.ndarray], player: StemPlayer) -> None:
    other = StemPlayer(stems, sample_rate=RATE)
    assert len({other.link, player.link, ""}) == 3
    assert len(other.link) == 16
    other.close()


# Without a kernel


def test_the_fallback_is_a_picture_and_a_table(view: SpectrogramComparison) -> None:
    data, _ = view._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "Numbers of the whole song" in data["text/html"]
    row = next(row for row in table_of(view.numbers()) if row[0] == "residual")
    assert "".join(f"<td>{cell}</td>" for cell in row) in data["text/html"]
    assert 'alt="Spectrograms of mixture, vocals, drums, bass, residual; 0:12 minutes"' in data["text/html"]
    assert len(data["text/html"]) + len(data["image/png"]) * 4 // 3 < 400_000
    assert len(data["text/html"]) < 200_000
    assert view.static_png() is view.static_png()
    before = view.static_png()
    view.panes = ["vocals"]
    assert view.static_png() != before
    view.region = [1, 2]
    assert 'alt="Spectrograms of vocals; ' in view.static_html()
    assert "Numbers of 1.00 s to 2.00 s" in view.static_html()


def test_the_fallback_can_be_left_out(stems: dict[str, np.ndarray]) -> None:
    view = SpectrogramComparison(stems, sample_rate=RATE, static="none")
    assert (view.static_html(), view.static_png()) == ("", b"")
    view.close()


def test_names_that_would_be_code_are_text(payloads: list[str]) -> None:
    sound = np.zeros((3000, 2), np.float32)
    view = SpectrogramComparison(dict.fromkeys(payloads[:30], sound), sample_rate=3000, title=payloads[0])
    text = view.static_html()
    elements = {"div", "p", "strong", "table", "thead", "tbody", "tr", "td", "th", "img"}
    assert {part.split(">")[0].split()[0].strip("/") for part in text.split("<")[1:]} <= elements
    assert html.escape(payloads[3]) in text
    view.close()


# The end


def test_a_closed_comparison_holds_nothing(
    stems: dict[str, np.ndarray], player: StemPlayer, browser: Callable[..., Any]
) -> None:
    array = stems["vocals"].copy()
    gone = weakref.ref(array)
    view = SpectrogramComparison({"vocals": array}, sample_rate=RATE, player=player, region=[1, 2])
    there = browser(view)
    view.static_html()
    view.figure(dpi=20)
    del array
    view.close()
    view.close()

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    assert wait_until(is_gone)
    assert repr(view) == "SpectrogramComparison(vocals; 12.30 s, 8000 Hz)"
    for ask in (view.selected, view.numbers, view.figure, lambda: view.spectrogram("vocals"), view.static_html):
        with pytest.raises(ValidationError, match="closed"):
            ask()
    view.region = None
    view.gain_db = 3
    assert player.loop == [1.0, 2.0]
    there.say({"type": "want_tiles", "tiles": [[0, 0, 0]]})
    assert view.refused == {"late": 1}


@pytest.mark.usefixtures("no_threads")
def test_when_nobody_looks_any_more_its_memory_is_given_back(
    view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    there = browser(view)

    def is_here() -> bool:
        # A tile that need not be computed is returned without a step.
        return next(view.analysis.pyramid.exact(0, 0, 0), "here") == "here"

    there.say({"type": "want_tiles", "tiles": [[0, 0, 0]]})
    assert wait_until(lambda: there.of_type("tile"))
    assert is_here()
    there.say({"type": "forget_tiles"})
    assert wait_until(lambda: not is_here())
    there.say({"type": "want_tiles", "tiles": [[0, 0, 0]]})
    assert wait_until(is_here)
    assert not view.refused


@pytest.mark.usefixtures("no_threads")
def test_fifty_comparisons_leave_nothing(stems: dict[str, np.ndarray], browser: Callable[..., Any]) -> None:
    gone = []
    for _ in range(50):
        view = SpectrogramComparison(stems, sample_rate=RATE, static="none", region=[1, 2], n_fft=1024)
        browser(view).say({"type": "want_tiles", "tiles": [[0, 0, 0]]})
        view._repr_mimebundle_()
        gone.append(weakref.ref(view))
        view.close()
        del view

    def are_gone() -> bool:
        gc.collect()
        return not any(ref() for ref in gone)

    assert wait_until(are_gone)


def test_two_comparisons_do_not_disturb_each_other(
    stems: dict[str, np.ndarray], view: SpectrogramComparison, browser: Callable[..., Any]
) -> None:
    other = SpectrogramComparison(stems, sample_rate=RATE)
    there = browser(other)
    view.region = [1, 2]
    view.panes = ["vocals"]
    view.close()
    assert (other.region, len(other.panes), there.received) == (None, 3, [])
    there.say({"type": "want_tiles", "tiles": [[0, 0, 0]]})
    assert wait_until(lambda: there.of_type("tile"))
    other.close()
