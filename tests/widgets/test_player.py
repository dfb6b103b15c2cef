"""The player in Python: what it takes, what it is told, what one hears, and what it leaves."""

from __future__ import annotations

import gc
import logging
import math
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

from spleeter_nb import SeparationResult, Stem, StemPlayer
from spleeter_nb.audio import AudioWriter, choose_encoding, read_tags
from spleeter_nb.dsp.panning import pan_matrix
from spleeter_nb.exceptions import (
    AudioChangedError,
    StorageError,
    UnknownOptionError,
    UnsupportedFormatError,
    ValidationError,
)
from spleeter_nb.values import AudioInfo, Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RATE = 8000
SETTINGS = {"gains_db", "pans", "muted", "soloed", "master_db", "original", "match_loudness", "speed", "loop"}


@pytest.fixture
def player(stems: dict[str, np.ndarray]) -> StemPlayer:
    return StemPlayer(stems, sample_rate=RATE, mixture=sum(stems.values()), title="Song")


@pytest.fixture
def result(stems: dict[str, np.ndarray]) -> SeparationResult:
    frames = len(stems["vocals"])
    values = {name: Stem(name, RATE, frames, lambda array=array: array) for name, array in stems.items()}
    info = AudioInfo("song.wav", "wav", "pcm_16", RATE, 2, frames, 16)
    return SeparationResult(
        values, "spleeter:4stems", "music/song.wav", info, None, None, 1.0, {}, lambda: sum(stems.values())
    )


# What it takes


