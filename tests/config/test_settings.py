"""Settings: their sources and precedence, what is refused, and that they stay as they are."""

from __future__ import annotations

import copy
import itertools
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spleeter_nb.config import NOT_YET, AlertThresholds, SpleeterConfig
from spleeter_nb.container import cores
from spleeter_nb.exceptions import UnknownOptionError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

# A value of each setting, its default, its variable and how the environment says it, its place in a file.
SETTINGS: dict[str, tuple[Any, Any, str | None, str, str | None]] = {
    "enable_gpu": (False, True, "SPLEETER_ENABLE_GPU", "false", "performance.enable_gpu"),
    "gpu_memory_growth": (False, True, "SPLEETER_GPU_MEMORY_GROWTH", "no", "performance.gpu_memory_growth"),
    "batch_size": (3, 8, "SPLEETER_BATCH_SIZE", "3", "performance.batch_size"),
    "worker_threads": (7, cores(), "SPLEETER_WORKER_THREADS", "7", "performance.worker_threads"),
    "memory_limit_mb": (4096, 8192, "SPLEETER_MEMORY_LIMIT_MB", "4096", "performance.memory_limit_mb"),
    "cache_enabled": (False, True, "SPLEETER_CACHE_ENABLED", "off", "cache.enabled"),
    "cache_dir": (Path("/cache"), None, "SPLEETER_CACHE_DIR", "/cache", "cache.dir"),
    "memory_cache_mb": (64, 512, "SPLEETER_MEMORY_CACHE_MB", "64", "cache.memory_size_mb"),
    "cache_size_mb": (100, 2048, "SPLEETER_CACHE_SIZE_MB", "100", "cache.disk_size_mb"),
    "cache_ttl_hours": (0.5, 24.0, "SPLEETER_CACHE_TTL_HOURS", "0.5", "cache.ttl_hours"),
    "redis_url": ("redis://h:1/0", None, "SPLEETER_REDIS_URL", "redis://h:1/0", "cache.redis_url"),
    "models_dir": (Path("/models"), None, "SPLEETER_MODELS_DIR", "/models", "models.dir"),
    "auto_download": (False, True, "SPLEETER_AUTO_DOWNLOAD", "0", "models.auto_download"),
    "default_sample_rate": (48_000, None, "SPLEETER_DEFAULT_SAMPLE_RATE", "48000", "audio.default_sample_rate"),
    "supported_formats": (("wav", "mp3"), None, "SPLEETER_SUPPORTED_FORMATS", "WAV, .mp3", "audio.supported_formats"),
    "enable_preprocessing": (True, False, "SPLEETER_ENABLE_PREPROCESSING", "1", "audio.enable_preprocessing"),
    "normalize_loudness": (True, False, "SPLEETER_NORMALIZE_LOUDNESS", "yes", "audio.normalize_loudness"),
    "max_file_mb": (5, None, "SPLEETER_MAX_FILE_MB", "5", "audio.max_file_mb"),
    "max_duration_s": (1.5, None, "SPLEETER_MAX_DURATION_S", "1.5", "audio.max_duration_s"),
    "enable_monitoring": (False, True, "SPLEETER_ENABLE_MONITORING", "f", "monitoring.enabled"),
    "metrics_port": (9090, None, "SPLEETER_METRICS_PORT", "9090", "monitoring.metrics_port"),
    "metrics_export_interval": (5.0, 60.0, "SPLEETER_METRICS_EXPORT_INTERVAL", "5", "monitoring.export_interval"),
    "health_check_interval": (5.0, 30.0, "SPLEETER_HEALTH_CHECK_INTERVAL", "5", "monitoring.health_check_interval"),
    "alert_thresholds": (
        AlertThresholds(memory_usage=70),
        AlertThresholds(memory_usage=85, gpu_usage=90, error_rate=5),
        None,
        "{memory_usage: 70}",
        "monitoring.alert_thresholds",
    ),
    "github_host": ("http://localhost", "https://github.com", "GITHUB_HOST", "http://localhost", None),
    "github_repository": ("some/fork", "deezer/spleeter", "GITHUB_REPOSITORY", "some/fork", None),
    "github_release": ("v9", "v1.4.0", "GITHUB_RELEASE", "v9", None),
}


