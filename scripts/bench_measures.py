"""What `bench.py` measures: one function for each part of the page."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from bench_processes import Command, Run, alternate, median, run, times_faster, worker
from song import SAMPLE_RATE
from spleeter_env import SCRIPTS, spleeter_environ

from spleeter_nb import ModelManager
from spleeter_nb.dsp.segments import Segmentation
from spleeter_nb.net.devices import choose, cores
from spleeter_nb.net.host import HostTransforms
from spleeter_nb.net.load import load_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spleeter_nb.values import FloatArray

MODEL = "spleeter:2stems"
PRECISIONS = ("float32", "bfloat16")
MINUTES = (1, 3, 10, 30, 60, 180)
REPEATED = 10
"""Minutes up to which a length is measured three times: a second of other work would bend the line."""
BATCH = 20
"""Songs in a batch."""
HEAVY = (
    "scipy",
    "keras",
    "openvino",
    "tensorflow",
    "jax",
    "torch",
    "av",
    "soundfile",
    "soxr",
    "httpx",
    "typer",
)


@dataclass(frozen=True)
class Figure:
    """One line of a table: what was measured, what is required, what to aim at."""

    name: str
    measured: str
    required: str = ""
    aim: str = ""


@dataclass(frozen=True)
class Setting:
    """What all parts share."""

    python: Path
    """The Python of Spleeter's environment."""
    models: Path
    """Where the official weights lie."""
    song: Path
    """A stereo WAV file of 16 bits at 44.1 kHz."""
    seconds: float
    """Its length."""
    folder: Path
    """For files that are not kept."""
    runs: int
    longest: int
    """Minutes of the longest file for cost against length."""

    @property
    def environ(self) -> dict[str, str]:
        """The environment of new processes, on both sides."""
        return spleeter_environ(self.models) | {"SPLEETER_CACHE_DIR": str(self.cache)}

    @property
    def cache(self) -> Path:
        """The folder of our cache."""
        return self.folder / "cache"


def separate_command(source: Path, target: Path, *options: str) -> Command:
    """Return our command, from a file to files."""
    return [sys.executable, "-m", "spleeter_nb", "separate", source, "-o", target, "-p", MODEL, *options]


def spleeter_command(setting: Setting, target: Path) -> Command:
    """Return Spleeter's command, or its stand-in where there is no ffmpeg."""
    if not has_ffmpeg():
        return [setting.python, SCRIPTS / "bench_worker.py", "files", setting.song, target]
    separate = [setting.python, "-m", "spleeter", "separate", "-p", MODEL, "-o", target]
    # Without -d, Spleeter would cut a longer song of one's own at ten minutes.
    return [*separate, "-d", str(setting.seconds + 1), setting.song]


def has_ffmpeg() -> bool:
    """Tell whether Spleeter's command can run."""
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def measure_warm(setting: Setting) -> list[Figure]:
    """Compare the separation of an array in live processes."""
    pythons = {"spleeter": setting.python, **dict.fromkeys(PRECISIONS, sys.executable)}
    with ExitStack() as stack:
        workers = {
            side: stack.enter_context(worker(python, side, setting.song, models=setting.models))
            for side, python in pythons.items()
        }
        results = alternate(setting.runs, workers)
    bounds = {"float32": ("3.2 x", "4.5 x"), "bfloat16": ("4.8 x", "7 x")}
    figures = []
    for side, runs in results.items():
        speed = f"{median(runs):.2f} s, {setting.seconds / median(runs):.0f} x real time"
        if side == "spleeter":
            figures.append(Figure("Spleeter 2.4.2", speed))
        else:
            ratio = times_faster(runs, results["spleeter"])
            figures.append(Figure(f"{side}, against Spleeter", f"{ratio:.2f} x ({speed})", *bounds[side]))
    return figures