def test_facts_are_told_at_once(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    assert (player.title, player.stems, player.has_mixture) == ("Song", ["vocals", "drums", "bass"], True)
    assert (player.sample_rate, player.frames, player.chunk_frames) == (RATE, 98_400, 5 * RATE)
    powers = [float(np.mean(array.astype(float) ** 2)) for array in (*stems.values(), sum(stems.values()))]
    assert player.powers == pytest.approx(powers, rel=1e-4)
    assert player.full_scale == 1.0
    assert repr(player) == "StemPlayer('Song': vocals, drums, bass; 12.30 s, 8000 Hz)"
    assert repr(StemPlayer({"a": stems["bass"]}, sample_rate=RATE)) == "StemPlayer(a; 12.30 s, 8000 Hz)"


def test_the_overview_bounds_the_samples(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    overview = np.frombuffer(player.overview, np.int8).reshape(4, -1, 2).astype(float) / 127 * player.full_scale
    bins = overview.shape[1]
    for lines, array in zip(overview, (*stems.values(), sum(stems.values())), strict=True):
        for k in range(bins):
            part = array[k * len(array) // bins : -(-(k + 1) * len(array) // bins)]
            assert lines[k, 0] <= part.min() + 1e-6
            assert lines[k, 1] >= part.max() - 1e-6


def test_what_is_synced_is_small() -> None:
    hour = {f"stem {k}": np.zeros((600 * 3000, 2), np.float32) for k in range(32)}
    player = StemPlayer(hour, sample_rate=3000)
    code = {"_esm", "_css"}
    assert sum(len(str(value)) for name, value in player.get_state().items() if name not in {*code, "overview"}) < 5e4
    assert len(player.overview) < 64_100


def test_a_result_brings_all_itself(result: SeparationResult, stems: dict[str, np.ndarray]) -> None:
    player = result.player()
    assert (player.title, player.sample_rate, player.has_mixture) == ("song.wav", RATE, True)
    np.testing.assert_allclose(player.mix(), sum(stems.values()), atol=1e-6)
    assert result.player(title="Other", soloed="drums").soloed == "drums"
    assert not np.shares_memory(player.mix(), stems["vocals"])


def test_a_result_whose_source_changed_plays_without_it(
    result: SeparationResult, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> Any:
        raise AudioChangedError("It was <b>changed</b>.")

    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        player = replace(result, _load_mixture=gone).player()
    assert not player.has_mixture
    assert "It was &lt;b&gt;changed" in player.static_html()
    assert "There is no original beside the stems" in caplog.text


def test_a_stem_plays_alone(result: SeparationResult, stems: dict[str, np.ndarray]) -> None:
    player = result.drums.player()
    assert (player.stems, player.has_mixture) == (["drums"], False)
    np.testing.assert_allclose(player.mix(), stems["drums"], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int32, np.uint8])
@pytest.mark.parametrize("shape", [(1000,), (1000, 1), (1000, 2)])
def test_arrays_of_any_type_are_stereo(dtype: type, shape: tuple[int, ...]) -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, shape)
    info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
    array = (samples * 128 + 128 if dtype is np.uint8 else samples * info.max if info else samples).astype(dtype)
    mix = StemPlayer({"a": array}, sample_rate=RATE).mix()
    assert mix.shape == (1000, 2)
    np.testing.assert_allclose(
        mix, samples if shape == (1000, 2) else np.repeat(samples.reshape(-1, 1), 2, 1), atol=0.01
    )


def test_lists_are_arrays_and_float_stereo_is_not_copied(stems: dict[str, np.ndarray]) -> None:
    assert StemPlayer({"a": [0.5] * 100}, sample_rate=RATE).frames == 100
    backwards = StemPlayer({"a": stems["bass"][::-1]}, sample_rate=RATE)
    np.testing.assert_allclose(backwards.mix(), stems["bass"][::-1], atol=1e-6)
    player = StemPlayer(stems, sample_rate=np.int64(RATE))
    assert player.song.stems[0].samples is stems["vocals"]
    assert type(player.sample_rate) is int


GOOD = np.zeros((100, 2), np.float32)


@pytest.mark.parametrize(
    ("stems", "options"),
    [
        (None, {}),
        ([GOOD], {}),
        (GOOD, {}),
        ({}, {}),
        ({str(k): GOOD for k in range(33)}, {}),
        ({"": GOOD}, {}),
        ({5: GOOD}, {}),
        ({"x" * 201: GOOD}, {}),
        ({"\udcff": GOOD}, {}),
        ({"a": None}, {}),
        ({"a": "vocals.wav"}, {}),
        ({"a": [[1, 2], [3]]}, {}),
        ({"a": GOOD.astype(complex)}, {}),
        ({"a": GOOD > 0}, {}),
        ({"a": np.array(0.5)}, {}),
        ({"a": np.zeros((0, 2), np.float32)}, {}),
        ({"a": np.zeros((2, 100), np.float32)}, {}),
        ({"a": np.zeros((100, 3), np.float32)}, {}),
        ({"a": np.zeros((100, 2, 2), np.float32)}, {}),
        ({"a": np.full((100, 2), np.nan, np.float32)}, {}),
        ({"a": np.full((100, 2), np.inf, np.float32)}, {}),
        ({"a": np.full((100, 2), 1e20, np.float32)}, {}),
        ({"a": GOOD, "b": GOOD[1:]}, {}),
        ({"a": GOOD}, {"mixture": GOOD[1:]}),
        ({"a": GOOD}, {"mixture": "song.wav"}),
        ({"a": GOOD}, {"sample_rate": None}),
        ({"a": GOOD}, {"sample_rate": 8000.0}),
        ({"a": GOOD}, {"sample_rate": "8000"}),
        ({"a": GOOD}, {"sample_rate": [8000]}),
        ({"a": GOOD}, {"sample_rate": True}),
        ({"a": GOOD}, {"sample_rate": 0}),
        ({"a": GOOD}, {"sample_rate": 88_201}),
        ({"a": GOOD}, {"sample_rate": 10**400}),
        ({"a": Stem("a", 44_100, 100, lambda: GOOD)}, {}),
        ({"a": GOOD}, {"static": "picture"}),
        ({"a": GOOD}, {"static": None}),
    ],
)
def test_what_cannot_be_played_is_refused(stems: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StemPlayer(stems, **{"sample_rate": RATE, **options})


def test_a_player_that_cannot_be_made_leaves_no_widget() -> None:
    before = set(_instances)
    for options in ({"soloed": "b"}, {"speed": 0}, {"sample_rate": 0}, {"title": "x", "loop": [2, 1]}):
        with pytest.raises(ValidationError):
            StemPlayer({"a": GOOD}, **{"sample_rate": RATE, **options})
    assert set(_instances) <= before


def test_unknown_options_name_the_nearest() -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'sample_rate'"):
        StemPlayer({"a": GOOD}, sampel_rate=RATE)
    with pytest.raises(UnknownOptionError, match="Did you mean 'gains_db'"):
        StemPlayer({"a": GOOD}, sample_rate=RATE, gain_db={})
    with pytest.raises(ValidationError, match="Did you mean 'preview'"):
        StemPlayer({"a": GOOD}, sample_rate=RATE, static="previw")


def test_samples_beyond_full_scale_set_one_scale_for_all() -> None:
    player = StemPlayer({"a": GOOD + 2, "b": GOOD + 0.5}, sample_rate=RATE)
    assert player.full_scale == 2.0
    overview = np.frombuffer(player.overview, np.int8).reshape(2, -1, 2)
    assert overview[0].tolist() == [[127, 127]]
    assert overview[1].tolist() == [[31, 32]]


def test_four_minutes_of_five_stems_are_ready_in_no_time(real_stems: dict[str, np.ndarray]) -> None:
    frames = 240 * 44_100
    song = {name: np.resize(array, (frames, 2)) for name, array in real_stems.items()}
    song["piano"] = song["other"][::-1].copy()
    mixture = sum(song.values())
    begin = time.perf_counter()
    player = StemPlayer(song, sample_rate=44_100, mixture=mixture)
    # 0.2 s where nothing else runs.
    assert time.perf_counter() - begin < 2
    assert player.frames == frames


# Settings


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("gains_db", {"drums": -6}, {"vocals": 0, "drums": -6, "bass": 0}),
        ("gains_db", {}, {"vocals": 0, "drums": 0, "bass": 0}),
        ("gains_db", {"bass": np.float32(12), "vocals": -60}, {"vocals": -60, "drums": 0, "bass": 12}),
        ("pans", {"vocals": -1, "bass": 1}, {"vocals": -1, "drums": 0, "bass": 1}),
        ("muted", ("bass", "vocals", "bass"), ["vocals", "bass"]),
        ("muted", [], []),
        ("soloed", "drums", "drums"),
        ("soloed", "", ""),
        ("soloed", None, ""),
        ("master_db", 3, 3.0),
        ("original", True, True),
        ("match_loudness", np.True_, True),
        ("speed", 2, 2.0),
        ("loop", (1, 2.5), [1.0, 2.5]),
        ("loop", np.array([0, 12.3]), [0.0, 12.3]),
        ("loop", None, None),
    ],
)
def test_settings_have_one_form(
    name: str, value: Any, becomes: Any, player: StemPlayer, browser: Callable[..., Any]
) -> None:
    there = browser(player)
    setattr(player, name, value)
    assert getattr(player, name) == becomes
    assert type(getattr(player, name)) is type(becomes)
    assert all(update == {name: becomes} for update in there.updates)
    # What a browser sends is what it may send back.
    there.change(**{name: value.tolist() if isinstance(value, np.ndarray | np.bool) else becomes})
    assert getattr(player, name) == becomes
    assert not player.refused


def deep_list() -> list[Any]:
    """Nested deeper than Python can show it."""
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    return deep


WRONG: Mapping[str, list[Any]] = {
    "gains_db": [
        *(None, 3, [], "vocals", [["vocals", 1]], {"vocal": 1}, {"vocals": None}, {"vocals": "3"}),
        *({"vocals": True}, {"vocals": -60.1}, {"vocals": 12.1}, {"vocals": 10**400}, {"vocals": -(10**4000)}),
    ],
    "pans": [None, {"vocals": -1.01}, {"vocals": 1.01}, {"": 0}, {"__class__": 0}, {"vocals": {}}],
    "muted": [None, 5, "vocals", ["vocal"], [5], [None], [["vocals"]], {"vocals": True}, ["vocals"] * 5 + ["x"]],
    "soloed": [deep_list(), False, 5, "vocal", ["vocals"], {}, "x" * 10_000_000],
    "master_db": [None, "0", [], {}, True, -61, 13],
    "original": [None, 1, 0, "true", []],
    "match_loudness": [None, 1, "true"],
    "speed": [None, 0, 0.49, 2.01, "1", True, -1],
    "loop": [
        5,
        "12",
        deep_list(),
        [],
        [1],
        [1, 2, 3],
        [2, 1],
        [1, 1],
        [1, 1.01],
        [-1, 2],
        [1, 13],
        [None, 1],
        ["0", "1"],
        {"0": 1},
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_settings_are_refused_here_and_there(
    name: str, value: Any, player: StemPlayer, browser: Callable[..., Any]
) -> None:
    there = browser(player)
    before = player.get_state()
    with pytest.raises(ValidationError):
        setattr(player, name, value)
    there.change(**{name: value})
    assert player.get_state() == before
    assert player.refused == {"trait": 1}
    assert there.updates[-1] == {name: before[name]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_refused(value: float, player: StemPlayer) -> None:
    for name, given_ in (
        ("gains_db", {"vocals": value}),
        ("pans", {"vocals": value}),
        ("master_db", value),
        ("speed", value),
        ("loop", [0, value]),
        ("loop", [value, 1]),
    ):
        with pytest.raises(ValidationError):
            setattr(player, name, given_)
    with pytest.raises(ValidationError):
        player.seek(value)


def test_the_nearest_stem_is_named(player: StemPlayer) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'vocals'"):
        player.gains_db = {"vocal": 3}
    with pytest.raises(UnknownOptionError, match="Did you mean 'karaoke'"):
        player.preset("karaokee")


@pytest.mark.parametrize(
    "name", sorted({"title", "stems", "frames", "overview", "powers", "full_scale", "sample_rate"})
)
def test_facts_cannot_be_changed(name: str, player: StemPlayer, browser: Callable[..., Any]) -> None:
    before = player.get_state()
    with pytest.raises(Exception, match="read-only"):
        setattr(player, name, before[name])
    browser(player).change(**{name: "x"})
    assert player.get_state() == before
    assert player.refused == {"trait": 1}


def test_an_original_that_is_not_there_cannot_be_heard(stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer(stems, sample_rate=RATE)
    with pytest.raises(ValidationError, match="mixture="):
        player.original = True
    player.original = False
    with pytest.raises(ValidationError, match="mixture="):
        StemPlayer(stems, sample_rate=RATE, original=True)


@pytest.mark.parametrize(
    ("name", "muted", "soloed"), [("karaoke", ["vocals"], ""), ("drums", [], "drums"), ("all", [], "")]
)
def test_presets(name: str, muted: list[str], soloed: str, player: StemPlayer) -> None:
    player.muted, player.soloed = ["bass"], "bass"
    player.preset(name)
    assert (player.muted, player.soloed) == (muted, soloed)


def test_karaoke_needs_vocals(stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer({"drums": stems["drums"], "bass": stems["bass"]}, sample_rate=RATE)
    with pytest.raises(UnknownOptionError, match="Presets are drums, bass, all"):
        player.preset("karaoke")
    # A stem comes before a preset of that name.
    player = StemPlayer({"all": stems["drums"], "vocals": stems["bass"]}, sample_rate=RATE)
    player.preset("all")
    assert player.soloed == "all"


def test_stems_are_muted_one_by_one(player: StemPlayer) -> None:
    player.mute("bass")
    player.mute("vocals", "bass")
    assert player.muted == ["vocals", "bass"]
    player.unmute("bass", "drums")
    assert player.muted == ["vocals"]
    with pytest.raises(UnknownOptionError):
        player.unmute("drum")


# What one hears


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_mix_is_gains_times_stems(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 5)))
    names = ["a", "b", "c"][: data.draw(st.integers(1, 3))]
    stems = {name: rng.uniform(-0.2, 0.2, (50, 2)).astype(np.float32) for name in names}
    gains = {name: data.draw(st.floats(-60, 12)) for name in names}
    pans = {name: data.draw(st.floats(-1, 1)) for name in names}
    muted = data.draw(st.lists(st.sampled_from(names)))
    soloed = data.draw(st.sampled_from(["", *names]))
    master = data.draw(st.floats(-60, 6))
    player = StemPlayer(
        stems, sample_rate=RATE, gains_db=gains, pans=pans, muted=muted, soloed=soloed, master_db=master
    )
    expected = np.zeros((50, 2))
    for name in names:
        if name == soloed if soloed else name not in muted:
            expected += 10 ** ((gains[name] + master) / 20) * (stems[name].astype(float) @ pan_matrix(pans[name]))
    mix = player.mix()
    assert (mix.dtype, mix.shape) == (np.float32, (50, 2))
    np.testing.assert_allclose(mix, expected, rtol=1e-6, atol=1e-6)
    player.close()


def test_the_mix_of_real_stems_is_the_song(real_stems: dict[str, np.ndarray]) -> None:
    player = StemPlayer(real_stems, sample_rate=44_100)
    np.testing.assert_allclose(player.mix(), sum(real_stems.values()), atol=1e-6)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(float) ** 2))


def test_the_original_is_heard_in_place_of_the_stems(player: StemPlayer, stems: dict[str, np.ndarray]) -> None:
    player.original = True
    player.soloed, player.pans = "drums", {"drums": 1}
    np.testing.assert_allclose(player.mix(), sum(stems.values()), atol=1e-6)
    player.master_db = -6
    np.testing.assert_allclose(player.mix(), 10 ** (-6 / 20) * sum(stems.values()), atol=1e-6)


@pytest.mark.parametrize(
    ("gains", "muted", "tolerance"),
    [
        ({}, [], 1e-3),
        ({}, ["drums", "bass"], 1e-3),
        ({"vocals": 6, "drums": 6, "bass": 6}, [], 1e-3),
        ({"bass": -20}, ["vocals"], 0.1),
    ],
)
def test_loudness_is_matched(gains: dict[str, float], muted: list[str], tolerance: float, player: StemPlayer) -> None:
    player.gains_db, player.muted = gains, muted
    remix = power(player.mix())
    player.original, player.match_loudness = True, True
    assert power(player.mix()) == pytest.approx(remix, rel=tolerance)


def test_loudness_is_matched_within_limits() -> None:
    loud = np.full((100, 2), 0.5, np.float32)
    for stems, mixture in (({"a": loud * 0}, loud), ({"a": loud}, loud * 0), ({"a": loud * 0.001}, loud)):
        player = StemPlayer(stems, sample_rate=RATE, mixture=mixture, original=True, match_loudness=True)
        peak = float(mixture.max())
        assert player.mix().max() in (pytest.approx(peak), pytest.approx(peak / 8))


def test_the_mix_is_saved(player: StemPlayer, tmp_path: Path) -> None:
    player.soloed = "bass"
    for name, options, tolerance in (
        ("a.wav", {}, 2**-15),
        ("b.flac", {"bit_depth": 24}, 2**-23),
        ("new/c", {"codec": "wav", "bit_depth": "float"}, 0),
    ):
        assert player.save_mix(tmp_path / name, **options) == tmp_path / name
        read, rate = soundfile.read(tmp_path / name, dtype="float32")
        assert rate == RATE
        np.testing.assert_allclose(read, player.mix(), rtol=0, atol=tolerance)
    with pytest.raises(UnsupportedFormatError):
        player.save_mix(tmp_path / "d.xyz")
    with pytest.raises(StorageError):
        player.save_mix(tmp_path / "a.wav" / "b.wav")


def test_the_saved_mix_has_the_tags_of_the_song(tmp_path: Path) -> None:
    song, tags = tmp_path / "song.flac", Tags({"title": "T", "artist": "<b>"})
    with AudioWriter(song, choose_encoding("flac"), sample_rate=RATE, channels=2, tags=tags) as writer:
        writer.write(np.zeros((3_000, 2), np.float32))
    stem = Stem("a", RATE, 3_000, lambda: np.zeros((3_000, 2), np.float32), _load_tags=lambda: read_tags(song))
    player = StemPlayer({"b": np.zeros((3_000, 2), np.float32), "a": stem})
    assert read_tags(player.save_mix(tmp_path / "mix.ogg")) == tags


# Moving in time


def test_the_browser_is_told_to_move(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there = browser(player)
    player.play()
    player.seek(2.5)
    player.pause()
    assert [(message["action"], message["frame"]) for message, _ in there.of_type("transport")] == [
        ("play", None),
        ("seek", 20_000),
        ("pause", None),
    ]
    for seconds in (-1, 12.4, None, "1"):
        with pytest.raises(ValidationError):
            player.seek(seconds)


def test_the_position_is_observed_and_not_synced(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there, seen = browser(player), []
    player.observe(lambda change: seen.append((change["name"], change["new"])), ["position", "playing"])
    there.say({"type": "position", "frame": 4000, "playing": True})
    there.say({"type": "position", "frame": 98_400, "playing": False})
    assert set(seen) == {("position", 0.5), ("playing", True), ("position", 12.3), ("playing", False)}
    assert (player.position, player.playing) == (12.3, False)
    assert there.updates == []
    with pytest.raises(Exception, match="read-only"):
        player.position = 3


@pytest.mark.parametrize(
    ("message", "buffers"),
    [
        ({"type": "position", "frame": -1, "playing": True}, []),
        ({"type": "position", "frame": 98_401, "playing": True}, []),
        ({"type": "position", "frame": 10**4000, "playing": True}, []),
        ({"type": "position", "frame": 1.5, "playing": True}, []),
        ({"type": "position", "frame": 1, "playing": 1}, []),
        ({"type": "position", "frame": 1, "playing": True}, [bytes(50_000_000)]),
        ({"type": "hello", "frame": -1, "has_peaks": True, "held": []}, []),
        ({"type": "hello", "frame": 98_401, "has_peaks": True, "held": []}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": [[0, 4]]}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": [[-1, 1]]}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": [[2, 1]]}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": [[1, 2], [0, 1]]}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": [[0, 1]] * 100_000}, []),
        ({"type": "hello", "frame": 0, "has_peaks": True, "held": []}, [b"x"]),
    ],
)
def test_hostile_messages_are_refused(
    message: dict[str, Any], buffers: list[bytes], player: StemPlayer, browser: Callable[..., Any]
) -> None:
    there = browser(player)
    there.say(message, buffers)
    assert player.refused == {"message": 1}
    assert (player.position, player.playing, there.received) == (0.0, False, [])


# The end


def test_a_closed_player_holds_nothing(stems: dict[str, np.ndarray], browser: Callable[..., Any]) -> None:
    player = StemPlayer(stems, sample_rate=RATE)
    there = browser(player)
    there.hello()
    player.static_html()
    gone = weakref.ref(player.song)
    player.close()
    player.close()
    gc.collect()
    deadline = time.monotonic() + 1
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone() is None
    assert repr(player) == "StemPlayer(vocals, drums, bass; 12.30 s, 8000 Hz)"
    savings = (lambda: player.save_html("x.html"), lambda: player.save_mix("x.wav"))
    for ask in (player.mix, player.play, player.pause, lambda: player.seek(1), *savings):
        with pytest.raises(ValidationError, match="closed"):
            ask()
    there.hello()
    assert player.refused == {"late": 1}


@pytest.mark.usefixtures("no_threads")
def test_fifty_players_leave_nothing(stems: dict[str, np.ndarray], browser: Callable[..., Any]) -> None:
    gone = []
    for _ in range(50):
        player = StemPlayer(stems, sample_rate=RATE, static="none")
        browser(player).hello()
        player._repr_mimebundle_()
        gone.append(weakref.ref(player))
        player.close()
        del player
    deadline = time.monotonic() + 2
    while any(ref() for ref in gone) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert not any(ref() for ref in gone)