def value_of(config: SpleeterConfig, name: str) -> object:
    value = getattr(config, name)
    return value.get_secret_value() if name == "redis_url" and value is not None else value


def origin_of(config: SpleeterConfig, name: str) -> str:
    return next(setting.origin for setting in config.explain() if setting.name == name)


def yaml_of(place: str, text: str) -> str:
    group, key = place.split(".")
    return f"# mine\nspleeter:\n  {group}:\n    {key}: {text}\n"


def test_every_setting_is_tested() -> None:
    assert list(SETTINGS) == list(SpleeterConfig.model_fields)


def test_every_setting_is_described() -> None:
    for model in (SpleeterConfig, AlertThresholds):
        assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize("settings", [{"batch_size": 4}, "config.yaml"])
def test_settings_are_keywords(settings: Any) -> None:
    with pytest.raises(ValidationError, match="from_yaml"):
        SpleeterConfig(settings)


# Sources and precedence


@pytest.mark.parametrize("name", SETTINGS)
def test_each_source_gives_each_setting(
    name: str, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    value, default, variable, text, place = SETTINGS[name]
    assert (value_of(SpleeterConfig(), name), origin_of(SpleeterConfig(), name)) == (default, "default")
    given = {name: value}
    for config, origin in (
        (SpleeterConfig(**given), "argument"),
        (SpleeterConfig.layered(given), "%config"),
        (SpleeterConfig.layered({}, **given), "argument"),
        (SpleeterConfig().replace(**given), "argument"),
    ):
        assert (value_of(config, name), origin_of(config, name)) == (value, origin)
    if place is not None:
        spelled = {"supported_formats": "[WAV, .mp3]", "auto_download": "false", "enable_preprocessing": "true"}
        spelled |= {"enable_monitoring": "false"}
        path = write(yaml_of(place, spelled.get(name, text)))
        config = SpleeterConfig.from_yaml(path)
        assert (value_of(config, name), origin_of(config, name)) == (value, f"{path}, line 4")
    if variable is not None:
        monkeypatch.setenv(variable, text)
        config = SpleeterConfig()
        assert (value_of(config, name), origin_of(config, name)) == (value, f"environment: {variable}")


@pytest.mark.parametrize("present", list(itertools.product([False, True], repeat=4)))
def test_the_first_source_that_has_a_value_wins(
    present: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    by_call, by_session, by_environment, by_file = present
    path = write("spleeter: {performance: {batch_size: 4}}" if by_file else "")
    monkeypatch.setenv("SPLEETER_CONFIG", str(path))
    if by_environment:
        monkeypatch.setenv("SPLEETER_BATCH_SIZE", "3")
    config = SpleeterConfig.layered({"batch_size": 2} if by_session else {}, **({"batch_size": 1} if by_call else {}))
    ranks = [(1, "argument"), (2, "%config"), (3, "environment: SPLEETER_BATCH_SIZE"), (4, f"{path}, line 1")]
    expected = next((rank for rank, there in zip(ranks, present, strict=True) if there), (8, "default"))
    assert (config.batch_size, origin_of(config, "batch_size")) == expected
    assert config.cache_size_mb == 2048


def test_a_file_that_is_handed_over_stays_below_the_environment(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[str], Path]
) -> None:
    path = write("spleeter: {performance: {batch_size: 4, worker_threads: 2}, cache: {disk_size_mb: 9}}")
    monkeypatch.setenv("SPLEETER_CONFIG", "/no/such/file")
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "3")
    config = SpleeterConfig.from_yaml(path, cache_size_mb=10)
    assert (config.batch_size, config.worker_threads, config.cache_size_mb) == (3, 2, 10)


