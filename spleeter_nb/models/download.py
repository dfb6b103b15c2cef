"""One archive over HTTP: streamed to disk, hashed on the way, resumed where it broke, always bounded."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spleeter_nb.exceptions import ModelChecksumError, ModelDownloadError
from spleeter_nb.storage import require_space, storing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx

    from spleeter_nb.models.watch import Watch

_OK, _PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_CANCEL_POLL = 0.1
UNPACKED_RATIO = 1.2
"""Room for the files, as a multiple of the archive: weights hardly compress."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, and how often it is asked again."""

    connect: float = 4.0
    """Seconds to reach it."""
    read: float = 20.0
    """Seconds without a byte after which a connection counts as broken."""
    requests: int = 40
    """Requests for one archive."""
    barren: int = 4
    """Requests in a row that brought nothing."""
    pause: float = 0.5
    """Seconds before the second request after one that brought nothing; doubled each time."""
    longest_pause: float = 30.0
    """Seconds that a server may ask us to wait."""


@dataclass(frozen=True, slots=True)
class Remote:
    """An archive on a server."""

    url: str
    digest: str
    """SHA-256, in hexadecimal."""
    size: int | None
    """Bytes, None where not known beforehand."""
    limit: int
    """Bytes beyond which nothing is taken."""


class _BrokenError(Exception):
    """A request ended early; another may bring more, after `pause` seconds if the server said so."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def fetch_archive(remote: Remote, folder: Path, watch: Watch, *, patience: Patience) -> Path:
    """Download an archive.

    Parameters
    ----------
    remote : Remote
        What to fetch.
    folder : Path
        An existing folder that may hold an earlier, unfinished download; it is continued.
    watch : Watch
        Told how far it is; stopping it ends the download within a fraction of a second.
    patience : Patience
        The bounds.

    Returns
    -------
    Path
        The archive, its digest verified.

    Raises
    ------
    ModelDownloadError
        The server could not be reached, refused, or sent something else than this archive.
    ModelChecksumError
        The archive is complete and not the right one; nothing of it is kept.
    DiskFullError, StorageError
        It cannot be stored.
    """
    import httpx  # noqa: PLC0415 - an installed model opens no socket and loads no HTTP client

    timeout = httpx.Timeout(patience.read, connect=patience.connect)
    try:
        with (
            closing(_Partial(folder)) as partial,
            httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS) as client,
        ):
            _Download(remote, partial, watch, client, patience).run()
            return partial.path
    # Proxies set to nonsense raise ValueError, proxies of an unsupported kind ImportError.
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError) as error:
        msg = f"not reachable ({str(error) or type(error).__name__})."
        raise ModelDownloadError(msg, url=remote.url) from error


class _Partial:
    """The file of an unfinished download, its running digest, and the server's validator for it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "archive"
        self._validator = folder / "validator"
        with storing(self.path):
            self.path.touch()
            self._file = self.path.open("r+b")
            self._hash = hashlib.file_digest(self._file, "sha256")
            self.size = self._file.tell()
            self.validator = self._validator.read_text("latin-1") if self._validator.exists() else ""
        self.resumed = self.size > 0
        """Whether not all of it came from one answer."""

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        with storing(self.path):
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def restart(self, validator: str = "") -> None:
        """Forget what is there; what comes next belongs to `validator`."""
        with storing(self.path):
            self._file.seek(0)
            self._file.truncate()
            if validator:
                self._validator.write_text(validator, "latin-1")
            else:
                self._validator.unlink(missing_ok=True)
        self._hash, self.size, self.validator, self.resumed = hashlib.sha256(), 0, validator, False

    def flush(self) -> None:
        with storing(self.path):
            self._file.flush()

    def close(self) -> None:
        with storing(self.path):
            self._file.close()


