"""Scripts that were written for Spleeter, run in processes of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spleeter_nb.demo import demo_song
from tests.compat.conftest import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]

SCRIPT = """\
import json
import sys

from spleeter.separator import Separator

if __name__ == "__main__":
    config, song, folder = sys.argv[1:]
    separator = Separator(config)
    separator.separate_to_file(song, folder)
    separator.separate_to_file(song, folder, filename_format="later/{instrument}.{codec}", synchronous=False)
    separator.join()
    print(json.dumps(type(separator).__module__))
"""

KNOWN = """\
import json

from spleeter.audio.adapter import AudioAdapter
from spleeter.separator import Separator

separator = Separator("spleeter:2stems")
separator.separate_to_file("audio_example.flac", "output", duration=1.5)

waveform, _ = AudioAdapter.default().load("audio_example.flac", duration=2, sample_rate=44100)
prediction = separator.separate(waveform)
print(json.dumps({name: stem.shape for name, stem in prediction.items()}))
"""

IMPORTS = """\
import json

import spleeter
import spleeter.separator as theirs
from spleeter import SpleeterError, separator
from spleeter.audio import Codec, STFTBackend
from spleeter.audio.adapter import AudioAdapter, get_default_audio_adapter
from spleeter.audio.ffmpeg import FFMPEGProcessAudioAdapter
from spleeter.model.provider import ModelProvider
from spleeter.separator import Codec as Same, Separator, STFTBackend as Old
from spleeter.types import AudioDescriptor, Signal
from spleeter.utils.logging import logger


class Mine(AudioAdapter):
    def load(self, audio_descriptor, offset=None, duration=None, sample_rate=None, dtype=None):
        raise SpleeterError("no tape")

    def save(self, path, data, sample_rate, codec=None, bitrate=None):
        raise NotImplementedError


assert separator is theirs is spleeter.separator
assert Codec is Same
assert STFTBackend is Old
assert isinstance(AudioAdapter.default(), FFMPEGProcessAudioAdapter)
assert type(AudioAdapter.get("__main__.Mine")) is Mine
logger.setLevel("ERROR")
try:
    import spleeter.dataset
except ImportError as error:
    print(json.dumps(str(error)))
"""

INSTALL = "from spleeter_nb import compat; compat.install(); compat.install()\n"
RUN = f"{INSTALL}import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return call


@pytest.fixture(autouse=True)
def _this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.wav")}


def stems_of(model: str) -> set[str]:
    return {f"{folder}/{name}.wav" for folder in ("song", "later") for name in INSTRUMENTS[model]}


@pytest.mark.parametrize("model", INSTRUMENTS)
def test_a_script_runs_unchanged(
    run: Callable[..., subprocess.CompletedProcess[str]], small_models: Path, song: str, tmp_path: Path, model: str
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run("-c", RUN, "script.py", small_models / model / "config.json", song, "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == "spleeter_nb.compat.separator"
    assert written(tmp_path / "out") == stems_of(model)


def test_a_script_runs_with_one_changed_import(
    run: Callable[..., subprocess.CompletedProcess[str]], config: str, song: str, tmp_path: Path
) -> None:
    changed = SCRIPT.replace("from spleeter.separator", "from spleeter_nb.compat.separator")
    (tmp_path / "script.py").write_text(changed)
    done = run("script.py", config, song, "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert written(tmp_path / "out") == stems_of("two")


@pytest.mark.usefixtures("spleeters_models")
def test_the_calls_that_everybody_knows_run_on_published_weights(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copy(demo_song().path, tmp_path / "audio_example.flac")
    (tmp_path / "script.py").write_text(KNOWN)
    done = run("-c", RUN, "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"vocals": [88_200, 2], "accompaniment": [88_200, 2]}
    assert written(tmp_path / "output") == {f"audio_example/{name}.wav" for name in ("vocals", "accompaniment")}


def test_what_scripts_import_is_there(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("-c", INSTALL + IMPORTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == "No module named 'spleeter.dataset'"


def test_nothing_is_called_spleeter_unasked(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("-c", "import sys, spleeter_nb.compat.separator; print('spleeter' in sys.modules)")
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_two_spleeters_in_one_process_are_refused(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "spleeter.py").touch()
    done = run("-c", "import spleeter\n" + INSTALL)
    assert done.returncode == 1
    assert "SpleeterError: Spleeter itself was imported already." in done.stderr


def test_an_error_ends_a_script_with_another_exit_code(
    run: Callable[..., subprocess.CompletedProcess[str]], config: str, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run("-c", RUN, "script.py", config, "nothing.mp3", "out")
    assert done.returncode == 1
    assert "AudioNotFoundError" in done.stderr
