from __future__ import annotations

import random
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import (
    DiskFullError,
    ModelChecksumError,
    ModelDownloadError,
    SeparationCancelledError,
    StorageError,
)
from spleeter_nb.models.download import Patience, Remote, fetch_archive
from spleeter_nb.models.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from spleeter_nb.events import Progress
    from tests.models.tiny import Server, Tiny

PATIENCE = Patience(connect=1, read=0.5, pause=0.01, longest_pause=1)


@pytest.fixture
def fetch(tiny: Tiny, server: Server, tmp_path: Path) -> Callable[..., Path]:
    """Download the tiny archive from the server, with what a test changes."""

    def fetch(*, watch: Watch | None = None, patience: Patience = PATIENCE, **changes: object) -> Path:
        known: dict[str, object] = {
            "url": f"{server.host}/tiny.tar.gz",
            "digest": tiny.weights.archive_digest,
            "size": len(tiny.archive),
            "limit": 10**6,
        }
        remote = Remote(**{**known, **changes})  # type: ignore[arg-type]
        return fetch_archive(remote, tmp_path, watch or Watch(), patience=patience)

    return fetch


def stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("known", [True, False])
def test_an_archive_is_fetched_in_one_request(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, *, known: bool
) -> None:
    archive = fetch(**({} if known else {"size": None}))
    assert archive.read_bytes() == tiny.archive
    assert len(server.requests) == 1
    assert server.requests[0]["Accept-Encoding"] == "identity"


def test_progress_goes_from_nothing_to_all(fetch: Callable[..., Path]) -> None:
    events: list[Progress] = []
    watch = Watch(events.append)
    fetch(watch=watch)
    assert {event.stage for event in events} == {"download"}
    assert events[-1].fraction == 1.0
    assert [event.fraction or 0 for event in events] == sorted(event.fraction or 0 for event in events)


def test_sixteen_breaks_are_resumed_and_cost_no_byte_twice(
    fetch: Callable[..., Path], tiny: Tiny, server: Server
) -> None:
    dice = random.Random(2)  # noqa: S311 - test data
    server.script.extend(server.breaking(dice.randrange(1, 20_000)) for _ in range(16))
    assert fetch().read_bytes() == tiny.archive
    assert len(server.requests) == 17
    assert server.sent <= 1.05 * len(tiny.archive)
    assert all(request["If-Range"] == '"v1"' for request in server.requests[1:])


@pytest.mark.parametrize("kind", ["no length", "no validator", "stall"])
def test_breaks_of_other_kinds_are_resumed_too(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, kind: str
) -> None:
    if kind == "no validator":
        server.etag = None
    if kind == "no length":
        server.script.append(lambda handler: server.send(handler, 200, {"ETag": '"v1"'}, tiny.archive[:1000]))
    else:
        server.script.append(server.breaking(1000, stall=kind == "stall"))
    assert fetch().read_bytes() == tiny.archive
    assert server.requests[1]["Range"] == "bytes=1000-"
    assert ("If-Range" in server.requests[1]) == (kind != "no validator")
    assert server.sent == len(tiny.archive)


def test_last_modified_serves_where_the_tag_is_weak(fetch: Callable[..., Path], tiny: Tiny, server: Server) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    headers = {"ETag": 'W/"v1"', "Last-Modified": date, "Content-Length": len(tiny.archive)}
    server.script.append(lambda handler: server.send(handler, 200, headers, tiny.archive[:1000]))
    assert fetch().read_bytes() == tiny.archive
    assert server.requests[1]["If-Range"] == date


@pytest.mark.parametrize("finished", [False, True])
def test_an_earlier_try_is_continued(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, tmp_path: Path, *, finished: bool
) -> None:
    size = len(tiny.archive) if finished else 100_000
    (tmp_path / "archive").write_bytes(tiny.archive[:size])
    (tmp_path / "validator").write_text('"v1"')
    assert fetch(size=None).read_bytes() == tiny.archive
    assert server.sent == len(tiny.archive) - size
    assert len(server.requests) == (0 if finished else 1)


@pytest.mark.parametrize("tag", ['"v1"', '"v0"', ""])
def test_an_earlier_try_of_other_content_is_thrown_away(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, tmp_path: Path, tag: str
) -> None:
    (tmp_path / "archive").write_bytes(bytes(100_000))
    if tag:
        (tmp_path / "validator").write_text(tag)
    assert fetch().read_bytes() == tiny.archive
    assert len(server.requests) == (1 if tag == '"v0"' else 2)


