"""Addresses that may hold a password: checked, and shown without it."""

from __future__ import annotations

import re

from pydantic import SecretStr

# No "@" but the one that ends the login: a password with "@", "/", "?" or "#" in it could be read in two ways, and
# part of it would be shown.
_LOGIN = r"(?P<login>[^@/?#]*@)?"
_QUERY = r"(?P<query>\?[^@#]*)?"
_SERVER = re.compile(
    rf"(?P<scheme>rediss?)://{_LOGIN}"
    rf"(?P<place>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?(?:/[0-9]*)?){_QUERY}"
)
_SOCKET = re.compile(rf"(?P<scheme>unix)://{_LOGIN}(?P<place>/[^@?#]+){_QUERY}")
_LAST_PORT = 65_535


class RedisUrl(SecretStr):
    """The address of a Redis server. It is shown without login and query; ``get_secret_value()`` tells all."""

    def _display(self) -> str:
        found = _parsed(self.get_secret_value())
        if found is None:
            return "***"
        login, query = "***@" if found["login"] else "", "?***" if found["query"] else ""
        return f"{found['scheme']}://{login}{found['place']}{query}"


def seal(value: object) -> object:
    """Make a text, or a secret of pydantic's, an address that is not shown; leave anything else to be refused."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return RedisUrl(text) if isinstance(text, str) else text


def check_redis_url(url: RedisUrl | None) -> RedisUrl | None:
    """Return `url` if it is the address of a server or a socket, else raise `ValueError`, which does not tell it."""
    if url is None:
        return None
    found = _parsed(url.get_secret_value())
    if found is None or not 0 < int(found.groupdict().get("port") or 1) <= _LAST_PORT:
        raise ValueError
    return url


def redacted(text: str) -> str:
    """Strike out what might be a login or the query of an address somewhere in `text`; rather too much."""
    text = re.sub(r"://.*@", "://***@", text, flags=re.DOTALL)
    return re.sub(r"(://[^?]*)\?.*", r"\1?***", text, flags=re.DOTALL)


def _parsed(url: str) -> re.Match[str] | None:
    if not (url.isascii() and url.isprintable() and " " not in url):
        return None
    return _SERVER.fullmatch(url) or _SOCKET.fullmatch(url)
