"""Settings: where they come from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from spleeter_nb.config import SpleeterConfig, cores
from spleeter_nb.exceptions import UnknownOptionError, ValidationError

# A value of each setting, its default, and how the environment says it.
SETTINGS = {
    "enable_gpu": (False, True, "SPLEETER_ENABLE_GPU", "false"),
    "batch_size": (3, 8, "SPLEETER_BATCH_SIZE", "3"),
    "worker_threads": (7, cores(), "SPLEETER_WORKER_THREADS", "7"),
    "models_dir": (Path("/models"), None, "SPLEETER_MODELS_DIR", "/models"),
    "auto_download": (False, True, "SPLEETER_AUTO_DOWNLOAD", "0"),
    "github_host": ("http://localhost", "https://github.com", "GITHUB_HOST", "http://localhost"),
    "github_repository": ("some/fork", "deezer/spleeter", "GITHUB_REPOSITORY", "some/fork"),
    "github_release": ("v9", "v1.4.0", "GITHUB_RELEASE", "v9"),
}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, _, variable, _ in SETTINGS.values():
        monkeypatch.delenv(variable, raising=False)


def test_every_setting_is_tested() -> None:
    assert set(SETTINGS) == set(SpleeterConfig.model_fields)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_keyword_goes_before_the_environment_and_that_before_the_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, default, variable, text = SETTINGS[name]
    assert getattr(SpleeterConfig(), name) == default
    monkeypatch.setenv(variable, text)
    assert getattr(SpleeterConfig(), name) == value
    assert getattr(SpleeterConfig(**{name: default}), name) == default


def test_a_path_may_be_a_string() -> None:
    assert SpleeterConfig(models_dir="models").models_dir == Path("models")


def test_empty_variables_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, _, variable, _ in SETTINGS.values():
        monkeypatch.setenv(variable, "")
    assert SpleeterConfig().models_dir is None
    assert SpleeterConfig().github_host == "https://github.com"


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 0), ("batch_size", "many"), ("worker_threads", -1), ("enable_gpu", "perhaps"), ("models_dir", 5)],
)
def test_bad_keywords_are_named(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"The setting '{name}'") as caught:
        SpleeterConfig(**{name: value})
    assert caught.value.context == {"setting": name, "value": value}


@pytest.mark.parametrize(("variable", "text"), [("SPLEETER_BATCH_SIZE", "many"), ("SPLEETER_AUTO_DOWNLOAD", "perhaps")])
def test_bad_variables_are_named(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValidationError, match=f"environment: {variable}.*'{text}'"):
        SpleeterConfig()


def test_spleeters_variables_keep_their_names_in_errors() -> None:
    with pytest.raises(ValidationError, match=r"environment: GITHUB_HOST\)"):
        SpleeterConfig(github_host=5)


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'models_dir'") as caught:
        SpleeterConfig(model_dir="models")
    assert caught.value.context == {"setting": "model_dir"}
    assert all(name in str(caught.value) for name in SETTINGS)


def test_settings_are_frozen() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        SpleeterConfig().batch_size = 5


def test_every_setting_is_described() -> None:
    assert all(field.description for field in SpleeterConfig.model_fields.values())