def test_the_users_own_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "xdg" / "spleeter_nb" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("spleeter: {performance: {batch_size: 4}}")
    assert origin_of(SpleeterConfig(), "batch_size") == f"{path}, line 1"
    path.write_text("spleeter: {performance: {batch_size: none}}")
    with pytest.raises(ValidationError, match=r"config\.yaml, line 1\) is 'none'"):
        SpleeterConfig()
    assert SpleeterConfig(batch_size=5).batch_size == 5


def test_the_explanation_tells_place_and_note() -> None:
    told = {setting.name: setting for setting in SpleeterConfig(supported_formats=["wav", "mp3"]).explain()}
    assert {name: setting.yaml_path for name, setting in told.items()} == {
        name: place for name, (_, _, _, _, place) in SETTINGS.items()
    }
    assert {name for name, setting in told.items() if setting.note} == NOT_YET
    texts = {name: told[name].value for name in ("enable_gpu", "cache_dir", "supported_formats", "alert_thresholds")}
    assert texts == {
        "enable_gpu": "true",
        "cache_dir": "none",
        "supported_formats": "wav, mp3",
        "alert_thresholds": "memory_usage 85, gpu_usage 90, error_rate 5",
    }


def test_the_explanation_is_one_line_each() -> None:
    settings = SpleeterConfig(models_dir="a\nb", github_host="a\tb").explain()
    assert all(setting.value.isprintable() for setting in settings)


# What is refused

BAD: list[Any] = [
    ("batch_size", 0),
    ("batch_size", "many"),
    ("batch_size", "3"),
    ("batch_size", True),
    ("batch_size", 2.0),
    ("batch_size", None),
    pytest.param("batch_size", 10**5000, id="long"),
    ("worker_threads", -1),
    ("enable_gpu", "perhaps"),
    ("enable_gpu", 1),
    ("models_dir", 5),
    ("models_dir", ""),
    ("cache_dir", "a\0b"),
    ("cache_size_mb", -1),
    ("memory_limit_mb", 0),
    ("memory_cache_mb", 10**10),
    ("cache_ttl_hours", 0),
    ("cache_ttl_hours", float("nan")),
    ("cache_ttl_hours", float("inf")),
    ("default_sample_rate", 44),
    ("supported_formats", []),
    ("supported_formats", "wav,,mp3"),
    ("supported_formats", "../wav"),
    ("supported_formats", [1]),
    ("supported_formats", {"wav": 1}),
    ("max_duration_s", -1),
    ("metrics_port", 70_000),
    ("alert_thresholds", 80),
    ("github_host", ""),
    ("github_host", 5),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_named_with_what_is_allowed(name: str, value: object) -> None:
    for attempt in (SpleeterConfig, SpleeterConfig().replace, lambda **given: SpleeterConfig.layered(given)):
        with pytest.raises(ValidationError, match=f"The setting '{name}' .*; allowed is ") as caught:
            attempt(**{name: value})
        assert caught.value.context["setting"] == name
        assert caught.value.context["allowed"] in str(caught.value)
        assert len(str(caught.value)) < 400


def test_a_level_of_the_cache_can_be_switched_off() -> None:
    config = SpleeterConfig(memory_cache_mb=0, cache_size_mb=0)
    assert (config.memory_cache_mb, config.cache_size_mb) == (0, 0)


def test_the_refused_value_is_in_the_context() -> None:
    for value in (0, "many", 2.5, None):
        with pytest.raises(ValidationError) as caught:
            SpleeterConfig(batch_size=value)
        assert caught.value.context["value"] == value
    with pytest.raises(ValidationError) as caught:
        SpleeterConfig(batch_size="x" * 10**6)
    assert len(str(caught.value.context["value"])) < 300


def test_a_part_of_a_value_is_named() -> None:
    with pytest.raises(ValidationError, match=r"'alert_thresholds\.gpu_usage' is 101; allowed is a percentage"):
        SpleeterConfig(alert_thresholds={"gpu_usage": 101})
    with pytest.raises(UnknownOptionError, match=r"Did you mean 'alert_thresholds\.gpu_usage'"):
        SpleeterConfig(alert_thresholds={"gpu_usages": 1})


@pytest.mark.parametrize("attempt", [SpleeterConfig, SpleeterConfig().replace])
def test_an_unknown_setting_is_refused_with_the_nearest(attempt: Callable[..., SpleeterConfig]) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'models_dir'") as caught:
        attempt(model_dir="models")
    assert caught.value.context == {"setting": "model_dir", "allowed": tuple(SETTINGS)}
    assert all(name in str(caught.value) for name in SETTINGS)


def test_the_session_is_named() -> None:
    with pytest.raises(UnknownOptionError, match=r"'batchsize' \(%config\)"):
        SpleeterConfig.layered({"batchsize": 1})


@pytest.mark.parametrize("name", ["_env_file", "_secrets_dir", "GITHUB_HOST", "lower"])
def test_no_back_door_stands_open(name: str) -> None:
    with pytest.raises(UnknownOptionError):
        SpleeterConfig(**{name: "x"})


# What stays as it is


def test_settings_are_frozen() -> None:
    config = SpleeterConfig()
    with pytest.raises(ValidationError, match=r"config\.replace\(batch_size=…\)"):
        config.batch_size = 5
    with pytest.raises(UnknownOptionError, match="Did you mean 'batch_size'"):
        config.batchsize = 5
    with pytest.raises(ValidationError, match="frozen"):
        del config.batch_size
    assert config == SpleeterConfig()


def test_replacing_keeps_values_and_origins_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "3")
    config = SpleeterConfig(cache_size_mb=7, redis_url="redis://:pw@h", models_dir="m", supported_formats="wav")
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "4")
    other = config.replace(auto_download=False)
    assert other == config.replace(auto_download=False) != config
    before, after = ({setting.name: setting for setting in each.explain()} for each in (config, other))
    assert after.pop("auto_download").origin == "argument"
    assert before.pop("auto_download").origin == "default"
    assert before == after


