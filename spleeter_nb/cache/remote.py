"""L3: sealed files in Redis, for all machines that share a server.

A sealed file is cut into chunks, each under a name of its own, and found by its head, which is written last::

    spleeter_nb:1:<digest of the key>                      the head: magic, length, upload
    spleeter_nb:1:<digest of the key>:<upload>:<number>    the chunks

An upload has a random name, so two machines that send the same key at the same time never mix. What is cut off has no
head, is never found, and goes out of date. What arrives is a sealed file again and verified as such: a server may lie.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import struct
import tempfile
import threading
import time
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from spleeter_nb.cache.breaker import Breaker, ServerFailureError
from spleeter_nb.cache.envelope import DamagedValueError, Verified, unseal_digest
from spleeter_nb.cache.keys import digest_key
from spleeter_nb.forks import begin_anew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.cache.client import Client
    from spleeter_nb.cache.envelope import SealedFile, Value

_LOG = logging.getLogger("spleeter_nb")
_T = TypeVar("_T")
CHUNK = 4 << 20
"""Bytes of a chunk; all but the last have as many. Another size needs another `PREFIX`."""
PREFIX = "spleeter_nb:1:"
"""What the names of all our keys begin with; the number is that of the layout."""
LARGEST = 512 << 20
"""Bytes of the longest value that is sent or fetched."""
_HEAD = struct.Struct("<8sQ16s")
_MAGIC = b"SPLNBHD1"
_DIGEST = re.compile(re.escape(PREFIX.encode()) + rb"([0-9a-f]{64})")
# A chunk lives longer than its head by this many seconds, more than any upload takes.
_CHUNK_OUTLIVES = 300.0
_LONGEST_TTL = 365 * 86400.0


class _Head(NamedTuple):
    """What leads to the chunks of a value."""

    digest: str
    length: int
    upload: bytes

    @property
    def name(self) -> str:
        return PREFIX + self.digest

    @property
    def chunks(self) -> dict[str, int]:
        """Name and length of each chunk."""
        return {
            f"{self.name}:{self.upload.hex()}:{number}": min(CHUNK, self.length - start)
            for number, start in enumerate(range(0, self.length, CHUNK))
        }

    def pack(self) -> bytes:
        return _HEAD.pack(_MAGIC, self.length, self.upload)

    @classmethod
    def unpack(cls, digest: str, data: bytes) -> _Head:
        if len(data) != _HEAD.size:
            raise DamagedValueError(f"a head of {len(data)} bytes")
        magic, length, upload = _HEAD.unpack(data)
        if magic != _MAGIC or not 0 < length <= LARGEST:
            raise DamagedValueError("the head makes no sense")
        return cls(digest, length, upload)


class _EvictedError(DamagedValueError):
    """The server dropped a chunk to make room."""


class _Lane:
    """A connection with its breaker, for one thread at a time."""

    def __init__(self, client: Client, breaker: Breaker) -> None:
        self.client = client
        self.breaker = breaker
        self.turn = threading.Lock()


class RedisLevel:
    """Values in Redis. All verbs block, and raise nothing: where the server fails there is a miss.

    Each failure costs 0.25 s at most; after three in a row the server is left alone for a while. Uploads have a
    connection and a breaker of their own, so a server that is full or read-only still gives what it has, and lookups
    do not wait for uploads. Any thread may call; nothing is imported or opened before.

    Parameters
    ----------
    url : str
        ``redis://``, ``rediss://`` or ``unix://``, as redis-py takes it; its password is never shown.
    folder : Path or None
        Where values that are fetched lie, without names, while they are used. None for the system's temporary folder,
        which also stands in where nothing can be written to the folder.
    clock : callable, optional
        Tells the breakers the time in seconds.
    """

    def __init__(self, url: str, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._folder = folder
        self._clock = clock
        self._off = False
        self._told = False
        self.after_fork()
        begin_anew_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a child process, whose parent goes on using the connections."""
        self._lock = threading.Lock()
        self._lanes: tuple[_Lane, _Lane] | None = None
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._waited = 0.0

    def read(self, key: str) -> Value | None:
        """Return the value of a key, every byte verified; one that is damaged is removed."""
        digest = digest_key(key)
        value = self._attempt(0, lambda client: self._fetch(client, digest), None)
        self._count("misses" if value is None else "hits")
        return value

    def write(self, key: str, sealed: SealedFile, ttl: float | None) -> None:
        """Send a sealed file, unless it is beyond `LARGEST`.

        Parameters
        ----------
        key : str
            The full key.
        sealed : SealedFile
            Open; the caller closes it.
        ttl : float or None
            Seconds until it is out of date, a year at most; None for a year.
        """
        if sealed.nbytes > LARGEST:
            _LOG.info("a value of %d bytes is too long for Redis", sealed.nbytes)
            return
        if self._state() == "ready":
            head = _Head(digest_key(key), sealed.nbytes, secrets.token_bytes(16))
            lifetime = min(_LONGEST_TTL if ttl is None else ttl, _LONGEST_TTL)
            self._attempt(1, lambda client: self._send(client, head, sealed, lifetime), None)

    def discard(self, key: str) -> None:
        """Remove a value, if it is there."""
        self._attempt(0, lambda client: self._remove(client, digest_key(key)), None)

    def clear(self) -> int:
        """Remove all values; return how many there were."""
        count = 0

        def clear(client: Client) -> None:
            nonlocal count
            for page in client.pages(PREFIX):
                client.unlink(*page)
                count += sum(bool(_DIGEST.fullmatch(name)) for name in page)

        self._attempt(0, clear, None)
        return count

    def verify(self) -> Verified:
        """Verify every value, and remove those that are damaged or incomplete."""
        checked = damaged = 0

        def verify(client: Client) -> None:
            nonlocal checked, damaged
            for page in client.pages(PREFIX):
                for match in filter(None, map(_DIGEST.fullmatch, page)):
                    before = self._counts["damaged"] + self._counts["evicted"]
                    self._fetch(client, match[1].decode())
                    checked += 1
                    damaged += self._counts["damaged"] + self._counts["evicted"] - before

        self._attempt(0, verify, None)
        return Verified(checked, damaged)

    def stats(self) -> dict[str, Any]:
        """Return how it does, without asking the server.

        Returns
        -------
        dict
            ``state``: ``"ready"``, ``"open"`` while the server is left alone, ``"off"`` where it can never be used;
            ``uploads``: the same for sending; ``hits``, ``misses``; ``damaged``; ``evicted``, values of which the
            server had dropped a part; ``errors``, and ``failures``, the same by kind; ``bytes_sent``,
            ``bytes_received``; ``latency_ms``, mean of the answers to lookups, None before the first.
        """
        with self._lock:
            counts, failures, waited = Counter(self._counts), dict(self._failures), self._waited
        names = ("hits", "misses", "damaged", "evicted", "bytes_sent", "bytes_received")
        return {
            "state": self._state(),
            "uploads": self._state(1) if self._state() == "ready" else self._state(),
            **{name: counts[name] for name in names},
            "errors": sum(failures.values()),
            "failures": failures,
            "latency_ms": 1000 * waited / counts["answers"] if counts["answers"] else None,
        }

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        for lane in self._lanes or ():
            with lane.turn:
                lane.client.close()

    def _state(self, lane: int = 0) -> str:
        if self._off:
            return "off"
        return "open" if self._lanes is not None and self._lanes[lane].breaker.state == "open" else "ready"

    def _count(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self._counts[name] += amount

    def _attempt(self, number: int, work: Callable[[Client], _T], otherwise: _T) -> _T:
        """Do something with the server; return `otherwise` where it is left alone or fails."""
        lanes = self._opened()
        if lanes is None or not lanes[number].breaker.admits():
            return otherwise
        lane = lanes[number]
        try:
            with lane.turn:
                result = work(lane.client)
        except ServerFailureError as failure:
            with self._lock:
                self._failures[failure.kind] += 1
            lane.breaker.failed(failure.kind)
            return otherwise
        except BaseException:
            lane.breaker.failed("interrupted")
            raise
        lane.breaker.succeeded()
        return result

    def _opened(self) -> tuple[_Lane, _Lane] | None:
        with self._lock:
            if self._lanes is None and not self._off:
                try:
                    self._lanes = self._new_lane("Redis at %s"), self._new_lane("Sending to Redis at %s")
                except ImportError:
                    self._off = True
                    _LOG.warning("Redis is not used: its library is missing. pip install 'spleeter-nb[redis]'")
                except ValueError as error:
                    self._off = True
                    _LOG.warning("Redis is not used: with redis_url, %s.", error)
            return self._lanes

    def _new_lane(self, name: str) -> _Lane:
        from spleeter_nb.cache.client import Client  # noqa: PLC0415 - redis is optional and slow to import

        client = Client(self._url)
        return _Lane(client, Breaker(name % client.place, clock=self._clock))

    def _fetch(self, client: Client, digest: str) -> Value | None:
        """Return a value, None where there is none or it is not whole; that is then removed."""
        data = None
        try:
            data = self._ask_for_head(client, digest)
            return self._download(client, _Head.unpack(digest, data)) if data else None
        except _EvictedError:
            self._count("evicted")
        except DamagedValueError as error:
            self._count("damaged")
            _LOG.info("a damaged value in Redis is not used: %s", error)
        except OSError as error:
            self._tell(error)
            return None
        self._remove(client, digest, seen=data)
        return None

    def _ask_for_head(self, client: Client, digest: str) -> bytes:
        began = time.perf_counter()
        data = client.get(PREFIX + digest, _HEAD.size)
        with self._lock:
            self._waited += time.perf_counter() - began
            self._counts["answers"] += 1
        return data

    def _download(self, client: Client, head: _Head) -> Value:
        with self._new_file() as file:
            for name, length in head.chunks.items():
                chunk = client.get(name, length)
                self._count("bytes_received", len(chunk))
                if not chunk:
                    raise _EvictedError("a chunk is missing")
                if len(chunk) != length:
                    raise DamagedValueError("a chunk has another length")
                file.write(chunk)
            file.flush()
            return unseal_digest(file.fileno(), head.digest)

    def _new_file(self) -> IO[bytes]:
        with contextlib.suppress(OSError):
            return tempfile.TemporaryFile(dir=self._folder)
        return tempfile.TemporaryFile()

    def _send(self, client: Client, head: _Head, sealed: SealedFile, lifetime: float) -> None:
        old = _read_head(client, head.digest)
        try:
            for number, (name, length) in enumerate(head.chunks.items()):
                chunk = _piece(sealed, number * CHUNK, length)
                client.set(name, chunk, lifetime=lifetime + _CHUNK_OUTLIVES)
                self._count("bytes_sent", len(chunk))
            client.set(head.name, head.pack(), lifetime=lifetime)
        except OSError as error:
            client.unlink(*head.chunks)
            self._tell(error)
            return
        except ServerFailureError as failure:
            if failure.answered:
                # A server that is full shall not stay so because of what we tried.
                client.unlink(*head.chunks)
            raise
        if old is not None:
            client.unlink(*old.chunks)

    def _remove(self, client: Client, digest: str, *, seen: bytes | None = None) -> None:
        """Remove a value; if `seen` is given, only while that is its head."""
        names = [PREFIX + digest]
        with contextlib.suppress(DamagedValueError):
            data = client.get(PREFIX + digest, _HEAD.size)
            if seen is not None and data != seen:
                return
            names += _Head.unpack(digest, data).chunks
        client.unlink(*names)

    def _tell(self, error: OSError) -> None:
        """Warn once of this machine's own troubles."""
        if not self._told:
            self._told = True
            _LOG.warning("Values from Redis cannot be used on this machine (%s)", error)


def _read_head(client: Client, digest: str) -> _Head | None:
    try:
        return _Head.unpack(digest, client.get(PREFIX + digest, _HEAD.size))
    except DamagedValueError:
        return None


def _piece(sealed: SealedFile, start: int, length: int) -> bytes:
    data = os.pread(sealed.handle.fileno(), length, start)
    if len(data) != length:
        raise OSError("a sealed file was cut short")
    return data
