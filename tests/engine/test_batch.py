"""Batches: every song gets its turn, whatever becomes of the others; a second run does what is missing."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from spleeter_nb import SeparationResult, SpleeterEngine
from spleeter_nb.exceptions import (
    AudioNotFoundError,
    EngineClosedError,
    ModelError,
    SeparationCancelledError,
    SpleeterError,
    TruncatedAudioError,
    UnknownModelError,
    UnknownOptionError,
    UnsupportedFormatError,
    ValidationError,
)
from tests.engine.conftest import RATE, entries, job_threads, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.events import Progress
    from spleeter_nb.values import FloatArray


@pytest.fixture
def album(tmp_path: Path, noise: Callable[..., FloatArray]) -> Path:
    """Four songs; the third is none."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    for number in (1, 2, 4):
        soundfile.write(folder / f"{number}.wav", noise(10_000 + number, seed=number), RATE)
    (folder / "3.wav").write_text("no sound at all, whatever the name says\n")
    soundfile.write(folder / "more" / "5.flac", noise(10_005, seed=5), RATE)
    return folder


@pytest.fixture
def batch(small_models: Path) -> Callable[..., list[Any]]:
    def run(files: object, **options: Any) -> list[Any]:
        async def separate() -> list[Any]:
            async with SpleeterEngine() as engine:
                return await engine.batch_separate(
                    files,  # type: ignore[arg-type]
                    model_name=small_models / "two" / "config.json",
                    **{"progress": False, **options},
                )

        return asyncio.run(separate())

    return run


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*.wav"))}


def test_results_keep_the_order_and_an_error_stands_in_its_place(
    batch: Callable[..., list[Any]], album: Path, separated: Callable[..., Any]
) -> None:
    files = [album / "4.wav", album / "3.wav", album / "missing.wav", album / "1.wav"]
    first, bad, missing, last = batch(files)
    assert isinstance(bad, UnsupportedFormatError)
    assert bad.context["song"] == str(album / "3.wav")
    assert isinstance(missing, AudioNotFoundError)
    for path, result in ((files[0], first), (files[3], last)):
        assert result.origin == str(path)
        np.testing.assert_array_equal(result.vocals.samples, separated(path).vocals.samples)


def test_a_folder_a_glob_and_sub_folders(batch: Callable[..., list[Any]], album: Path) -> None:
    def names(files: object, **options: Any) -> list[str]:
        return [
            outcome.origin if isinstance(outcome, SeparationResult) else outcome.context["song"]
            for outcome in batch(files, **options)
        ]

    assert names(album) == [str(album / f"{n}.wav") for n in (1, 2, 3, 4)]
    assert str(album / "more" / "5.flac") in names(album, recursive=True)
    assert names(str(album / "[12].wav")) == [str(album / "1.wav"), str(album / "2.wav")]
    with pytest.raises(ValidationError):
        batch(album.parent)


def test_arrays_and_bytes_are_songs_too(
    batch: Callable[..., list[Any]], album: Path, noise: Callable[..., FloatArray]
) -> None:
    results = batch([noise(9000), noise(9001)], sample_rate=RATE)
    assert [result.vocals.frames for result in results] == [9000, 9001]
    (result,) = batch([(album / "1.wav").read_bytes()])
    assert result.vocals.frames == 10_001


def test_a_second_run_does_only_what_is_missing(
    batch: Callable[..., list[Any]], album: Path, tmp_path: Path, noise: Callable[..., FloatArray]
) -> None:
    out = tmp_path / "out"
    first = batch(album, output_dir=out)
    assert sum(isinstance(outcome, SpleeterError) for outcome in first) == 1
    before = stamps(out)
    assert len(before) == 6

    second = batch(album, output_dir=out)
    assert stamps(out) == before
    done = [outcome for outcome in second if isinstance(outcome, SeparationResult)]
    assert [result.runtime for result in done] == [None] * 3
    for old, new in zip(first, second, strict=True):
        if isinstance(old, SeparationResult):
            np.testing.assert_array_equal(new.vocals.samples, old.vocals.samples)

    # A song that changed, stems that were removed or damaged: these, and no others.
    soundfile.write(album / "1.wav", noise(10_001, seed=9), RATE)
    (out / "2" / "vocals.wav").unlink()
    (out / "4" / "accompaniment.wav").write_bytes(b"damage")
    third = batch(album, output_dir=out)
    assert all(outcome.runtime is not None for outcome in third if isinstance(outcome, SeparationResult))
    assert len(stamps(out)) == 6

    # Other options are another task.
    fourth = batch(album, output_dir=out, overlap=0.25)
    assert all(outcome.runtime is not None for outcome in fourth if isinstance(outcome, SeparationResult))
    finer = batch(album, output_dir=out, overlap=0.25, bit_depth=24)
    assert all(outcome.runtime is not None for outcome in finer if isinstance(outcome, SeparationResult))


