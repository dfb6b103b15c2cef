"""Asked once, a player sends everything, in order of need, and stops at once."""

from __future__ import annotations

import gc
import io
import logging
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb import StemPlayer
from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets.song import song_of
from spleeter_nb.widgets.streaming import Streamer, check_hello, in_order_of_need
from spleeter_nb.widgets.wire import MESSAGE_BYTES, Chunk, Failure, Hello, Peaks, SentAll

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 8000

pytestmark = pytest.mark.usefixtures("no_threads")


@pytest.fixture
def player(stems: dict[str, np.ndarray]) -> StemPlayer:
    return StemPlayer(stems, sample_rate=RATE, mixture=sum(stems.values()))


def chunks(there: Any) -> list[tuple[int, int]]:
    return [(message["chunk"], message["signal"]) for message, _ in there.of_type("chunk")]


def joined(there: Any, signals: int, chunk_frames: int) -> list[np.ndarray]:
    """What the chunks of each signal are one after the other; each ends with the next one's first sample."""
    files: dict[tuple[int, int], bytes] = {}
    for message, (buffer,) in there.of_type("chunk"):
        key = message["signal"], message["chunk"]
        files[key] = files.get(key, b"") + buffer
    decoded = {key: soundfile.read(io.BytesIO(data), dtype="float32")[0] for key, data in files.items()}
    last = max(chunk for _, chunk in decoded)
    assert all(len(samples) == chunk_frames + 1 for (_, chunk), samples in decoded.items() if chunk < last)
    assert all(
        samples[-1] == pytest.approx(decoded[k, chunk + 1][0])
        for (k, chunk), samples in decoded.items()
        if chunk < last
    )
    return [
        np.concatenate([decoded[key][:chunk_frames] for key in sorted(decoded) if key[0] == k]) for k in range(signals)
    ]


