from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelError, ModelNotFoundError, UnsupportedModelError
from spleeter_nb.models.catalog import CATALOG
from spleeter_nb.models.configuration import read_configuration

if TYPE_CHECKING:
    from pathlib import Path


def configuration(**changes: object) -> dict[str, object]:
    return {
        "train_csv": "path/to/train.csv",
        "model_dir": "my_model",
        "mix_name": "mix",
        "instrument_list": ["vocals", "accompaniment"],
        "sample_rate": 44100,
        "frame_length": 4096,
        "frame_step": 1024,
        "T": 512,
        "F": 1024,
        "n_channels": 2,
        "separation_exponent": 2,
        "mask_extension": "zeros",
        "model": {"type": "unet.unet", "params": {}},
        **changes,
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_the_published_configuration_gives_the_published_spec(tmp_path: Path) -> None:
    path = write(tmp_path, configuration())
    read = read_configuration(path)
    published = CATALOG["spleeter:2stems"].spec
    assert read.model_dir == "my_model"
    assert read.spec.name == str(path)
    fields = set(type(published).__slots__) - {"name"}
    assert {key: getattr(read.spec, key) for key in fields} == {key: getattr(published, key) for key in fields}


def test_every_setting_is_taken_over(tmp_path: Path) -> None:
    params = {"conv_activation": "ELU", "deconv_activation": "LeakyReLU", "conv_n_filters": [1, 2, 3, 4, 5, 6]}
    content = configuration(
        instrument_list=["a", "b", "c"],
        sample_rate=22050,
        frame_length=1024,
        frame_step=256,
        T=64,
        F=512,
        separation_exponent=1.5,
        mask_extension="average",
        model={"type": "unet.softmax_unet", "params": params},
    )
    spec = read_configuration(write(tmp_path, content)).spec
    assert spec.instruments == ("a", "b", "c")
    assert (spec.sample_rate, spec.n_fft, spec.hop_length) == (22050, 1024, 256)
    assert (spec.segment_frames, spec.n_bins, spec.separation_exponent) == (64, 512, 1.5)
    assert (spec.mask_extension, spec.network) == ("average", "softmax_unet")
    assert (spec.conv_activation, spec.deconv_activation) == ("elu", "leaky_relu")
    assert spec.conv_n_filters == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("model", [{}, {"params": None}, {"type": None, "params": {}}])
def test_what_the_network_leaves_out_is_spleeters_default(tmp_path: Path, model: dict[str, object]) -> None:
    spec = read_configuration(write(tmp_path, configuration(model=model))).spec
    assert (spec.network, spec.conv_activation, spec.deconv_activation) == ("unet", "leaky_relu", "relu")
    assert spec.conv_n_filters == (16, 32, 64, 128, 256, 512)


def test_an_activation_that_spleeter_does_not_know_is_its_default_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = {"conv_activation": "elu", "deconv_activation": "selu"}
    content = configuration(model={"type": "unet.unet", "params": params})
    with caplog.at_level(logging.WARNING, "spleeter_nb"):
        spec = read_configuration(write(tmp_path, content)).spec
    assert (spec.conv_activation, spec.deconv_activation) == ("leaky_relu", "relu")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


@pytest.mark.parametrize("key", sorted(set(configuration()) - {"train_csv", "mix_name"}))
@pytest.mark.parametrize("kind", ["missing", "null", "list", "true"])
def test_a_key_that_is_missing_or_wrong_is_named(tmp_path: Path, key: str, kind: str) -> None:
    content = configuration(**({} if kind == "missing" else {key: {"null": None, "list": [[]], "true": True}[kind]}))
    if kind == "missing":
        del content[key]
    path = write(tmp_path, content)
    with pytest.raises(ModelError, match=f"'{key}'") as caught:
        read_configuration(path)
    assert str(path) in str(caught.value)
    assert caught.value.context["key"] == key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("T", 0),
        ("T", -64),
        ("F", 1024.0),
        ("sample_rate", "44100"),
        ("separation_exponent", 0),
        ("separation_exponent", float("nan")),
        ("mask_extension", "none"),
        ("model_dir", ""),
        ("instrument_list", []),
        ("instrument_list", ["a", "a"]),
        ("instrument_list", ["a", 1]),
        ("instrument_list", ["../a"]),
        ("instrument_list", [".."]),
        ("instrument_list", ["a\n"]),
        ("instrument_list", [""]),
    ],
)
def test_a_value_out_of_range_is_named(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ModelError, match=f"'{key}' is") as caught:
        read_configuration(write(tmp_path, configuration(**{key: value})))
    assert "must be" in str(caught.value)


@pytest.mark.parametrize(
    "params",
    [
        {"conv_n_filters": [16, 32]},
        {"conv_n_filters": [16, 32, 64, 128, 256, 0]},
        {"conv_n_filters": 16},
        {"conv_n_filters": [16, 32, 64, 128, 256, True]},
        {"conv_activation": 1},
    ],
)
def test_a_wrong_parameter_is_named_with_its_path(tmp_path: Path, params: dict[str, object]) -> None:
    content = configuration(model={"type": "unet.unet", "params": params})
    with pytest.raises(ModelError, match=f"'model.params.{next(iter(params))}'"):
        read_configuration(write(tmp_path, content))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"n_channels": 1}, "n_channels is 1"),
        ({"frame_length": 4000, "frame_step": 1000}, "power of 2"),
        ({"frame_step": 1000}, "not a multiple of frame_step 1000"),
        ({"T": 500}, "T is 500"),
        ({"F": 1000}, "F is 1000"),
        ({"F": 2112}, "2049 bins"),
        ({"model": {"type": "blstm.blstm", "params": {}}}, r"blstm\.blstm"),
        ({"model": {"type": "my.network", "params": {}}}, r"supported are unet\.unet, unet\.softmax_unet"),
    ],
)
def test_what_cannot_be_built_is_refused(tmp_path: Path, changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(UnsupportedModelError, match=complaint):
        read_configuration(write(tmp_path, configuration(**changes)))


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b"[]", b'"x"', b"3"])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text)
    with pytest.raises(ModelError, match=str(path)):
        read_configuration(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("none.json", "pipe.json", "."):
        with pytest.raises(ModelNotFoundError, match="There is no configuration"):
            read_configuration(tmp_path / name)
