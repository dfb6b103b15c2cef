"""What is better than in Spleeter: the defects that its users reported again and again, with the numbers of its issues.

Those that belong to the whole package are tested in their rooms: downloads in tests/models, memory and interrupts in
tests/engine and tests/faults, seams in tests/engine.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb.compat.audio.adapter import AudioAdapter
from spleeter_nb.compat.separator import Separator
from spleeter_nb.engine import loaded
from spleeter_nb.engine.separation import LOADED_MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

UNGUARDED = """\
import os
import sys
from spleeter_nb.compat.separator import Separator

config, song, folder = sys.argv[1:]
separator = Separator(config)
separator.separate_to_file(song, f"{folder}/parent", synchronous=False)
separator.join()
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
separator.separate_to_file(song, f"{folder}/child", synchronous=False)
separator.join()
os._exit(0)
"""

ENDLESS = """\
import sys
from spleeter_nb.compat.separator import Separator

config, song, folder = sys.argv[1:]
separator = Separator(config)
print("begun", flush=True)
while True:
    separator.separate_to_file(song, folder, duration=None)
"""

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def test_the_networks_are_built_once(config: str, song: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """112, 332, 418: the graph was built anew for each file."""
    loads = []

    def load(*arguments: Any, **options: Any) -> Any:
        loads.append(arguments)
        return load_runtime(*arguments, **options)

    load_runtime = loaded.load_runtime
    monkeypatch.setattr(loaded, "load_runtime", load)
    LOADED_MODELS.clear()
    for name in ("one", "two"):
        separator = Separator(config)
        separator.separate_to_file(song, tmp_path / name)
        separator.separate(np.zeros((1000, 2), np.float32))
    assert len(loads) == 1


def test_memory_does_not_grow_with_the_song(config: str, write_song: Callable[..., Path], tmp_path: Path) -> None:
    """728, 836, 947: three minutes took 5 GB."""
    separator = Separator(config)

    def peak(seconds: int) -> int:
        song = write_song(f"{seconds}.wav", seconds=seconds, rate=48_000)
        tracemalloc.start()
        try:
            separator.separate_to_file(song, tmp_path / "out", duration=None)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is imported and kept
    short, long = peak(15), peak(60)
    # A stem of the long song alone is 23 MB.
    assert long < short + 2e6


def test_there_are_no_pools_and_a_forked_process_goes_on(config: str, song: str, tmp_path: Path) -> None:
    """104, 780, 825: pools of processes hung, or forked without end where a script had no guard."""
    (tmp_path / "script.py").write_text(UNGUARDED)
    code = (
        "import multiprocessing.process, runpy, sys; multiprocessing.process.BaseProcess.start = None;"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    )
    command = [sys.executable, "-c", code, tmp_path / "script.py", config, song, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("*.wav"))) == 4


def test_an_interrupt_is_answered_and_leaves_nothing(
    config: str, write_song: Callable[..., Path], tmp_path: Path
) -> None:
    """71, 284: there was no way to stop."""
    (tmp_path / "script.py").write_text(ENDLESS)
    song = write_song("long.wav", seconds=300)
    command = [sys.executable, tmp_path / "script.py", config, song, tmp_path / "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("out/**/*.part")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        _, told = process.communicate(timeout=20)
    assert time.monotonic() - sent < 5
    assert process.returncode != 0
    assert "KeyboardInterrupt" in told
    assert not list(tmp_path.glob("out/**/*.part"))


def test_stems_that_could_not_be_written_are_an_error_and_leave_no_file(config: str, song: str, tmp_path: Path) -> None:
    """30, 707, 871: files were returned that did not exist."""
    (tmp_path / "out").write_text("a file where the folder should be")
    for write in (
        lambda: Separator(config).separate_to_file(song, tmp_path / "out"),
        lambda: Separator(config).save_to_file({"vocals": np.zeros((9, 2))}, song, tmp_path / "out"),
    ):
        with pytest.raises(OSError, match="out"):
            write()


@pytest.mark.parametrize(("rate", "subtype"), [(48_000, "PCM_16"), (96_000, "PCM_24"), (22_050, "PCM_16")])
def test_stems_have_the_songs_rate_and_channels_are_not_lost(
    config: str, tmp_path: Path, rate: int, subtype: str
) -> None:
    """95, 227, 661, 948: always 44.1 kHz; and of a film's channels only the first two were taken."""
    centre = np.zeros((rate, 6))
    centre[:, 2] = np.random.default_rng(0).uniform(-0.5, 0.5, rate)
    soundfile.write(tmp_path / "film.wav", centre, rate, subtype=subtype)
    Separator(config).separate_to_file(str(tmp_path / "film.wav"), str(tmp_path / "out"))
    written = [tmp_path / "out" / "film" / f"{name}.wav" for name in ("vocals", "accompaniment")]
    assert {(soundfile.info(stem).samplerate, soundfile.info(stem).frames) for stem in written} == {(rate, rate)}
    assert all(np.any(AudioAdapter.default().load(stem)[0]) for stem in written)


def test_a_warning_is_seen_where_nobody_set_up_logging(
    config: str, write_song: Callable[..., Path], tmp_path: Path
) -> None:
    """No handler, not even a NullHandler, keeps from a script what Python would print."""
    code = (
        "import sys; from spleeter_nb.compat.separator import *; Separator(sys.argv[1]).separate_to_file(*sys.argv[2:])"
    )
    command = [sys.executable, "-c", code, config, write_song("film.wav", channels=6), tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "film.wav" in done.stderr
    assert "6 channels" in done.stderr


def test_a_configuration_says_what_is_above_the_band(small_models: Path, write_song: Callable[..., Path]) -> None:
    """15, 58, 106: nothing above 11 kHz."""
    waveform, _ = AudioAdapter.default().load(write_song())
    for model, is_full in (("two", False), ("average", True)):
        stems = Separator(str(small_models / model / "config.json")).separate(waveform)
        spectrum = np.abs(np.fft.rfft(sum(stems.values()), axis=0))
        # The small models see the lower half of the band: 3000 bins.
        assert bool(spectrum[4000:].mean() > 0.1 * spectrum[:2000].mean()) is is_full
