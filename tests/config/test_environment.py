"""Variables: which are ours, which are left alone, and errors that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.exceptions import UnknownOptionError, ValidationError


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SPLEETER_BATCH_SIZE", "many"),
        ("SPLEETER_BATCH_SIZE", "0"),
        ("SPLEETER_BATCH_SIZE", "3.5"),
        ("SPLEETER_BATCH_SIZE", "9" * 5000),
        ("SPLEETER_AUTO_DOWNLOAD", "perhaps"),
        ("SPLEETER_CACHE_TTL_HOURS", "nan"),
        ("SPLEETER_CACHE_TTL_HOURS", "-1"),
        ("SPLEETER_METRICS_PORT", "http"),
        ("SPLEETER_SUPPORTED_FORMATS", ","),
        ("SPLEETER_BATCH_SIZE", " "),
    ],
)
def test_a_bad_value_names_the_variable(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValidationError, match=rf"\(environment: {variable}\) .*; allowed is ") as caught:
        SpleeterConfig()
    assert caught.value.context["variable"] == variable
    assert caught.value.context["setting"] == variable.removeprefix("SPLEETER_").lower()


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("SPLEETER_BATCHSIZE", "SPLEETER_BATCH_SIZE"),
        ("spleeter_cache_folder", "SPLEETER_CACHE_DIR"),
        ("SPLEETER_REDIS_URI", "SPLEETER_REDIS_URL"),
        ("SPLEETER_METRIC_PORT", "SPLEETER_METRICS_PORT"),
        ("SPLEETER_GITHUB_HOST", None),
        ("SPLEETER_ALERT_THRESHOLDS", None),
        ("SPLEETER_", None),
    ],
)
def test_an_unknown_variable_is_refused(variable: str, near: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "hush")
    with pytest.raises(UnknownOptionError, match=f"The environment sets {variable.upper()}") as caught:
        SpleeterConfig(batch_size=3)
    assert caught.value.context["variable"] == variable.upper()
    assert "hush" not in str(caught.value)
    if near is not None:
        assert f"Did you mean '{near}'?" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MODEL_PATH", "x"),
        ("REDIS_URL", "x"),
        ("BATCH_SIZE", "x"),
        ("MYSPLEETER_X", "x"),
        ("SPLEETERX", "x"),
        ("SPLEETER_NB_TEST_MODELS", "x"),
        ("spleeter_nb_anything", "x"),
        ("SPLEETER_CONFIG", ""),
        ("SPLEETER_UNKNOWN", ""),
        # What Kubernetes sets beside services named spleeter and spleeter-api.
        ("SPLEETER_SERVICE_HOST", "10.0.0.1"),
        ("SPLEETER_SERVICE_PORT", "80"),
        ("SPLEETER_SERVICE_PORT_HTTP", "80"),
        ("SPLEETER_PORT", "tcp://10.0.0.1:80"),
        ("SPLEETER_API_PORT", "tcp://10.0.0.1:80"),
        ("SPLEETER_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("SPLEETER_API_PORT_80_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_is_not_ours_is_left_alone(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = SpleeterConfig()
    monkeypatch.setenv(variable, text)
    assert SpleeterConfig() == expected


def test_empty_variables_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = SpleeterConfig()
    for name in SpleeterConfig.model_fields:
        monkeypatch.setenv(name.upper() if name.startswith("github") else f"SPLEETER_{name.upper()}", "")
    assert SpleeterConfig() == expected


@pytest.mark.parametrize("text", ["5", "null", "none", '"x"', "[1]", "~/models", " models"])
def test_a_folder_may_have_any_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_MODELS_DIR", text)
    assert SpleeterConfig().models_dir == Path(text)


def test_case_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("spleeter_Batch_Size", "3")
    assert SpleeterConfig().batch_size == 3


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLEETER_CONFIG", "/no/such/settings.yaml")
    with pytest.raises(ValidationError, match=r"/no/such/settings\.yaml: it cannot be read: No such file") as caught:
        SpleeterConfig()
    assert caught.value.context == {"file": "/no/such/settings.yaml"}
