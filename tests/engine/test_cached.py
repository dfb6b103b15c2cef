"""Stems and the cache: what is the same comes back sample for sample, what is not is made anew."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb import SpleeterConfig
from spleeter_nb.engine.loaded import cache_manager
from spleeter_nb.engine.separation import Separation, separate_with
from spleeter_nb.exceptions import AudioChangedError, SeparationCancelledError
from tests.engine.conftest import RATE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from spleeter_nb import SeparationResult
    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray

CHILD = Path(__file__).with_name("cached_child.py")


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., FloatArray]) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(40_000), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def separate(config: SpleeterConfig, small_models: Path) -> Callable[..., SeparationResult]:
    def separate(source: Any, model: str = "two", **options: Any) -> SeparationResult:
        return separate_with(config, source, small_models / model / "config.json", **{"progress": False, **options})

    return separate


def equal(first: SeparationResult, second: SeparationResult) -> bool:
    return list(first) == list(second) and all(
        np.array_equal(first[name].samples, second[name].samples) for name in first
    )


def in_another_process(config: SpleeterConfig, song: Path, model: Path, **options: object) -> dict[str, Any]:
    """Separate in a process of its own; return the level and a digest of each stem."""
    given = {"cache_dir": str(config.cache_dir), "song": str(song), "model": str(model), "options": options}
    if config.redis_url is not None:
        given["redis_url"] = config.redis_url.get_secret_value()
    done = subprocess.run(
        [sys.executable, CHILD, json.dumps(given)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_same_again_comes_from_memory(separate: Callable[..., SeparationResult], song: Path) -> None:
    first, second = separate(song), separate(song)
    assert (first.cache_level, second.cache_level) == (None, "memory")
    assert equal(first, second)
    assert second.runtime == first.runtime
    assert second.source == first.source
    assert second.sample_rate == RATE
    np.testing.assert_array_equal(second.mixture, first.mixture)


def test_another_kernel_finds_it_on_disk(
    separate: Callable[..., SeparationResult], config: SpleeterConfig, song: Path, small_models: Path
) -> None:
    first = separate(song)
    answer = in_another_process(config, song, small_models / "two" / "config.json")
    assert answer["level"] == "disk"
    assert answer["again"] == "memory"
    assert answer["stems"] == {name: digest(first[name].samples) for name in first}


def test_names_do_not_count_and_content_does(
    separate: Callable[..., SeparationResult], song: Path, tmp_path: Path, noise: Callable[..., FloatArray]
) -> None:
    """A17."""
    separate(song)
    renamed = shutil.copy(song, tmp_path / "other.flac")
    assert separate(renamed).cache_level == "memory"
    assert separate(song.read_bytes()).cache_level == "memory"
    with song.open("rb") as file:
        assert separate(file).cache_level == "memory"
    stamp = song.stat()
    soundfile.write(song, noise(40_000, seed=1), RATE, subtype="FLOAT")
    os.utime(song, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert song.stat().st_size == stamp.st_size
    assert separate(song).cache_level is None


CHANGES: list[dict[str, Any]] = [
    {"offset": 0.5},
    {"duration": 2.0},
    {"precision": "bfloat16"},
    {"overlap": 0.25},
    {"wiener": True},
    {"mask_extension": "average"},
    {"residual": "stem"},
    {"residual": "vocals"},
    {"on_corrupt": "salvage"},
    {"nonfinite": "error"},
]


def test_every_option_that_changes_the_stems_is_a_miss(separate: Callable[..., SeparationResult], song: Path) -> None:
    separate(song)
    for change in CHANGES:
        assert separate(song, **change).cache_level is None, change
        assert separate(song, **change).cache_level == "memory", change
    assert separate(song, "four_elu").cache_level is None
    assert separate(song).cache_level == "memory"


def test_options_that_do_not_change_the_stems_are_no_miss(
    separate: Callable[..., SeparationResult], song: Path, tmp_path: Path
) -> None:
    first = separate(song)
    assert separate(song, offset=0, overlap=0, device="cpu").cache_level == "memory"
    written = separate(song, output_dir=tmp_path / "out", codec="flac", bit_depth=24, residual=None)
    assert written.cache_level == "memory"
    assert equal(separate(tmp_path / "song.wav"), first)
    plain = separate(song, output_dir=tmp_path / "plain", bit_depth="float", cache=False)
    cached = separate(song, output_dir=tmp_path / "cached", bit_depth="float")
    assert (plain.cache_level, cached.cache_level) == (None, "memory")
    for name in first:
        assert cached[name].path.read_bytes() == plain[name].path.read_bytes()  # type: ignore[union-attr]


def test_weights_that_changed_are_a_miss(
    config: SpleeterConfig, song: Path, small_models: Path, tmp_path: Path
) -> None:
    folder = copied(small_models / "two", tmp_path / "mine")
    first = separate_with(config, song, folder / "config.json", progress=False)
    folder = folder.rename(tmp_path / "moved")
    assert separate_with(config, song, folder / "config.json", progress=False).cache_level == "memory"
    for path in (small_models / "average").glob("model.*"):
        shutil.copy(path, folder)
    changed = separate_with(config, song, folder / "config.json", progress=False)
    assert changed.cache_level is None
    assert not equal(first, changed)


def copied(model: Path, target: Path) -> Path:
    """A model of the user's, with nothing that was made of it."""
    return Path(shutil.copytree(model, target, ignore=shutil.ignore_patterns("openvino")))