def test_settings_are_equal_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_BATCH_SIZE", "3")
    by_environment, by_call = SpleeterConfig(), SpleeterConfig(batch_size=3)
    assert by_environment == by_call
    assert len({by_environment, by_call, SpleeterConfig(batch_size=4)}) == 2
    assert by_call != "batch_size=3"


def test_settings_travel() -> None:
    config = SpleeterConfig(redis_url="redis://:pw@h", alert_thresholds={"error_rate": 1}, cache_dir="c")
    for other in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):  # noqa: S301 - our own
        assert other == config
        assert other.explain() == config.explain()
        assert value_of(other, "redis_url") == "redis://:pw@h"


def test_thresholds_are_read_like_a_mapping() -> None:
    thresholds = SpleeterConfig(alert_thresholds={"gpu_usage": 50}).alert_thresholds
    assert thresholds["gpu_usage"] == thresholds.gpu_usage == 50
    assert dict(**thresholds) == {"memory_usage": 85, "gpu_usage": 50, "error_rate": 5}


def test_the_cache_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert SpleeterConfig().cache_path == tmp_path / "spleeter_nb"
    assert SpleeterConfig(cache_dir="~/c").cache_path == tmp_path / "home" / "c"
    assert list(tmp_path.iterdir()) == []


# Settings of later releases


def test_a_setting_without_effect_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        SpleeterConfig(**{name: SETTINGS[name][1] for name in NOT_YET})
        assert caplog.messages == []
        for _ in range(2):
            SpleeterConfig(**{name: SETTINGS[name][0] for name in NOT_YET}).replace(batch_size=2)
    assert sorted(message.split("'")[1] for message in caplog.messages) == sorted(NOT_YET)
    assert all("has no effect in this version" in message for message in caplog.messages)


def test_the_room_is_light() -> None:
    code = (
        "import sys; from spleeter_nb.config import SpleeterConfig; "
        "print({'yaml', 'platformdirs', 'numpy'} & set(sys.modules)); SpleeterConfig(); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nFalse\n"
