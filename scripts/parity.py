"""Hold our stems against those of the real Spleeter 2.4.2, live: ``make parity``.

Three parts: the small cases of `parity_reference.py`, made anew; whether the committed ones still say the
same; and the official 2stems weights on a song of three minutes, in both bandwidths and both precisions.
Prints a table and exits with 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from song import SAMPLE_RATE, SECONDS, make_song
from spleeter_env import SCRIPTS, spleeter_environ, spleeter_python, two_stems_folder

import spleeter_nb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    Stems = Mapping[str, npt.NDArray[np.float32]]

COMMITTED = SCRIPTS.parent / "tests" / "parity" / "data"

SONGS: tuple[tuple[str, dict[str, Any], float, float], ...] = (
    ("spleeter:2stems", {}, 1e-4, 0),
    ("spleeter:2stems", {"precision": "bfloat16"}, np.inf, 45),
    ("spleeter:2stems-16kHz", {}, 1e-4, 0),
    ("spleeter:2stems-16kHz", {"precision": "bfloat16"}, np.inf, 45),
    # Spleeter filters in single precision: where a song is nearly mono, its own rounding reaches 1e-4.
    ("spleeter:2stems", {"wiener": True}, np.inf, 60),
)
"""Model, our options, allowed maximum difference, required signal-to-noise ratio in dB."""

QUIET = -20.0
"""dB below the mixture at which a stem is what leaks into it, not an instrument: the vocals of a song without."""


@dataclass(frozen=True)
class Row:
    """One comparison and its bounds."""

    name: str
    difference: float
    """Largest absolute difference of a sample, over all stems."""
    snr: float
    """Spleeter's stem over the difference, in dB: that of the worst stem above `QUIET`."""
    allowed: float
    required: float

    @property
    def holds(self) -> bool:
        """Whether both bounds are kept."""
        return self.difference < self.allowed and self.snr > self.required


def compare(name: str, ours: Stems, theirs: Stems, *, allowed: float = 1e-4, required: float = 0) -> Row:
    """Measure how far `ours` are from `theirs`; other names or lengths are infinitely far."""
    if list(ours) != list(theirs) or any(ours[k].shape != theirs[k].shape for k in theirs):
        return Row(name, np.inf, -np.inf, allowed, required)
    noises = {stem: ours[stem].astype(np.float64) - theirs[stem] for stem in theirs}
    difference = max(float(np.abs(noise).max()) for noise in noises.values())
    mixture = sum(theirs.values())
    audible = [stem for stem in theirs if decibels(theirs[stem], mixture) > QUIET]
    return Row(name, difference, min(decibels(theirs[k], noises[k]) for k in audible), allowed, required)


def decibels(signal: npt.NDArray[np.floating], noise: npt.NDArray[np.floating]) -> float:
    """Return the ratio of two powers in dB."""
    powers = [float(np.square(x, dtype=np.float64).sum()) for x in (signal, noise)]
    return 10 * np.log10(powers[0] / powers[1]) if powers[1] else np.inf


def separate(samples: npt.NDArray[np.float32], model: str, rate: int, **options: object) -> Stems:
    """Separate with spleeter_nb."""
    result = spleeter_nb.separate(samples, model, sample_rate=rate, progress=False, cache=False, **options)
    return {name: result[name].samples for name in result}


def run_reference(python: Path, *arguments: str | Path, models: Path | None = None) -> None:
    """Run `parity_reference.py` in Spleeter's environment, showing what it says only when it fails."""
    command = [python, SCRIPTS / "parity_reference.py", *arguments]
    done = subprocess.run(command, env=spleeter_environ(models), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stderr}\n{' '.join(map(str, command))} ended with {done.returncode}")


def load_cases(folder: Path) -> Iterator[tuple[str, str, dict[str, Any], Stems]]:
    """Give each case below `folder` with each of its inputs: case, input, table entry, stems."""
    for case, entry in json.loads((folder / "cases.json").read_text()).items():
        names = json.loads((folder / case / "config.json").read_text())["instrument_list"]
        with np.load(folder / case / "reference.npz") as reference:
            for source in entry["inputs"]:
                yield case, source, entry, dict(zip(names, reference[source], strict=True))


def compare_cases(python: Path, folder: Path) -> Iterator[Row]:
    """Make the small cases anew and compare ours, and the committed ones, with them."""
    run_reference(python, "cases", folder)
    inputs = np.load(folder / "input.npz")
    committed = {(case, source): stems for case, source, _, stems in load_cases(COMMITTED)}
    for case, source, entry, theirs in load_cases(folder):
        config = folder / case / "config.json"
        rate = json.loads(config.read_text())["sample_rate"]
        ours = separate(inputs[source], str(config), rate, wiener=entry["mwf"])
        yield compare(f"{case}, {source}", ours, theirs)
        yield compare(f"{case}, {source}: committed", committed.get((case, source), {}), theirs)


def compare_song(python: Path, folder: Path, song: npt.NDArray[np.float32]) -> Iterator[Row]:
    """Compare the official weights on `song`."""
    models = two_stems_folder()
    np.save(folder / "song.npy", song)
    answers: dict[tuple[str, bool], Path] = {}
    for model, options, allowed, required in SONGS:
        key = model, "wiener" in options
        if key not in answers:
            answers[key] = folder / f"stems{len(answers)}.npz"
            switch = ["--mwf"] if "wiener" in options else []
            run_reference(python, "separate", model, folder / "song.npy", answers[key], *switch, models=models)
        with np.load(answers[key]) as arrays:
            theirs = {name: arrays[name] for name in arrays.files}
        label = ", ".join([model, f"{len(song) / SAMPLE_RATE:.0f} s", *(f"{k}={v}" for k, v in options.items())])
        ours = separate(song, model, SAMPLE_RATE, **options)
        yield compare(label, ours, theirs, allowed=allowed, required=required)


def report(rows: Iterator[Row]) -> bool:
    """Print each row as it comes; tell whether all bounds are kept."""
    print(f"{'':52} {'difference':>11} {'allowed':>9} {'SNR dB':>7} {'required':>9}")
    all_hold = True
    for row in rows:
        numbers = f"{row.difference:11.1e} {row.allowed:9.0e} {row.snr:7.1f} {row.required:9.0f}"
        print(f"{row.name:52} {numbers}  {'ok' if row.holds else 'BROKEN'}", flush=True)
        all_hold = all_hold and row.holds
    return all_hold


def main() -> None:
    """Read the command line, compare, exit with 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description="Compare spleeter_nb with the real Spleeter 2.4.2.")
    parser.add_argument("--spleeter-python", type=Path, help="the Python of an environment with Spleeter 2.4.2")
    parser.add_argument("--song", type=Path, help="a song of your own")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how much of the song")
    options = parser.parse_args()
    python = spleeter_python(options.spleeter_python)
    with tempfile.TemporaryDirectory() as folder:
        hold = report(compare_cases(python, Path(folder)))
        song = make_song(options.song, seconds=options.seconds)
        hold = report(compare_song(python, Path(folder), song)) and hold
    sys.exit(not hold)


if __name__ == "__main__":
    main()