def measure_process(setting: Setting) -> list[Figure]:
    """Compare new processes, from a file to files."""
    target = setting.folder / "stems"

    def once(command: Command) -> Run:
        # A first separation: no file is there yet, and the cache is empty.
        for folder in (target, setting.cache):
            shutil.rmtree(folder, ignore_errors=True)
        result = run(command, setting.environ)
        if len(list(target.rglob("*.wav"))) != 2:  # noqa: PLR2004 - two stems
            raise SystemExit(f"{' '.join(map(str, command))} did not write two stems")
        return result

    commands = {"spleeter": spleeter_command(setting, target)}
    commands |= {p: separate_command(setting.song, target, "--precision", p) for p in PRECISIONS}
    for command in commands.values():
        once(command)  # reads files into the system's cache, and prepares our model on its first use
    results = alternate(setting.runs, {k: (lambda c=c: once(c)) for k, c in commands.items()})
    figures = []
    for side, runs in results.items():
        peak = f"{statistics.median(one.megabytes for one in runs):.0f} MB"
        if side == "spleeter":
            figures += [Figure("Spleeter 2.4.2", f"{median(runs):.2f} s"), Figure("peak memory, Spleeter 2.4.2", peak)]
        else:
            ratio = f"{times_faster(runs, results['spleeter']):.2f} x ({median(runs):.2f} s)"
            figures.append(Figure(f"{side}, against Spleeter", ratio, "5 x", "9 x"))
            figures.append(Figure(f"peak memory, {side}", peak, "600 MB", "400 MB"))
    return figures


def measure_cache(setting: Setting) -> list[Figure]:
    """Measure separations of a song that was separated before, in a new process and again in the same."""
    command = [sys.executable, str(SCRIPTS / "bench_worker.py"), "cached", str(setting.song), str(setting.cache)]
    seconds: dict[str, list[float]] = {"disk": [], "memory": []}
    for _ in range(setting.runs + 1):
        lines = subprocess.check_output(command, text=True, env=setting.environ).splitlines()
        for line in lines:
            duration, level = line.split()
            seconds.get(level, []).append(float(duration))
    return [
        Figure(f"from {level}, {where}", f"{statistics.median(values):.3f} s", "0.5 s", "0.1 s")
        for (level, values), where in zip(seconds.items(), ("another process", "the same process"), strict=True)
    ]


def measure_batch(setting: Setting) -> list[Figure]:
    """Measure a batch of songs against the same songs one after the other, both in one warm process."""
    folder, target = setting.folder / "songs", setting.folder / "batch"
    folder.mkdir(exist_ok=True)
    samples, _ = soundfile.read(setting.song, dtype="int16")
    for number, part in enumerate(np.array_split(samples, BATCH)):
        soundfile.write(folder / f"{number:02}.wav", part, SAMPLE_RATE)
    command = [sys.executable, str(SCRIPTS / "bench_worker.py"), "batch", str(folder), str(target)]
    lines = subprocess.check_output(command, text=True, env=setting.environ).splitlines()
    serial, batch = zip(*(map(float, line.split()) for line in lines), strict=True)
    ratio = statistics.median(one / other for one, other in zip(serial, batch, strict=True))
    measured = f"{ratio:.2f} x ({statistics.median(batch):.2f} s instead of {statistics.median(serial):.2f} s)"
    return [Figure(f"{BATCH} songs of {setting.seconds / BATCH:.0f} s, against one by one", measured, "1 x")]


def measure_lengths(setting: Setting) -> list[Figure]:
    """Measure time and memory of new processes against the length of the file."""
    minutes = [m for m in MINUTES if m <= setting.longest]
    results = [measure_length(setting, length) for length in minutes]
    start, slope = fit_line(np.array(minutes), np.array([one.seconds for one in results]))
    details, worst = [], 0.0
    for length, one in zip(minutes, results, strict=True):
        off = one.seconds / (start + slope * length) - 1
        worst = max(worst, abs(off))
        measured = f"{one.seconds:.2f} s ({off:+.1%} off the line), {one.megabytes:.0f} MB"
        details.append(Figure(f"{length} min", measured))
    growth = results[-1].megabytes - results[minutes.index(3)].megabytes
    line = f"{start:.2f} s + {slope:.3f} s a minute, all within {worst:.1%}"
    return [
        Figure("cost against length", line, "linear within 5 %"),
        Figure(f"peak memory at {minutes[-1]} min minus that at 3 min", f"{growth:.0f} MB", "50 MB", "10 MB"),
        *details,
    ]