@dataclass(slots=True)
class _Download:
    """The requests for one archive."""

    remote: Remote
    partial: _Partial
    watch: Watch
    client: httpx.Client
    patience: Patience
    reached: bool = False
    """Whether the server ever answered; one that never did is not asked again."""
    connection: socket.socket | None = None

    def run(self) -> None:
        """Fetch all bytes; begin once more when they are wrong and were put together from several answers."""
        if self.remote.size is not None:
            self._require_room(self.remote.size)
        for _ in range(2):
            if self.partial.digest != self.remote.digest:
                self._fetch_all()
            got = self.partial.digest
            if got == self.remote.digest:
                self.partial.flush()
                return
            resumed = self.partial.resumed
            self.partial.restart()
            if not resumed:
                break
        msg = f"the archive sent has the SHA-256 {got}, expected {self.remote.digest}."
        raise ModelChecksumError(msg, url=self.remote.url, expected=self.remote.digest, got=got)

    def _fetch_all(self) -> None:
        best, barren = self.partial.size, 0
        for _ in range(self.patience.requests):
            if self.partial.size == self.remote.size:
                return
            try:
                self._request()
            except _BrokenError as broken:
                barren = 0 if self.partial.size > best else barren + 1
                best = max(best, self.partial.size)
                self._pause(broken, barren)
            else:
                return
        msg = f"the download broke off {self.patience.requests} times."
        raise ModelDownloadError(msg, url=self.remote.url, fetched=self.partial.size)

    def _pause(self, broken: _BrokenError, barren: int) -> None:
        """Wait before the next request, or give up."""
        pause = broken.pause
        if pause is None:
            pause = self.patience.pause * 2 ** (barren - 1) if barren else 0.0
        if barren >= self.patience.barren or pause > self.patience.longest_pause:
            msg = f"the server gives no more ({broken}; {self.partial.size:,} bytes so far)."
            raise ModelDownloadError(msg, url=self.remote.url, fetched=self.partial.size)
        self.watch.wait(pause)

    def _request(self) -> None:
        """Make one request and take what it brings; return when the archive is complete."""
        import httpx  # noqa: PLC0415 - see fetch_archive

        self.watch.check()
        trace = {"trace": self._remember_connection}
        try:
            with (
                self._breaking_on_cancel(),
                self.client.stream("GET", self.remote.url, headers=self._headers(), extensions=trace) as response,
            ):
                self.reached = True
                total = self._accept(response)
                self._receive(response, total)
        except httpx.TransportError as error:
            self.watch.check()  # stopping breaks the connection
            if not self.reached:
                raise
            raise _BrokenError(str(error) or type(error).__name__) from error
        if total is not None and self.partial.size < total:
            raise _BrokenError(f"it ended after {self.partial.size:,} of {total:,} bytes")

    def _headers(self) -> dict[str, str]:
        # The digest is that of the archive itself: no encoding on the way.
        headers = {"Accept-Encoding": "identity", "User-Agent": "spleeter-nb"}
        if self.partial.size:
            headers["Range"] = f"bytes={self.partial.size}-"
            if self.partial.validator:
                headers["If-Range"] = self.partial.validator
        return headers

    def _accept(self, response: httpx.Response) -> int | None:
        """Decide what to do with an answer; return how many bytes the archive has, where that is known."""
        status = response.status_code
        if status == _PARTIAL_CONTENT and self.partial.size:
            total = self._continue(response)
        elif status == _OK:
            self.partial.restart(_validator(response))
            total = _whole_number(response.headers.get("Content-Length"))
        elif status == _RANGE_NOT_SATISFIABLE and self.partial.size:
            self.partial.restart()
            raise _BrokenError("it does not have the part asked for")
        elif status in _TRY_AGAIN:
            pause = _whole_number(response.headers.get("Retry-After"))
            raise _BrokenError(f"it answered {status} {response.reason_phrase}", pause)
        else:
            msg = f"the server answered {status} {response.reason_phrase}."
            raise ModelDownloadError(msg, url=self.remote.url, status=status)
        return self._check_total(total)

    def _continue(self, response: httpx.Response) -> int | None:
        """Hold the range that the server sends against the one asked for."""
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != self.partial.size:
            self.partial.restart()
            raise _BrokenError("it sent another part than the one asked for")
        self.partial.resumed = True
        return _whole_number(found[2])

    def _check_total(self, declared: int | None) -> int | None:
        """Refuse an archive of another size than expected before a byte of it is taken."""
        known = self.remote.size
        if declared is not None and (declared > self.remote.limit or known not in {None, declared}):
            allowed = f"at most {self.remote.limit:,}" if known is None else f"{known:,}"
            msg = f"the server declares {declared:,} bytes; {allowed} were expected."
            raise ModelDownloadError(msg, url=self.remote.url, declared=declared, expected=known)
        total = known if declared is None else declared
        if total is not None:
            self._require_room(total)
        return total

    def _require_room(self, total: int) -> None:
        """See that the disk takes what is still missing of the archive, and what it unpacks to."""
        require_space(self.partial.path.parent, total - self.partial.size + round(total * UNPACKED_RATIO))

    def _receive(self, response: httpx.Response, total: int | None) -> None:
        """Write the body; cut it off where it becomes larger than it may be."""
        ceiling = self.remote.limit if total is None else total
        for chunk in response.iter_raw():
            self.watch.check()
            if self.partial.size + len(chunk) > ceiling:
                self.partial.restart()
                msg = f"the server sends more than the {ceiling:,} bytes expected; cut off."
                raise ModelDownloadError(msg, url=self.remote.url, expected=ceiling)
            self.partial.write(chunk)
            self.watch.advance(self.partial.size, total)

    def _remember_connection(self, event: str, facts: Mapping[str, Any]) -> None:
        """Keep the socket in use; httpx tells its tracer of every connection, long before there is a response."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self.connection = facts["return_value"].get_extra_info("socket")

    @contextmanager
    def _breaking_on_cancel(self) -> Iterator[None]:
        """Shut the connection when somebody asks to stop: a thread that waits for bytes looks at no flag."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(_CANCEL_POLL):
                # Again and again: it may be about to connect anew.
                if self.watch.cancel.is_set() and self.connection is not None:
                    with suppress(OSError):
                        socket.socket.shutdown(self.connection, socket.SHUT_RDWR)

        thread = threading.Thread(target=look, name="spleeter_nb-download-cancel", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _validator(response: httpx.Response) -> str:
    """Return what identifies this version of the archive; weak tags are not allowed in If-Range."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