@pytest.mark.parametrize("excess", [0, 1, 500_000])
def test_an_earlier_try_that_leaves_nothing_to_ask_for_starts_anew(
    fetch: Callable[..., Path], tiny: Tiny, tmp_path: Path, excess: int
) -> None:
    (tmp_path / "archive").write_bytes(bytes(len(tiny.archive) + excess))
    assert fetch().read_bytes() == tiny.archive


def test_a_server_without_ranges_starts_anew(fetch: Callable[..., Path], tiny: Tiny, server: Server) -> None:
    server.script.extend([server.breaking(200_000), partial(server.serve, ranges=False)])
    assert fetch().read_bytes() == tiny.archive
    assert len(server.requests) == 2


def test_a_server_that_never_gets_to_the_end_is_left(fetch: Callable[..., Path], server: Server) -> None:
    server.script.extend([server.breaking(1000, ranges=False)] * 50)
    with pytest.raises(ModelDownloadError, match="gives no more"):
        fetch()
    assert len(server.requests) == 1 + PATIENCE.barren


def test_a_server_that_drips_is_left_too(fetch: Callable[..., Path], server: Server) -> None:
    server.script.extend([server.breaking(10)] * 50)
    with pytest.raises(ModelDownloadError, match="broke off 40 times"):
        fetch()


@pytest.mark.parametrize("content_range", ["bytes 5-20/30", "bytes 1000-9/x", "", "bytes */400000"])
def test_a_wrong_part_is_not_taken(fetch: Callable[..., Path], tiny: Tiny, server: Server, content_range: str) -> None:
    wrong = partial(server.send, status=206, headers={"Content-Range": content_range}, body=b"wrong" * 100)
    server.script.extend([server.breaking(1000), wrong])
    assert fetch().read_bytes() == tiny.archive


def test_a_part_with_wrong_bytes_is_found_by_the_digest(fetch: Callable[..., Path], tiny: Tiny, server: Server) -> None:
    end = len(tiny.archive)
    headers = {"Content-Range": f"bytes 1000-{end - 1}/{end}"}
    wrong = partial(server.send, status=206, headers=headers, body=bytes(end - 1000))
    server.script.extend([server.breaking(1000), wrong])
    assert fetch().read_bytes() == tiny.archive
    assert "Range" not in server.requests[2]


def test_416_starts_anew(fetch: Callable[..., Path], tiny: Tiny, server: Server) -> None:
    server.script.extend([server.breaking(1000), server.answer(416)])
    assert fetch().read_bytes() == tiny.archive
    assert "Range" not in server.requests[2]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_when_it_says(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, status: int
) -> None:
    seconds = 1 if status == 429 else 0
    server.script.extend([server.answer(status, Retry_After=seconds), server.answer(status, Retry_After="soon")])
    began = time.monotonic()
    assert fetch().read_bytes() == tiny.archive
    assert time.monotonic() - began >= seconds
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_left(fetch: Callable[..., Path], server: Server) -> None:
    server.script.extend([server.answer(503)] * 50)
    with pytest.raises(ModelDownloadError, match="503 Service Unavailable"):
        fetch()
    assert len(server.requests) == PATIENCE.barren


def test_a_server_that_asks_for_too_long_a_pause_is_left(fetch: Callable[..., Path], server: Server) -> None:
    server.script.append(server.answer(429, Retry_After=3600))
    with pytest.raises(ModelDownloadError, match="429"):
        fetch()
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 410, 416])
def test_a_refusal_is_taken_at_once(fetch: Callable[..., Path], server: Server, status: int) -> None:
    server.script.append(server.answer(status))
    with pytest.raises(ModelDownloadError, match=f"answered {status}"):
        fetch()
    assert len(server.requests) == 1


@pytest.mark.parametrize("known", [True, False])
def test_an_endless_body_is_cut_off(fetch: Callable[..., Path], server: Server, tmp_path: Path, *, known: bool) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        server.send(handler, 200, {})
        while True:
            handler.wfile.write(bytes(10_000))

    server.script.append(endless)
    with pytest.raises(ModelDownloadError, match="cut off"):
        fetch(**({} if known else {"size": None}))
    assert stored(tmp_path) == 0