def test_files_that_were_skipped_are_not_taken_for_finished(
    batch: Callable[..., list[Any]], album: Path, tmp_path: Path, noise: Callable[..., FloatArray]
) -> None:
    out = tmp_path / "out"
    (out / "1").mkdir(parents=True)
    soundfile.write(out / "1" / "vocals.wav", noise(10_001, seed=9), RATE)
    batch(album / "1.wav", output_dir=out, on_exist="skip")
    kept = (out / "1" / "vocals.wav").read_bytes()
    (result,) = batch(album / "1.wav", output_dir=out)
    assert result.runtime is not None
    assert (out / "1" / "vocals.wav").read_bytes() != kept


def test_twenty_songs_with_two_bad_ones(
    batch: Callable[..., list[Any]], tmp_path: Path, noise: Callable[..., FloatArray], separated: Callable[..., Any]
) -> None:
    songs, out = tmp_path / "songs", tmp_path / "out"
    songs.mkdir()
    for number in range(20):
        soundfile.write(songs / f"{number:02}.wav", noise(9000 + number, seed=number), RATE)
    (songs / "05.wav").write_text("no sound at all\n" * 9)
    (songs / "11.wav").write_bytes((songs / "11.wav").read_bytes()[:5000])
    outcomes = batch(songs, output_dir=out, bit_depth="float")
    failed = {place: outcome for place, outcome in enumerate(outcomes) if isinstance(outcome, SpleeterError)}
    assert {place: type(error) for place, error in failed.items()} == {
        5: UnsupportedFormatError,
        11: TruncatedAudioError,
    }
    for place in set(range(20)) - set(failed):
        expected = separated(songs / f"{place:02}.wav")
        for name in expected:
            np.testing.assert_array_equal(outcomes[place][name].samples, expected[name].samples)
    before = stamps(out)
    assert len(before) == 36
    again = batch(songs, output_dir=out, bit_depth="float")
    assert [type(outcome) for outcome in again] == [type(outcome) for outcome in outcomes]
    assert all(outcome.runtime is None for outcome in again if isinstance(outcome, SeparationResult))
    assert stamps(out) == before


def test_a_model_that_is_not_there_is_one_error_for_all(small_models: Path, album: Path) -> None:
    async def run(model: object) -> None:
        async with SpleeterEngine() as engine:
            await engine.batch_separate(album, model, progress=False)  # type: ignore[arg-type]

    with pytest.raises(UnknownModelError, match="Did you mean"):
        asyncio.run(run("spleeter:2stem"))
    with pytest.raises(ModelError):
        asyncio.run(run(small_models / "missing.json"))


