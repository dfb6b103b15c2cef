"""redis-py, set up so that no server can hold us up, fill our memory or surprise us: one connection, guarded.

The only module that imports redis, which is optional: it is imported when the first value is asked for.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from redis._parsers import _RESP2Parser  # the parser written in C allocates lists of any length it is told
from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.exceptions import ResponseError
from redis.retry import Retry

from spleeter_nb.cache.breaker import ServerFailureError
from spleeter_nb.cache.deadline import PATIENCE, GuardedSocket
from spleeter_nb.cache.envelope import DamagedValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SETTINGS = {
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
    "retry": Retry(NoBackoff(), 0),
    "retry_on_timeout": False,
    "retry_on_error": [],
    "health_check_interval": 0,
    "protocol": 2,
    "parser_class": _RESP2Parser,
    "decode_responses": False,
    "encoding": "utf-8",
}
_NO_ADDRESS = (
    "it is no address of a Redis server. Write redis://, rediss:// or unix://, "
    "and characters of a password that are neither letters nor digits as %XX"
)
_SHORT_REPLY = 1 << 10
# Bytes of a reply that are not the string it brings.
_PROTOCOL = 64
_PAGE = 1000
_LONGEST_PAGE = 4 << 20
_LONGEST_SCAN = 60.0
_parse: Callable[[str], dict[str, Any]] = parse_url
_WRONG_TYPE = "WRONGTYPE"
_GARBAGE = "garbage"
_KINDS = {
    "TimeoutError": "timeout",
    "BusyLoadingError": "loading",
    "AuthenticationError": "authentication",
    "NoPermissionError": "authentication",
    "ConnectionError": "connection",
    "OutOfMemoryError": "out of memory",
    "ReadOnlyError": "read-only",
    "ResponseError": "refused",
}
"""What errors of redis-py mean, the nearest class counting; all others come from bytes that are no answer."""


class Client:
    """One connection to a Redis server, made when it is needed and made again after a failure.

    One thread at a time may use it, and only the process that made it.

    Parameters
    ----------
    url : str
        As redis-py takes it: ``redis://``, ``rediss://`` or ``unix://``. Its time-outs and their like give way to ours.

    Raises
    ------
    ValueError
        The address makes no sense; the message does not repeat it.
    ServerFailureError
        From every verb, where there is no answer, or it is a refusal.
    """

    def __init__(self, url: str) -> None:
        self._guard: GuardedSocket
        self._busy = False
        try:
            _require_plain(url)
            settings = {**_parse(url), **_SETTINGS, "redis_connect_func": self._greet}
            self._connection: Any = settings.pop("connection_class", Connection)(**settings)
        except Exception:  # noqa: BLE001 - urllib and redis-py fail in many ways, with parts of the password in the message
            raise ValueError(_NO_ADDRESS) from None
        # Who we are is none of the server's business: that saves two exchanges. The names differ between versions.
        self._connection.driver_info = self._connection.lib_name = self._connection.lib_version = None

    @property
    def place(self) -> str:
        """Where the server is, without names and passwords."""
        connection = self._connection
        return str(connection.path) if hasattr(connection, "path") else f"{connection.host}:{connection.port}"

    def get(self, name: str, length: int) -> bytes:
        """Return what lies under a name: b"" for nothing, and one byte more than `length` where it is longer.

        Raises
        ------
        DamagedValueError
            It is not a string.
        """
        data = self._command("GETRANGE", name, 0, length, limit=length + _PROTOCOL)
        if not isinstance(data, bytes):
            self._refuse()
        return data

    def set(self, name: str, data: bytes, *, lifetime: float) -> None:
        """Put `data` under a name, for `lifetime` seconds."""
        if self._command("SET", name, data, "PX", math.ceil(1000 * lifetime)) != b"OK":
            self._refuse()

    def unlink(self, *names: str | bytes) -> None:
        """Remove what lies under names."""
        self._command("UNLINK", *names)

    def pages(self, prefix: str) -> Iterator[list[bytes]]:
        """Find the names that begin with `prefix`, for a minute at most; some may come twice."""
        cursor, ends = b"0", time.monotonic() + _LONGEST_SCAN
        while time.monotonic() < ends:
            match self._command("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", _PAGE, limit=_LONGEST_PAGE):
                case [bytes() as cursor, list() as names] if all(isinstance(name, bytes) for name in names):
                    if names:
                        yield names
                case _:
                    self._refuse()
            if cursor == b"0":
                return

    def close(self) -> None:
        """Close the connection; the next verb makes it again."""
        self._connection.disconnect()

    def _command(self, *words: str | bytes | int, limit: int = _SHORT_REPLY) -> Any:
        """Send a command and return the answer, which may have `limit` bytes."""
        try:
            return self._exchange(words, limit)
        except ResponseError as error:
            if str(error).startswith(_WRONG_TYPE):
                raise DamagedValueError("not a string") from None
            raise ServerFailureError(_kind(error), answered=True) from None
        except Exception as error:  # noqa: BLE001 - where a server talks garbage, redis-py raises nearly anything
            self.close()
            raise ServerFailureError(_kind(error), answered=False) from None

    def _refuse(self) -> NoReturn:
        """Raise for an answer that is none to what was asked."""
        self.close()
        raise ServerFailureError(_GARBAGE, answered=False)

    def _exchange(self, words: Sequence[str | bytes | int], limit: int) -> Any:
        if self._busy or self._is_stale():
            self._connection.disconnect()
        self._connection.connect()
        self._guard.begin(limit)
        # If anything cuts the exchange short, the answer to come must not be taken for that of the next command.
        self._busy = True
        self._connection.send_command(*words)
        try:
            answer = self._connection.read_response()
        except ResponseError:
            self._busy = False
            raise
        self._busy = False
        return answer

    def _is_stale(self) -> bool:
        """Say whether the server closed the connection meanwhile, or sent what nobody asked for."""
        if self._connection._sock is None:  # noqa: SLF001 - to look would connect, and a failure cost twice its time
            return False
        try:
            return bool(self._connection.can_read(timeout=0))
        except Exception:  # noqa: BLE001 - redis-py tells a closed connection in several ways
            return True

    def _greet(self, connection: Any) -> None:
        """Guard the new connection before its first byte."""
        self._guard = connection._sock = GuardedSocket(connection._sock)  # noqa: SLF001 - there is no other place
        self._busy = False
        connection.on_connect()


def _require_plain(url: str) -> None:
    """Raise `ValueError` where what looks like a host may be a piece of a password."""
    parts = urlsplit(url)
    if parts.scheme != "unix" and "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(_NO_ADDRESS)


def _kind(error: Exception) -> str:
    """Put an error into a word."""
    return next((_KINDS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _KINDS), _GARBAGE)
