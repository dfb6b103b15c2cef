"""Models of one's own: a configuration and a checkpoint that `spleeter train` wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.exceptions import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.models.tiny import Server, Tiny

DATA = "model.data-00000-of-00001"
NAME = "test:tiny"


@pytest.fixture
def configuration(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration; a ``model_dir`` can be given."""

    def write(model_dir: str = "mine", folder: str = "project") -> Path:
        path = tmp_path / folder / "config.json"
        path.parent.mkdir(exist_ok=True)
        content = {
            "model_dir": model_dir,
            "instrument_list": ["vocals", "rest"],
            "sample_rate": 44100,
            "frame_length": 4096,
            "frame_step": 1024,
            "T": 512,
            "F": 1536,
            "n_channels": 2,
            "separation_exponent": 2,
            "mask_extension": "average",
            "model": {},
        }
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("place", ["project/mine", "models/mine"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_model_of_ones_own_lies_beside_or_below(
    tiny: Tiny, tmp_path: Path, configuration: Callable[..., Path], place: str, *, as_text: bool
) -> None:
    tiny.write_files(tmp_path / place)
    path = configuration()
    installed = tiny.manager(tmp_path / "models").ensure(str(path) if as_text else path)
    assert installed.folder == tmp_path / place
    assert installed.checkpoint == tmp_path / place / "model"
    assert (installed.spec.name, installed.spec.mask_extension) == (str(path), "average")
    assert not (tmp_path / place / "spleeter_nb.json").exists()


@pytest.mark.parametrize(
    ("note", "prefix"),
    [
        ('model_checkpoint_path: "model-1000"\nall_model_checkpoint_paths: "model-5"\n', "model-1000"),
        ('model_checkpoint_path: "/home/you/training/model.ckpt-2"\n', "model.ckpt-2"),
        ('model_checkpoint_path: "C:\\\\train\\\\model-1000"\n', "model-1000"),
        ('model_checkpoint_path: "../../outside/model-1000"\n', "model-1000"),
        ('all_model_checkpoint_paths: "model-1000"\n', "model"),
        ('model_checkpoint_path: "model-7"\n', "model"),
        ('model_checkpoint_path: "x/"\n', "model"),
        ("\udcff", "model"),
        (None, "model"),
    ],
)
def test_the_latest_checkpoint_is_taken_by_name_only(
    tiny: Tiny, tmp_path: Path, configuration: Callable[..., Path], note: str | None, prefix: str
) -> None:
    path = configuration()
    folder = path.parent / "mine"
    tiny.write_files(folder)
    (folder / "checkpoint").unlink()
    if note is not None:
        (folder / "checkpoint").write_text(note, errors="surrogateescape")
    for name in ("model-1000", "model.ckpt-2"):
        (folder / f"{name}.index").write_bytes(b"index")
        for shard in range(2):
            (folder / f"{name}.data-0000{shard}-of-00002").write_bytes(b"shard %d" % shard)
    assert tiny.manager(tmp_path / "models").ensure(path).checkpoint == folder / prefix


def test_equal_weights_have_one_digest_wherever_they_lie(
    tiny: Tiny, tmp_path: Path, configuration: Callable[..., Path]
) -> None:
    path = configuration()
    tiny.write_files(path.parent / "mine")
    tiny.write_files(tmp_path / "models" / "tiny")
    manager = tiny.manager(tmp_path / "models", auto_download=False)
    own, published = manager.ensure(path), manager.ensure(NAME)
    assert own.weights_digest == published.weights_digest
    (path.parent / "mine" / DATA).write_bytes(b"trained further")
    assert manager.ensure(path).weights_digest != published.weights_digest


@pytest.mark.parametrize("folder", ["project", "models"])
def test_a_configuration_may_use_published_weights(
    tiny: Tiny, server: Server, tmp_path: Path, configuration: Callable[..., Path], folder: str
) -> None:
    path = configuration("tiny", folder)
    installed = tiny.manager(tmp_path / "models", host=server.host).ensure(path)
    assert installed.folder == tmp_path / "models" / "tiny"
    assert installed.spec.mask_extension == "average"
    assert installed.source.startswith("Deezer's archive")


def test_a_model_of_ones_own_that_is_not_there_is_never_fetched(
    tiny: Tiny, server: Server, tmp_path: Path, configuration: Callable[..., Path]
) -> None:
    path = configuration()
    manager = tiny.manager(tmp_path / "models", host=server.host)
    with pytest.raises(ModelNotFoundError, match="'mine'") as caught:
        manager.ensure(path)
    assert caught.value.context["tried"] == [str(path.parent / "mine"), str(tmp_path / "models" / "mine")]
    (path.parent / "mine").mkdir()
    with pytest.raises(ModelNotFoundError, match=r"lacks model\.index and model\.data"):
        manager.ensure(path)
    with pytest.raises(ModelNotFoundError, match="There is no configuration"):
        manager.ensure(tmp_path / "none.json")
    assert server.requests == []