def measure_length(setting: Setting, minutes: int) -> Run:
    """Separate a file of so many minutes: the median time, the largest memory."""
    source, target = setting.folder / "long.wav", setting.folder / "long"
    write_long(setting.song, source, minutes)
    repeats = 3 if minutes <= REPEATED else 1
    runs = []
    for _ in range(repeats):
        runs.append(run(separate_command(source, target, "--no-cache"), setting.environ))
        shutil.rmtree(target)
    source.unlink()
    result = Run(median(runs), max(one.megabytes for one in runs))
    print(f"  {minutes} min: {result.seconds:.2f} s, {result.megabytes:.0f} MB", flush=True)
    return result


def write_long(song: Path, target: Path, minutes: int) -> None:
    """Write the song again and again until `minutes` are full."""
    left = minutes * 60 * SAMPLE_RATE
    with soundfile.SoundFile(target, "w", SAMPLE_RATE, 2, subtype="PCM_16") as file:
        while left > 0:
            for block in soundfile.blocks(song, 1 << 20, frames=left, dtype="int16"):
                file.write(block)
                left -= len(block)


def fit_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit ``y = start + slope * x`` so that relative errors are least."""
    start, slope = np.linalg.lstsq(np.stack([1 / y, x / y], axis=1), np.ones(len(x)), rcond=None)[0]
    return float(start), float(slope)


def measure_stages(setting: Setting) -> list[Figure]:
    """Measure one segment stage by stage, one after the other, which the engine does at the same time."""
    spec = ModelManager(setting.models).ensure(MODEL).spec
    transforms = HostTransforms(spec)
    segmentation = Segmentation(spec.n_fft, spec.hop_length, spec.segment_frames)
    count = segmentation.count(round(setting.seconds * SAMPLE_RATE))
    samples, _ = soundfile.read(setting.song, frames=spec.segment_samples, dtype="float32", always_2d=True)
    samples = np.resize(samples.T, (2, spec.segment_samples))
    spectrum, magnitude = transforms.analyse(samples, mask_extension="zeros")
    weights = np.ones(spec.segment_frames, np.float32)
    networks = {precision: load_networks(setting, precision) for precision in PRECISIONS}
    estimates = networks["float32"](magnitude)
    stages = {
        "STFT": lambda: transforms.analyse(samples, mask_extension="zeros"),
        **{f"networks, {precision}": (lambda f=f: f(magnitude)) for precision, f in networks.items()},
        "masks and inverse STFT": lambda: transforms.mask_and_invert(spectrum, estimates.copy(), weights),
    }
    results = alternate(4 * setting.runs, {name: (lambda s=s: clock(s)) for name, s in stages.items()})
    return [
        Figure(name, f"{median(runs) * count:.2f} s ({median(runs) * 1000:.0f} ms for each of {count} segments)")
        for name, runs in results.items()
    ]


def load_networks(setting: Setting, precision: str) -> Callable[[FloatArray], FloatArray]:
    """Load the networks; return the function from one segment's magnitude to all stems'."""
    model = ModelManager(setting.models).ensure(MODEL)
    never = threading.Event()
    runtime = load_runtime(
        model.spec,
        model.checkpoint,
        weights_digest=model.weights_digest,
        choice=choose("cpu", ()),
        precision=precision,
        threads=cores(),
        batch_size=1,
        cancel=never,
    )
    return lambda magnitude: runtime.estimate(magnitude[None], cancel=never)[0]


def clock(action: Callable[[], object]) -> Run:
    """Run a function in this process."""
    start = time.perf_counter()
    action()
    return Run(time.perf_counter() - start, 0.0)


def measure_import(setting: Setting) -> list[Figure]:
    """Measure what ``import spleeter_nb`` adds to the start of Python."""
    codes = ("pass", "import spleeter_nb")
    actions = {code: (lambda code=code: run([sys.executable, "-c", code])) for code in codes}
    bare, imported = alternate(4 * setting.runs, actions).values()
    seconds = statistics.median(b.seconds - a.seconds for a, b in zip(bare, imported, strict=True))
    code = f"import sys, spleeter_nb; print(*[m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    measured = f"{seconds:.3f} s, heavy modules: {loaded or 'none'}"
    return [Figure("`import spleeter_nb`", measured, "0.3 s", "0.1 s, no heavy module")]
