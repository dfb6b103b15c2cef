"""Secrets: a password is used, and told to nobody."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.config.urls import RedisUrl, redacted
from spleeter_nb.exceptions import UnknownOptionError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD = "hu5hhu5h"  # noqa: S105 - the word that must not be seen


def told(config: SpleeterConfig) -> str:
    """Everything that a user of settings may print, log or send."""
    dumps = [config.model_dump(), config.model_dump(mode="json"), config.model_dump_json()]
    return " ".join(map(str, [config, repr(config), config.explain(), *dumps, config.redis_url, f"{config.redis_url}"]))


def told_by(error: ValidationError) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.context) + repr(error.__context__)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host", "redis://host"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        (f"redis://:{PASSWORD}@host:6379/0", "redis://***@host:6379/0"),
        (f"redis://{PASSWORD}@host", "redis://***@host"),
        (f"rediss://me:{PASSWORD}@my_host.org:1/", "rediss://***@my_host.org:1/"),
        (f"redis://me:a%40%2F{PASSWORD}:b@[::1]:7", "redis://***@[::1]:7"),
        (f"redis://host?password={PASSWORD}", "redis://host?***"),
        (f"redis://u@host:1/2?db=3&password={PASSWORD}/x?", "redis://***@host:1/2?***"),
        (f"unix:///run/redis.sock?password={PASSWORD}", "unix:///run/redis.sock?***"),
        (f"unix://me:{PASSWORD}@/run/redis.sock", "unix://***@/run/redis.sock"),
    ],
)
def test_an_address_is_kept_and_shown_without_its_secrets(
    url: str, shown: str, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    configs = [SpleeterConfig(redis_url=url), SpleeterConfig(redis_url=SecretStr(url))]
    configs += [SpleeterConfig.layered({"redis_url": url}), configs[0].replace(batch_size=2)]
    configs.append(SpleeterConfig.from_yaml(write(f"spleeter:\n  cache:\n    redis_url: '{url}'\n")))
    monkeypatch.setenv("SPLEETER_REDIS_URL", url)
    configs.append(SpleeterConfig())
    for config in configs:
        assert config.redis_url is not None
        assert config.redis_url.get_secret_value() == url
        assert shown in [setting.value for setting in config.explain()]
        assert PASSWORD not in told(config)
        assert pickle.loads(pickle.dumps(config)).redis_url == config.redis_url  # noqa: S301 - our own


def test_what_is_no_address_is_not_shown_at_all() -> None:
    assert str(RedisUrl(PASSWORD)) == "***"


MALFORMED: list[Any] = [
    f"http://:{PASSWORD}@host",
    f"redis:/:{PASSWORD}@host",
    f":{PASSWORD}@host:6379",
    f"redis://:{PASSWORD}",
    f"redis://:a@{PASSWORD}@host",
    f"redis://:a/{PASSWORD}@host",
    f"redis://u:1/2?{PASSWORD}@host",
    f"redis://:a#{PASSWORD}@host",
    f"redis://:{PASSWORD} @host",
    f"redis://:{PASSWORD}\n@host",
    f"redis://:{PASSWORD}é@host",
    f"redis://:{PASSWORD}@host:65536",
    f"redis://:{PASSWORD}@host:0",
    f"redis://:{PASSWORD}@host:port",
    f"redis://:{PASSWORD}@host/zero",
    f"redis://:{PASSWORD}@",
    f"redis://host#{PASSWORD}",
    f"unix://:{PASSWORD}@relative",
    f"unix:///run/{PASSWORD}@x",
    PASSWORD,
    "",
    [PASSWORD],
    {"password": PASSWORD},
    PASSWORD.encode(),
    SecretStr(PASSWORD),
    RedisUrl(PASSWORD),
    5,
    True,
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_address_is_refused_and_not_told(
    url: object, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: SpleeterConfig(redis_url=url),
        lambda: SpleeterConfig.layered({"redis_url": url}),
        lambda: SpleeterConfig().replace(redis_url=url),
    ]
    if isinstance(url, str | list | dict):
        path = write(f"spleeter:\n  cache:\n    redis_url: {json.dumps(url)}\n")
        attempts.append(lambda: SpleeterConfig.from_yaml(path))
    for attempt in attempts:
        with pytest.raises(ValidationError, match=r"'redis_url'.* cannot be used; allowed is redis://") as caught:
            attempt()
        assert PASSWORD not in told_by(caught.value)
        assert "value" not in caught.value.context
    if isinstance(url, str) and url:
        monkeypatch.setenv("SPLEETER_REDIS_URL", url)
        with pytest.raises(ValidationError, match="environment: SPLEETER_REDIS_URL") as caught:
            SpleeterConfig()
        assert PASSWORD not in told_by(caught.value)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["redis", "rediss", "unix", "http", "REDIS", ""]),
    st.lists(st.sampled_from(["://", ":", "@", "/", "?", "#", "host", "1", "%40", "&password=", "[", " ", PASSWORD])),
)
def test_no_mixture_of_parts_tells_the_password(scheme: str, parts: list[str]) -> None:
    # A password is what stands before "@" or after "?"; a host may be called what it likes.
    url = f"{scheme}://{PASSWORD}{''.join(parts)}@host/0?password={PASSWORD}"
    try:
        assert PASSWORD not in told(SpleeterConfig(redis_url=url))
    except ValidationError as error:
        assert PASSWORD not in told_by(error)  # noqa: PT017 - both ends are right


@pytest.mark.parametrize(
    "content",
    [
        f"spleeter:\n  cache: redis://:{PASSWORD}@host\n",
        f"spleeter:\n  cache:\n    redis_url: redis://:{PASSWORD}@host: 6379\n",
        f"spleeter:\n  cache:\n    redis_uri: redis://:{PASSWORD}@host\n",
        f"spleeter:\n  cache:\n    redis://:{PASSWORD}@host: x\n",
        f"spleeter:\n  cache:\n    dir: [redis://:{PASSWORD}@host]\n",
        f"spleeter:\n  cache:\n    enabled: redis://host/?password={PASSWORD}\n",
        f"spleeter:\n  cache:\n    redis_url: 'redis://:{PASSWORD}@host\n",
        f"spleeter:\n  cache:\n    redis_url: &redis redis://:{PASSWORD}@host\n",
        f"redis://:{PASSWORD}@host\n",
    ],
)
def test_a_fault_of_a_file_does_not_quote_it(content: str, write: Callable[[str], Path]) -> None:
    with pytest.raises(ValidationError) as caught:
        SpleeterConfig.from_yaml(write(content))
    assert PASSWORD not in told_by(caught.value)


def test_an_address_in_the_wrong_place_is_struck_out() -> None:
    url = f"https://me:{PASSWORD}@mirror.org/x"
    for name in ("batch_size", "models_dir", url):
        with pytest.raises(ValidationError) as caught:
            SpleeterConfig(**{name: [url] if name == "models_dir" else url})
        assert PASSWORD not in told_by(caught.value)
    config = SpleeterConfig(github_host=url)
    assert config.github_host == url
    assert PASSWORD not in repr(config) + str(config) + str(config.explain())


def test_an_unknown_variable_keeps_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_REDIS", f"redis://:{PASSWORD}@host")
    with pytest.raises(UnknownOptionError) as caught:
        SpleeterConfig()
    assert PASSWORD not in told_by(caught.value)


def test_no_log_tells_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    url = f"redis://:{PASSWORD}@host"
    with caplog.at_level(logging.DEBUG):
        SpleeterConfig(redis_url=url)
        SpleeterConfig.from_yaml(write(f"spleeter: {{cache: {{redis_url: '{url}'}}}}"))
        monkeypatch.setenv("SPLEETER_REDIS_URL", url)
        SpleeterConfig()
    assert PASSWORD not in caplog.text


def test_striking_out_takes_rather_too_much() -> None:
    assert redacted("nothing to hide") == "nothing to hide"
    assert redacted("see https://example.org/x") == "see https://example.org/x"
    assert redacted("redis://:a@b c@d?x=1") == "redis://***@d?***"
