"""How long it will take: learned from what has been, and from nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import spleeter_nb
from spleeter_nb import SeparationResult, SpleeterConfig, SpleeterEngine, Stem
from spleeter_nb.engine.estimate import Company, Speeds, speeds
from spleeter_nb.models.catalog import find_entry
from spleeter_nb.net.runtime import RuntimeInfo
from spleeter_nb.values import AudioInfo
from tests.engine.conftest import RATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.values import FloatArray, ModelSpec

TWO, FOUR = find_entry("spleeter:2stems").spec, find_entry("spleeter:4stems").spec
WIDE = find_entry("spleeter:2stems-16kHz").spec
CPU = RuntimeInfo("openvino", "cpu", "float32")

# Seconds of one segment of the published models.
SEGMENT = 512 * 1024 / 44_100


def result(
    *, segments: float = 10, computing: float = 5.0, around: float = 1.0, runtime: RuntimeInfo | None = CPU, **how: Any
) -> SeparationResult:
    """A result of so many segments, without any samples."""
    frames = round(segments * SEGMENT * 44_100)
    stems = {name: Stem(name, 44_100, frames, lambda: np.zeros((0, 2), np.float32)) for name in TWO.instruments}
    info = AudioInfo("song", "wav", "pcm_16", 44_100, 2, frames, 16)
    values = {"cache_level": None, "timings": {"separate": computing}, **how}
    return SeparationResult(
        stems,
        "spleeter:2stems",
        "song.wav",
        info,
        runtime,
        values["cache_level"],
        computing + around,
        values["timings"],
        lambda: np.zeros((0, 2), np.float32),
    )


def seconds(known: Speeds, spec: ModelSpec = TWO, *, segments: float = 10, **where: Any) -> float | None:
    where = {"device": "cpu", "precision": "float32", **where}
    estimate = known.estimate(spec, duration=segments * SEGMENT, **where)
    return None if estimate is None else estimate.seconds


def test_nothing_is_known_before_the_first_separation() -> None:
    assert seconds(Speeds(None)) is None


def test_what_was_measured_is_expected_again() -> None:
    known = Speeds(None)
    known.learn(TWO, result(computing=5.0, around=1.0), precision="float32")
    assert seconds(known) == pytest.approx(6)
    assert seconds(known, segments=20) == pytest.approx(11)
    # Segments are whole.
    assert seconds(known, segments=10.5) == pytest.approx(6.5)
    estimate = known.estimate(TWO, duration=1.0, device="cpu", precision="float32")
    assert estimate is not None
    assert estimate.basis == "measured"
    assert estimate.seconds == pytest.approx(1.5)


def test_other_models_are_scaled_by_their_networks_and_band() -> None:
    known = Speeds(None)
    known.learn(TWO, result(computing=5.0, around=1.0), precision="float32")
    assert seconds(known, FOUR) == pytest.approx(11)
    assert seconds(known, WIDE) == pytest.approx(8.5)
    estimate = known.estimate(FOUR, duration=60.0, device="cpu", precision="float32")
    assert estimate is not None
    assert estimate.basis == "scaled"
    known.learn(FOUR, result(computing=6.0, around=1.0), precision="float32")
    assert seconds(known, FOUR) == pytest.approx(7)


def test_fetching_the_model_and_waiting_for_others_are_not_expected_again() -> None:
    known = Speeds(None)
    known.learn(
        TWO,
        result(computing=5.0, around=91.0, timings={"separate": 5.0, "download": 60.0, "wait": 30.0}),
        precision="float32",
    )
    assert seconds(known) == pytest.approx(6)


def test_another_device_or_precision_is_another_matter() -> None:
    known = Speeds(None)
    known.learn(TWO, result(), precision="float32")
    assert seconds(known, device="cuda:0") is None
    assert seconds(known, precision="bfloat16") is None


def test_networks_of_any_size_say_nothing_of_others() -> None:
    known = Speeds(None)
    own = replace(TWO, name="my/config.json")
    known.learn(own, result(), precision="float32")
    assert seconds(known, own) == pytest.approx(6)
    assert seconds(known, TWO) is None
    known.learn(TWO, result(computing=9.0), precision="float32")
    assert seconds(known, own) == pytest.approx(6)


def test_one_slow_run_changes_little_and_the_newest_count() -> None:
    known = Speeds(None)
    for computing in (5.0, 5.0, 500.0):
        known.learn(TWO, result(computing=computing), precision="float32")
    assert seconds(known) == pytest.approx(6)
    for _ in range(5):
        known.learn(TWO, result(computing=2.0), precision="float32")
    assert seconds(known) == pytest.approx(3)


@pytest.mark.parametrize(
    "how",
    [
        {"cache_level": "memory", "timings": {"cache": 0.1}},
        {"runtime": None, "timings": {}},
        {"segments": 0.9},
    ],
)
def test_what_computed_nothing_or_next_to_nothing_is_not_learned(how: dict[str, Any]) -> None:
    known = Speeds(None)
    known.learn(TWO, result(**how), precision="float32")
    assert seconds(known) is None


def test_it_is_kept_for_the_next_kernel(tmp_path: Path) -> None:
    file = tmp_path / "new" / "speeds.json"
    Speeds(file).learn(TWO, result(), precision="float32")
    assert seconds(Speeds(file)) == pytest.approx(6)
    # Two kernels that learn in turns forget nothing of each other's.
    first, second = Speeds(file), Speeds(file)
    first.learn(FOUR, result(), precision="float32")
    second.learn(WIDE, result(), precision="float32")
    assert {run["model"] for run in json.loads(file.read_text())["runs"]} == {TWO.name, FOUR.name, WIDE.name}
    assert [path.name for path in file.parent.iterdir()] == ["speeds.json"]


RUN = {"model": TWO.name, "device": "cpu", "precision": "float32", "per_value": 1e-7, "around": 0.0}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        json.dumps({"version": 2, "runs": [RUN]}),
        json.dumps({"version": 1, "runs": 5}),
        json.dumps({"version": 1, "runs": [5]}),
        json.dumps({"version": 1, "runs": [{**RUN, "more": 1}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "per_value": "fast"}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "per_value": -1}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "around": float("nan")}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "around": float("inf")}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "device": 7}]}),
        json.dumps({"version": 1, "runs": [{**RUN, "per_value": 10**400}]}),
        json.dumps({"version": 1, "runs": [RUN] * 10_000}),
    ],
)
def test_a_file_that_holds_anything_else_counts_as_empty(tmp_path: Path, content: str) -> None:
    file = tmp_path / "speeds.json"
    file.write_text(content)
    known = Speeds(file)
    assert seconds(known) is None
    known.learn(TWO, result(), precision="float32")
    assert seconds(known) == pytest.approx(6)


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    known = Speeds(tmp_path / "file" / "speeds.json")
    known.learn(TWO, result(), precision="float32")
    assert seconds(known) is None
    (tmp_path / "speeds.json").mkdir()
    Speeds(tmp_path / "speeds.json").learn(TWO, result(), precision="float32")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "speeds.json"}


# ---- what the engine tells


@pytest.fixture
def config(tmp_path: Path) -> SpleeterConfig:
    return SpleeterConfig(cache_enabled=True, cache_dir=tmp_path / "cache")


def runs(config: SpleeterConfig) -> list[dict[str, Any]]:
    file = config.cache_path / "speeds.json"
    found: list[dict[str, Any]] = json.loads(file.read_text())["runs"] if file.exists() else []
    return found


def test_a_separation_is_learned_from_and_the_cache_is_not(
    config: SpleeterConfig, small_models: Path, noise: Callable[..., FloatArray]
) -> None:
    song, model = noise(12 * RATE), small_models / "two" / "config.json"

    async def twice() -> None:
        async with SpleeterEngine(config) as engine:
            for _ in range(2):
                await engine.separate(song, model, sample_rate=RATE, progress=False)

    asyncio.run(twice())
    (run,) = runs(config)
    assert (run["model"], run["device"], run["precision"]) == (str(model), "cpu", "float32")
    estimate = speeds(config).estimate(
        spleeter_nb.ModelManager().spec(model), duration=12.0, device="cpu", precision="float32"
    )
    assert estimate is not None
    assert 0 < estimate.seconds < 60


@pytest.mark.parametrize("options", [{"wiener": True}, {"overlap": 0.25}])
def test_what_does_more_than_the_networks_is_not_learned_from(
    config: SpleeterConfig, small_models: Path, noise: Callable[..., FloatArray], options: dict[str, Any]
) -> None:
    async def once() -> None:
        async with SpleeterEngine(config) as engine:
            await engine.separate(
                noise(12 * RATE), small_models / "two" / "config.json", sample_rate=RATE, progress=False, **options
            )

    asyncio.run(once())
    assert runs(config) == []


def test_without_a_cache_nothing_is_written(
    small_models: Path, tmp_path: Path, noise: Callable[..., FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLEETER_CACHE_DIR", str(tmp_path / "cache"))
    model = small_models / "two" / "config.json"
    spleeter_nb.separate(noise(12 * RATE), model, sample_rate=RATE, progress=False)
    assert not (tmp_path / "cache").exists()


def test_company_is_noticed_by_both() -> None:
    first, second, third = Company(), Company(), Company()
    with first.present(), second.present():
        pass
    with third.present():
        pass
    assert (first.alone, second.alone, third.alone) == (False, False, True)


FORKED = """
import os
from spleeter_nb.engine.estimate import Company

with Company().present():
    child = os.fork()
    own = Company()
    with own.present():
        if not child:
            os._exit(0 if own.alone else 1)
    assert not own.alone
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="There is no fork here.")
def test_a_child_process_has_none_of_its_parents_company() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True)


def test_what_the_processor_lacks_is_expected_as_it_was_asked_for() -> None:
    known = Speeds(None)
    known.learn(TWO, result(computing=5.0, around=1.0), precision="bfloat16")  # it ran in float32
    assert seconds(known, precision="bfloat16") == pytest.approx(6)
    assert seconds(known) is None


def test_any_thread_may_learn(tmp_path: Path) -> None:
    known = Speeds(tmp_path / "speeds.json")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: known.learn(TWO, result(), precision="float32"), range(20)))
    assert seconds(known) == pytest.approx(6)