@pytest.mark.parametrize(("size", "declared"), [(True, 399_999), (True, 10**6), (False, 10**6 + 1)])
def test_another_size_than_expected_is_refused_before_a_byte_is_taken(
    fetch: Callable[..., Path], server: Server, tmp_path: Path, *, size: bool, declared: int
) -> None:
    server.script.append(server.answer(200, Content_Length=declared))
    with pytest.raises(ModelDownloadError, match=f"declares {declared:,} bytes"):
        fetch(**({} if size else {"size": None}))
    assert stored(tmp_path) == 0


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_archive_is_refused_and_not_kept(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, tmp_path: Path, *, known: bool
) -> None:
    server.content = bytes(len(tiny.archive))
    with pytest.raises(ModelChecksumError, match="expected"):
        fetch(**({} if known else {"size": None}))
    assert stored(tmp_path) == 0
    assert len(server.requests) == 1


def test_a_wrong_archive_in_parts_is_asked_for_twice_and_no_more(
    fetch: Callable[..., Path], tiny: Tiny, server: Server, tmp_path: Path
) -> None:
    server.content = bytes(len(tiny.archive))
    server.script.extend([server.breaking(1000), server.serve, server.breaking(1000), server.serve])
    with pytest.raises(ModelChecksumError):
        fetch()
    assert stored(tmp_path) == 0
    assert len(server.requests) == 4


def test_redirects_are_followed(fetch: Callable[..., Path], tiny: Tiny, server: Server) -> None:
    server.script.extend([server.answer(302, Location="/elsewhere"), server.answer(307, Location="/there")])
    assert fetch().read_bytes() == tiny.archive
    assert [request["path"] for request in server.requests] == ["/tiny.tar.gz", "/elsewhere", "/there"]


@pytest.mark.parametrize("location", ["/tiny.tar.gz", "ftp://127.0.0.1/x", "http://[", "file:///etc/passwd"])
def test_redirects_that_lead_nowhere_end(fetch: Callable[..., Path], server: Server, location: str) -> None:
    server.script.extend([server.answer(302, Location=location)] * 50)
    with pytest.raises(ModelDownloadError):
        fetch()
    assert len(server.requests) <= 6


def test_garbage_is_a_typed_error(fetch: Callable[..., Path], server: Server) -> None:
    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\xff garbage\r\n\r\n" * 10)

    server.script.extend([garbage] * 50)
    with pytest.raises(ModelDownloadError):
        fetch()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://does-not-exist.invalid/x", "nonsense", "http://:bad/x", "ftp://x/y"]
)
def test_a_server_that_is_not_there_is_left_within_seconds(fetch: Callable[..., Path], url: str) -> None:
    began = time.monotonic()
    with pytest.raises(ModelDownloadError, match="not reachable") as caught:
        fetch(url=url)
    assert caught.value.context["url"] == url
    assert time.monotonic() - began < 5


def test_a_proxy_set_to_nonsense_is_a_typed_error(fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")
    with pytest.raises(ModelDownloadError, match="not reachable"):
        fetch()


@pytest.mark.parametrize("known", [True, False])
def test_too_little_room_is_said_before_a_byte_is_stored(
    fetch: Callable[..., Path], server: Server, tmp_path: Path, *, known: bool
) -> None:
    server.script.append(server.answer(200, Content_Length=10**18))
    with pytest.raises(DiskFullError, match="bytes are needed") as caught:
        fetch(size=10**18 if known else None, limit=10**19)
    assert len(server.requests) == (0 if known else 1)
    assert set(caught.value.context) == {"path", "needed", "free"}
    assert stored(tmp_path) == 0


def test_a_folder_that_cannot_be_written_is_a_storage_error(fetch: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    with pytest.raises(StorageError, match="archive"):
        fetch()


@pytest.mark.parametrize("when", ["before", "while waiting for an answer", "while waiting for bytes", "in a pause"])
def test_stopping_is_answered_within_half_a_second(fetch: Callable[..., Path], server: Server, when: str) -> None:
    cancel = threading.Event()
    stopped: list[float] = []

    def stop() -> None:
        server.stalled.wait(5)
        time.sleep(0.1)
        stopped.append(time.monotonic())
        cancel.set()

    if when == "in a pause":
        server.script.append(server.answer(503, Retry_After=10))
        server.stalled.set()
    elif when == "while waiting for an answer":
        server.script.extend([server.breaking(1000), server.silent])
    else:
        server.script.append(server.breaking(1000, stall=True))
    thread = threading.Thread(target=stop)
    if when == "before":
        cancel.set()
    else:
        thread.start()
    with pytest.raises(SeparationCancelledError):
        fetch(watch=Watch(cancel=cancel), patience=Patience(read=20, longest_pause=20))
    if when == "before":
        assert server.requests == []
    else:
        thread.join()
        assert time.monotonic() - stopped[0] < 0.5
    assert not [thread.name for thread in threading.enumerate() if "download-cancel" in thread.name]
