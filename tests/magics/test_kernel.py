"""In a real Jupyter kernel: what a notebook sees of the magics."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking import BlockingKernelClient
    from jupyter_client.manager import KernelManager

LONG = """
import numpy as np, pathlib
long = np.random.default_rng(0).uniform(-0.5, 0.5, (8_000_000, 2)).astype(np.float32)
many = [long]
"""


class Cell:
    """A cell that was started; its outputs in their order."""

    def __init__(self, client: BlockingKernelClient, code: str) -> None:
        self._client, self._id = client, client.execute(code)

    def end(self) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
        """Wait, and return the reply with all outputs."""
        outputs = []
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != self._id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            # The comms of a display are no outputs.
            if kind not in {"status", "execute_input"} and not kind.startswith("comm_"):
                outputs.append((kind, content))
        reply = self._client.get_shell_msg(timeout=60)
        assert reply["parent_header"]["msg_id"] == self._id
        return dict(reply["content"]), outputs


@pytest.fixture(scope="module")
def kernel(
    two_stems_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    folder = tmp_path_factory.mktemp("kernel")
    environment = {
        **os.environ,
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "SPLEETER_MODELS_DIR": str(two_stems_models_dir),
    }
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_a_notebook_with_the_magics(kernel: tuple[KernelManager, BlockingKernelClient], small_models: Path) -> None:
    manager, client = kernel
    reply, outputs = Cell(client, "%load_ext spleeter_nb").end()
    assert (reply["status"], outputs) == ("ok", [])

    reply, outputs = Cell(client, "import spleeter_nb as snb\n%separate snb.demo_song() -d 2 --no-progress").end()
    assert reply["status"] == "ok"
    (kind, content), *_ = [output for output in outputs if output[0] != "stream"]
    assert kind == "execute_result"
    assert content["data"]["text/plain"].startswith("SeparationResult('mixture.flac': vocals, accompaniment")

    reply, outputs = Cell(client, "%separate snb.demo_song() -d 2 --no-progress --spectrograms").end()
    shown = [(kind, content["data"]["text/plain"]) for kind, content in outputs if kind != "stream"]
    assert [kind for kind, _ in shown] == ["execute_result", "display_data"]
    assert shown[1][1].startswith("SpectrogramComparison('mixture.flac': mixture, vocals, accompaniment, residual")

    reply, outputs = Cell(client, "%separate missing.mp3").end()
    assert (reply["status"], reply["ename"]) == ("error", "AudioNotFoundError")
    ((kind, content),) = outputs  # by this message nbval and nbconvert see that a cell has failed
    assert (kind, len(content["traceback"])) == ("error", 1)
    assert content["traceback"][0].startswith("AudioNotFoundError: There is no file 'missing.mp3'")

    reply, outputs = Cell(client, "%separate 'missing.mp3").end()
    assert (reply["status"], reply["ename"]) == ("error", "LineError")
    ((kind, content),) = outputs
    assert kind == "error"
    assert content["traceback"][0].startswith("UsageError: A quote is not closed")

    completed = client.complete("%separate --prec", reply=True, timeout=60)["content"]
    assert completed["matches"] == ["--precision"]

    model = small_models / "two" / "config.json"
    _, outputs = Cell(client, "import pathlib; print(pathlib.Path.cwd())").end()
    folder = Path(outputs[0][1]["text"].strip())
    for words in ("long -o out", "many -o out"):
        Cell(client, LONG).end()
        cell = Cell(client, f"%separate {words} -p '{model}' --sample_rate 8000")
        # As soon as it writes: a quick machine has done all of it soon after.
        out, deadline = folder / "out", time.monotonic() + 60
        while not any(path.is_file() for path in out.rglob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        sent = time.monotonic()
        manager.interrupt_kernel()
        reply, _ = cell.end()
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        assert time.monotonic() - sent < 1  # half of it is what is promised; a busy machine may need longer
        left = "[p for p in pathlib.Path('out').rglob('*') if p.is_file() and p.suffix == '.wav']"
        _, outputs = Cell(client, f"import time; time.sleep(1); print({left})").end()
        assert outputs[0][1]["text"] == "[]\n"
