"""Measure spleeter_nb beside Spleeter 2.4.2 in one run and write `docs/benchmarks.md`: ``make bench``.

The two take turns on the same song, A B A B, so that a machine that grows slower slows both; a ratio is the
median of the ratios of neighbours. Every part can be run alone (``--parts``); the page then holds only that.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile
from bench_measures import (
    MINUTES,
    MODEL,
    Figure,
    Setting,
    has_ffmpeg,
    measure_batch,
    measure_cache,
    measure_import,
    measure_lengths,
    measure_process,
    measure_stages,
    measure_warm,
)
from song import SECONDS
from spleeter_env import SCRIPTS, spleeter_python, two_stems_folder

import spleeter_nb

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: dict[str, tuple[str, Callable[[Setting], list[Figure]]]] = {
    "warm": ("Live process: an array to stems", measure_warm),
    "process": ("New process: a file to files", measure_process),
    "cache": ("Again, from the cache: a file to arrays", measure_cache),
    "batch": ("A batch of songs, files to files, warm", measure_batch),
    "lengths": ("Cost against length, file to files, float32", measure_lengths),
    "stages": ("Time by stage", measure_stages),
    "import": ("Import", measure_import),
}
PACKAGES = ("spleeter-nb", "openvino", "numpy", "scipy", "soundfile")


def describe(setting: Setting) -> list[str]:
    """Describe the machine, the versions and the runs."""
    processor = spleeter_nb.devices().processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    how = "its own command" if has_ffmpeg() else "its API and SciPy's WAV files, for want of an ffmpeg program"
    system = f"{platform.system()} {platform.release()}"
    return [
        f"- Machine: {processor.name}, {processor.cores} cores ({', '.join(processor.features)}), {memory:.0f} GB",
        f"- {system}, Python {platform.python_version()}, {versions}",
        f"- Spleeter 2.4.2 in an environment of its own; new processes through {how}",
        f"- A stereo song of {setting.seconds:.0f} s at 44.1 kHz, {MODEL}; medians of {setting.runs} runs",
    ]


def page(setting: Setting, tables: dict[str, list[Figure]]) -> str:
    """Return the page."""
    lines = ["# Benchmarks", "", "Written by `make bench`.", "", *describe(setting)]
    for title, figures in tables.items():
        lines += ["", f"## {title}", "", "| figure | measured | required | aim |", "|---|---|---|---|"]
        lines += [f"| {f.name} | {f.measured} | {f.required} | {f.aim} |" for f in figures]
    return "\n".join(lines) + "\n"


def write_song(folder: Path, song: Path | None, seconds: float) -> Path:
    """Write the song as a WAV file, in a process of its own: memory that this one used would be counted."""
    target = folder / "song.wav"
    command = [sys.executable, SCRIPTS / "song.py", target, "--seconds", str(seconds)]
    subprocess.run(command + (["--song", song] if song else []), check=True)
    return target


def main() -> None:
    """Read the command line, measure, write the page."""
    parser = argparse.ArgumentParser(description="Measure spleeter_nb beside Spleeter 2.4.2.")
    parser.add_argument("--spleeter-python", type=Path, help="the Python of an environment with Spleeter 2.4.2")
    parser.add_argument("--song", type=Path, help="a song of your own")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how much of the song")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--longest", type=int, default=MINUTES[-1], help="minutes of the longest file")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, default=SCRIPTS.parent / "docs" / "benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        song = write_song(Path(folder), options.song, options.seconds)
        setting = Setting(
            python=spleeter_python(options.spleeter_python),
            models=two_stems_folder(),
            song=song,
            seconds=soundfile.info(song).duration,
            folder=Path(folder),
            runs=options.runs,
            longest=max(3, options.longest),
        )
        tables = {}
        for part, (title, measure) in PARTS.items():
            if part in options.parts:
                print(title, flush=True)
                tables[title] = measure(setting)
        text = page(setting, tables)
    options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