def test_switched_off_nothing_is_kept(separate: Callable[..., SeparationResult], song: Path, tmp_path: Path) -> None:
    assert [separate(song, cache=False).cache_level for _ in range(2)] == [None, None]
    left = {path.name for path in (tmp_path / "cache").rglob("*")}
    assert left == {"speeds.json"}  # how fast it was, for estimates; nothing of the song


def test_an_array_that_changes_meanwhile_is_refused_and_not_kept(
    separate: Callable[..., SeparationResult], noise: Callable[..., FloatArray]
) -> None:
    """A14."""
    samples = noise(200_000)

    def change(event: Progress) -> None:
        if event.stage == "separate":
            samples[-1] = 0.123

    with pytest.raises(AudioChangedError, match="give a copy"):
        separate(samples, sample_rate=RATE, progress=change)
    assert separate(samples, sample_rate=RATE).cache_level is None
    assert separate(samples, sample_rate=RATE).cache_level == "memory"
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    assert separate(file).cache_level is None


def test_a_job_that_fails_or_is_cancelled_keeps_nothing(
    separate: Callable[..., SeparationResult], config: SpleeterConfig, song: Path, small_models: Path
) -> None:
    job = Separation.prepared(config, song, small_models / "two" / "config.json", {"progress": False})

    def stop(event: Progress) -> None:
        if event.stage == "separate":
            job.cancel.set()

    job.reporter.subscribe(stop)
    with pytest.raises(SeparationCancelledError):
        job.run()
    assert separate(song).cache_level is None
    cache = config.cache_dir
    assert cache is not None
    assert not list((cache / "v1" / "tmp").glob("*"))


def test_one_computes_while_the_others_wait(config: SpleeterConfig, song: Path, small_models: Path) -> None:
    go, begun, waiting = threading.Event(), threading.Event(), threading.Event()
    stages: list[str] = []
    levels: dict[str, str | None] = {}

    def hold(event: Progress) -> None:
        if event.stage == "separate":
            begun.set()
            go.wait(20)

    def watch(event: Progress) -> None:
        stages.append(event.stage)
        if event.stage == "wait":
            waiting.set()

    def run(name: str, listener: Callable[[Progress], object]) -> None:
        model = small_models / "two" / "config.json"
        levels[name] = separate_with(config, song, model, progress=listener).cache_level

    first = threading.Thread(target=run, args=("first", hold))
    first.start()
    assert begun.wait(20)
    second = threading.Thread(target=run, args=("second", watch))
    second.start()
    assert waiting.wait(20)
    go.set()
    first.join()
    second.join()
    assert levels == {"first": None, "second": "memory"}
    assert "separate" not in stages


def test_processes_wait_for_each_other_and_take_over_from_the_dead(
    config: SpleeterConfig, song: Path, small_models: Path
) -> None:
    given = {
        "cache_dir": str(config.cache_dir),
        "song": str(song),
        "model": str(small_models / "two" / "config.json"),
        "options": {},
        "hold": True,
    }
    with subprocess.Popen(
        [sys.executable, CHILD, json.dumps(given)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "separate\n"
        heard: list[str] = []
        results: list[SeparationResult] = []

        def run() -> None:
            model = small_models / "two" / "config.json"
            results.append(separate_with(config, song, model, progress=lambda event: heard.append(event.stage)))

        thread = threading.Thread(target=run)
        thread.start()
        assert wait_until(lambda: "wait" in heard, 20)
        killed = time.monotonic()
        child.kill()
        assert wait_until(lambda: "load" in heard, 20)
        assert time.monotonic() - killed < 2
        thread.join()
    assert results[0].cache_level is None


def test_an_interrupted_wait_ends_soon(config: SpleeterConfig, song: Path, small_models: Path) -> None:
    model = small_models / "two" / "config.json"
    go, begun, waiting = threading.Event(), threading.Event(), threading.Event()

    def hold(event: Progress) -> None:
        if event.stage == "separate":
            begun.set()
            go.wait(20)

    thread = threading.Thread(target=lambda: separate_with(config, song, model, progress=hold))
    thread.start()
    assert begun.wait(20)
    job = Separation.prepared(config, song, model, {"progress": False})
    job.reporter.subscribe(lambda event: waiting.set() if event.stage == "wait" else None)
    threading.Timer(0.2, job.cancel.set).start()
    start = time.monotonic()
    with pytest.raises(SeparationCancelledError):
        job.run()
    assert time.monotonic() - start < 1
    assert waiting.is_set()
    go.set()
    thread.join()


def test_a_cache_that_cannot_be_used_costs_a_warning_and_no_separation(
    small_models: Path, song: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    config = SpleeterConfig(cache_enabled=True, cache_dir=tmp_path / "file")
    model = small_models / "two" / "config.json"
    first = separate_with(config, song, model, progress=False)
    second = separate_with(config, song, model, progress=False)
    assert equal(first, second)
    cache = cache_manager(config)
    assert cache is not None
    cache.close()
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_damage_on_disk_is_found_and_made_anew(
    separate: Callable[..., SeparationResult], config: SpleeterConfig, song: Path
) -> None:
    first = separate(song)
    cache = cache_manager(config)
    assert cache is not None
    cache.clear("memory")
    assert config.cache_dir is not None
    values = [path for path in config.cache_dir.rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    assert values
    for path in values:
        with path.open("r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 4]))
    again = separate(song)
    assert again.cache_level is None
    assert equal(first, again)
    cache.clear("memory")
    assert separate(song).cache_level == "disk"


def digest(samples: FloatArray) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()