def test_everything_comes_in_order_of_need(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there = browser(player)
    there.hello(frame=6 * RATE)
    assert there.has_all()
    kinds = [message["type"] for message, _ in there.received]
    assert kinds == ["peaks"] * 4 + ["chunk"] * 12 + ["sent_all"]
    assert chunks(there) == [(chunk, signal) for chunk in (1, 2, 0) for signal in range(4)]
    assert all(sum(map(len, buffers)) <= MESSAGE_BYTES for _, buffers in there.received)


@pytest.mark.parametrize(
    ("frame", "held", "expected"),
    [
        (0, [], [0, 1, 2]),
        (0, [(0, 1)], [1, 2]),
        (11 * RATE, [(0, 1), (2, 3)], [1]),
        (98_400, [], [2, 0, 1]),
        (5 * RATE, [(0, 3)], []),
        (5 * RATE - 1, [(1, 1)], [0, 1, 2]),
    ],
)
def test_what_is_held_is_left_out(
    frame: int, held: list[tuple[int, int]], expected: list[int], player: StemPlayer, browser: Callable[..., Any]
) -> None:
    there = browser(player)
    there.hello(frame, has_peaks=True, held=held)
    assert there.has_all()
    assert [chunk for chunk, signal in chunks(there) if signal == 0] == expected
    assert there.of_type("peaks") == []


def test_a_song_of_whole_chunks_has_no_empty_one(browser: Callable[..., Any]) -> None:
    player = StemPlayer({"a": np.zeros((10 * RATE, 2), np.float32)}, sample_rate=RATE)
    there = browser(player)
    there.hello(10 * RATE)
    assert there.has_all()
    assert chunks(there) == [(0, 0), (1, 0)]


@pytest.mark.parametrize("loudness", [1.0, 4.0])
def test_chunks_join_to_the_samples(
    loudness: float, real_stems: dict[str, np.ndarray], browser: Callable[..., Any]
) -> None:
    stems = {name: array * np.float32(loudness) for name, array in real_stems.items()}
    player = StemPlayer(stems, sample_rate=44_100, mixture=sum(stems.values()))
    there = browser(player)
    there.hello(4 * 44_100)
    assert there.has_all()
    for array, sent in zip((*stems.values(), sum(stems.values())), joined(there, 5, player.chunk_frames), strict=True):
        assert sent.shape == array.shape
        np.testing.assert_allclose(sent * player.full_scale, array, rtol=0, atol=1.001 * player.full_scale / 32_768)


def test_fine_peaks_bound_the_samples(
    player: StemPlayer, stems: dict[str, np.ndarray], browser: Callable[..., Any]
) -> None:
    there = browser(player)
    there.hello()
    assert there.has_all()
    for (message, (buffer,)), array in zip(there.of_type("peaks"), stems.values(), strict=False):
        lines = np.frombuffer(buffer, np.int8).reshape(-1, 2) / 127 * message["full_scale"]
        assert message["samples_per_bin"] == 256
        assert len(lines) == -(-len(array) // 256)
        for k, (lowest, highest) in enumerate(lines):
            part = array[k * 256 : (k + 1) * 256]
            assert lowest <= part.min() + 1e-6
            assert highest >= part.max() - 1e-6


def test_large_chunks_come_in_parts(browser: Callable[..., Any]) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (6 * 96_000, 2)).astype(np.float32)
    player = StemPlayer({"noise": noise}, sample_rate=96_000)
    there = browser(player)
    there.hello()
    assert there.has_all()
    parts = [(message["part"], message["parts"]) for message, _ in there.of_type("chunk")]
    assert parts == [(0, 2), (1, 2), (0, 1)]
    np.testing.assert_allclose(joined(there, 1, player.chunk_frames)[0], noise, rtol=0, atol=1 / 32_767)


def test_peaks_of_a_long_song_fit_into_a_message() -> None:
    hour = np.zeros((48_000 * 3600, 1), np.int8)
    song = song_of({"a": np.broadcast_to(np.zeros((1, 1), np.int8), hour.shape)[: 3000 * 60]}, sample_rate=3000)
    vars(song.stems[0])["peaks"] = np.zeros((48_000 * 3600 // 256, 2), np.float32)
    message, buffer = next(iter(in_order_of_need(song, Hello(frame=0, has_peaks=False, held=()))))
    assert isinstance(message, Peaks)
    assert (message.samples_per_bin, len(buffer)) == (512, 675_000)


def test_a_new_hello_takes_the_place_of_the_old_one(
    stems: dict[str, np.ndarray], eventually: Callable[..., bool]
) -> None:
    song, post, may_go_on = song_of(stems, sample_rate=RATE), Post(), threading.Event()
    post.posted_one = may_go_on.wait
    streamer = Streamer(post.post)
    for frame in (0, 5 * RATE, 0, 11 * RATE):
        streamer.start(song, Hello(frame=frame, has_peaks=True, held=()))
        assert eventually(lambda: post.posted)
    may_go_on.set()
    assert eventually(lambda: isinstance(post.posted[-1], SentAll))
    first, *rest, _ = post.posted
    assert (first.chunk, first.signal) == (0, 0)
    assert [(message.chunk, message.signal) for message in rest] == [(k, n) for k in (2, 0, 1) for n in range(3)]
    streamer.start(song, Hello(frame=0, has_peaks=True, held=((0, 3),)))
    assert eventually(lambda: post.posted.count(SentAll()) == 2)
    streamer.stop()


def test_a_flood_of_hellos_runs_one_thread(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there = browser(player)
    most = 0
    for _ in range(500):
        there.hello(has_peaks=True)
        most = max(most, sum(thread.name == "spleeter_nb-stream" for thread in threading.enumerate()))
    assert there.has_all()
    assert most == 1


def test_hellos_from_many_threads(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there = browser(player)
    threads = [threading.Thread(target=there.hello, kwargs={"frame": k * RATE}) for k in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert there.has_all()
    assert {signal for _, signal in chunks(there)} == {0, 1, 2, 3}
    assert not player.refused


def test_closing_stops_it_at_once(
    real_stems: dict[str, np.ndarray], browser: Callable[..., Any], eventually: Callable[..., bool]
) -> None:
    long = {name: np.tile(array, (6, 1)) for name, array in real_stems.items()}
    player = StemPlayer(long, sample_rate=44_100)
    there = browser(player)
    there.hello(has_peaks=True)
    assert eventually(lambda: len(there.received) > 3)
    song, thread, chunk_count = weakref.ref(player.song), stream(), player.song.chunks
    begin = time.monotonic()
    player.close()
    thread.join(5)
    # 0.02 s where nothing else runs: the chunk that is being encoded.
    assert time.monotonic() - begin < 1
    assert len(there.received) < 4 * chunk_count
    gc.collect()
    assert song() is None


def stream() -> threading.Thread:
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "spleeter_nb-stream")
    return thread


class Post:
    """Something that posts, and that can go."""

    def __init__(self, fail: Exception | None = None) -> None:
        self.posted: list[Any] = []
        self.posted_one: Callable[[], object] = lambda: None
        self.fail = fail

    def post(self, message: Any, _buffers: object = ()) -> None:
        self.posted.append(message)
        self.posted_one()
        if self.fail:
            raise self.fail


AT_EXIT = """
import atexit, time, weakref
import numpy as np
from spleeter_nb.widgets.song import song_of
from spleeter_nb.widgets.streaming import Streamer
from spleeter_nb.widgets.wire import Hello

class Socket:
    is_open = True
    def close(self):
        self.is_open = False
        time.sleep(0.2)
    def post(self, message, buffers=()):
        if not self.is_open:
            print("sent too late")

socket = Socket()
atexit.register(socket.close)
stopped = Streamer(socket.post)
stopped.stop()
gone = weakref.ref(stopped)
del stopped
assert gone() is None
streamer = Streamer(socket.post)
noise = np.random.default_rng(0).uniform(-0.3, 0.3, (8000 * 600, 2)).astype(np.float32)
streamer.start(song_of({"a": noise}, sample_rate=8000), Hello(frame=0, has_peaks=False, held=()))
time.sleep(0.1)
"""


def test_the_thread_keeps_nobody_alive(stems: dict[str, np.ndarray], eventually: Callable[..., bool]) -> None:
    song = song_of({name: np.tile(array, (20, 1)) for name, array in stems.items()}, sample_rate=RATE)
    post = Post()
    gone, posted, streamer = weakref.ref(post), post.posted, Streamer(post.post)
    streamer.start(song, Hello(frame=0, has_peaks=False, held=()))
    assert eventually(lambda: posted)
    thread = stream()
    del post
    gc.collect()
    assert gone() is None
    thread.join(5)
    assert not thread.is_alive()
    assert len(posted) < 3 * song.chunks


def test_sound_that_cannot_be_read_is_told_to_the_user(
    stems: dict[str, np.ndarray], eventually: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    song, post = song_of(stems, sample_rate=RATE), Post()
    lost = replace(song, stems=(song.stems[0], replace(song.stems[1], samples=None), song.stems[2]))
    vars(lost)["full_scale"] = 1.0
    streamer = Streamer(post.post)
    with caplog.at_level(logging.ERROR, "spleeter_nb"):
        streamer.start(lost, Hello(frame=0, has_peaks=True, held=()))
        assert eventually(lambda: len(post.posted) == 2)
    assert [type(message) for message in post.posted] == [Chunk, Failure]
    assert post.posted[-1].id is None
    assert "The sound cannot be sent: " in post.posted[-1].message
    assert "cannot be read" in caplog.text
    streamer.start(song, Hello(frame=0, has_peaks=True, held=((0, 3),)))
    assert eventually(lambda: isinstance(post.posted[-1], SentAll))
    streamer.stop()


def test_the_end_of_the_interpreter_ends_it_and_a_stopped_one_is_forgotten() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_what_cannot_be_sent_is_told_and_the_next_hello_answered(
    stems: dict[str, np.ndarray], eventually: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    song, post = song_of(stems, sample_rate=RATE), Post(OSError("gone"))
    streamer = Streamer(post.post)
    with caplog.at_level(logging.ERROR, "spleeter_nb"):
        streamer.start(song, Hello(frame=0, has_peaks=False, held=()))
        assert eventually(lambda: "cannot be sent" in caplog.text)
    post.fail = None
    streamer.start(song, Hello(frame=0, has_peaks=True, held=((0, 3),)))
    assert eventually(lambda: len(post.posted) == 2)
    streamer.stop()
    streamer.start(song, Hello(frame=0, has_peaks=False, held=()))
    assert len(post.posted) == 2


def test_messages_are_paced(player: StemPlayer, browser: Callable[..., Any]) -> None:
    there = browser(player)
    there.hello()
    assert there.has_all()
    assert len(there.times) / (there.times[-1] - there.times[0]) < 250


def test_memory_is_bounded_by_a_chunk(stems: dict[str, np.ndarray]) -> None:
    song = song_of(stems, sample_rate=RATE)
    sizes = [
        len(buffer)
        for message, buffer in in_order_of_need(song, Hello(frame=0, has_peaks=True, held=()))
        if isinstance(message, Chunk) and buffer is not None
    ]
    assert len(sizes) == 9
    assert max(sizes) <= 5 * RATE * 4 + 10_000


def test_ranges_that_touch_are_ranges(stems: dict[str, np.ndarray]) -> None:
    song = song_of(stems, sample_rate=RATE)
    check_hello(song, Hello(frame=0, has_peaks=True, held=((0, 1), (1, 3))))
    with pytest.raises(ValidationError, match="of which there are 3"):
        check_hello(song, Hello(frame=0, has_peaks=True, held=((0, 2), (1, 3))))