def test_a_ledger_that_cannot_be_trusted_is_not(batch: Callable[..., list[Any]], album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(album / "1.wav", output_dir=out)
    for ledger in out.glob(".*"):
        if ledger.is_file():
            ledger.write_bytes(ledger.read_bytes()[:-20] + b"\xff\x00{")
    (result,) = batch(album / "1.wav", output_dir=out)
    assert result.runtime is not None


def test_songs_that_would_share_files_are_refused_before_anything_begins(
    batch: Callable[..., list[Any]], album: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="same files"):
        batch([album / "1.wav", album / "1.wav"], output_dir=tmp_path / "out")
    with pytest.raises(UnknownOptionError):
        batch([album / "1.wav"], overlp=0.1)
    assert not (tmp_path / "out").exists()


def test_on_exist_is_honoured(batch: Callable[..., list[Any]], album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "1").mkdir(parents=True)
    (out / "1" / "vocals.wav").write_bytes(b"of the user")
    (error,) = batch(album / "1.wav", output_dir=out, on_exist="error")
    assert type(error).__name__ == "OutputExistsError"
    (result,) = batch(album / "1.wav", output_dir=out, on_exist="overwrite")
    assert result.vocals.frames == 10_001


def test_progress_counts_songs_and_time_left(batch: Callable[..., list[Any]], album: Path) -> None:
    heard: list[Progress] = []
    batch(album, progress=heard.append)
    fractions = [event.fraction or 0 for event in heard]
    assert fractions[-1] == 1
    assert heard[-1].stage == "done"
    assert heard[-2].message == "4 of 4 songs, 1 failed"
    assert max(fractions) <= 1
    heard.clear()
    batch(album / "1.wav", progress=heard.append)
    assert {"load", "separate", "done"} <= {event.stage for event in heard}


def test_a_fault_of_ours_is_the_songs_error_and_stops_no_other(
    batch: Callable[..., list[Any]], album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spleeter_nb.engine.separation as module  # noqa: PLC0415 - only this test reaches inside

    whole = module.open_song

    def broken(source: Any, *rest: Any) -> Any:
        if os.fspath(source).endswith("2.wav"):
            raise ZeroDivisionError("a fault")
        return whole(source, *rest)

    monkeypatch.setattr(module, "open_song", broken)
    outcomes = batch([album / "1.wav", album / "2.wav"])
    assert isinstance(outcomes[0], SeparationResult)
    assert type(outcomes[1]) is SpleeterError
    assert "unexpectedly" in str(outcomes[1])
    assert isinstance(outcomes[1].__cause__, ZeroDivisionError)


def test_errors_hold_no_samples(
    batch: Callable[..., list[Any]], tmp_path: Path, noise: Callable[..., FloatArray]
) -> None:
    song = tmp_path / "cut.flac"
    soundfile.write(song, noise(400_000), RATE)
    song.write_bytes(song.read_bytes()[:-10_000])
    (error,) = batch(song)
    assert isinstance(error, TruncatedAudioError)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert len(frames) > 3
    assert not [value for frame in frames for value in frame.f_locals.values() if isinstance(value, np.ndarray)]
    assert not any("reader" in frame.f_locals for frame in frames)


def test_a_song_wanted_now_need_not_wait_for_a_whole_batch(
    small_models: Path, album: Path, noise: Callable[..., FloatArray]
) -> None:
    async def run() -> None:
        async with SpleeterEngine() as engine:
            model = small_models / "two" / "config.json"
            songs = [noise(90_000, seed=number) for number in range(12)]
            options: dict[str, Any] = {"sample_rate": RATE, "progress": False}
            task = asyncio.create_task(engine.batch_separate(songs, model, **options))
            stats = engine.get_processing_stats
            await asyncio.to_thread(wait_until, lambda: stats()["jobs"]["done"] > 0, 60.0)
            assert sum(stats()["jobs"][state] for state in ("queued", "running")) <= 3
            await engine.separate(album / "1.wav", model, progress=False)
            assert not task.done()
            assert [isinstance(outcome, SeparationResult) for outcome in await task] == [True] * 12

    asyncio.run(run())


def test_an_engine_that_is_closed_meanwhile_is_each_songs_error(
    small_models: Path, noise: Callable[..., FloatArray]
) -> None:
    async def run() -> list[Any]:
        engine = SpleeterEngine()
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()
        model = small_models / "two" / "config.json"
        songs = [noise(2_000_000 + number) for number in range(5)]
        options: dict[str, Any] = {
            "sample_rate": RATE,
            "progress": lambda event: loop.call_soon_threadsafe(begun.set) if event.fraction else None,
        }
        task = asyncio.create_task(engine.batch_separate(songs, model, **options))
        await begun.wait()
        await engine.close()
        outcomes = await task
        with pytest.raises(EngineClosedError):
            await engine.batch_separate(songs, model, **options)
        return outcomes

    outcomes = asyncio.run(run())
    assert len(outcomes) == 5
    assert {type(outcome) for outcome in outcomes} == {SeparationCancelledError, EngineClosedError}


def test_cancelling_the_task_cancels_all_that_remains(
    small_models: Path, tmp_path: Path, noise: Callable[..., FloatArray]
) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", noise(2_000_000, seed=number), RATE)
    out = tmp_path / "out"

    async def run() -> float:
        async with SpleeterEngine() as engine:
            loop, begun = asyncio.get_running_loop(), asyncio.Event()

            def listen(event: Progress) -> None:
                if event.fraction:
                    loop.call_soon_threadsafe(begun.set)

            model = small_models / "two" / "config.json"
            task = asyncio.create_task(engine.batch_separate(folder, model, output_dir=out, progress=listen))
            await begun.wait()
            start = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            taken = time.monotonic() - start
            # The engine still knows of those that are about to end, and closing waits for them.
            await engine.close()
            jobs = engine.get_processing_stats()["jobs"]
            assert jobs["queued"] == jobs["running"] == 0
            assert jobs["cancelled"] > 0
            return taken

    assert asyncio.run(run()) < 0.5
    assert wait_until(lambda: not job_threads())
    assert not [path for path in entries(out) if path.endswith((".wav", ".part"))]
