"""An interrupt at any moment: answered soon, nothing left, and the next separation is right."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path


def test_an_interrupt_is_answered_soon_and_leaves_nothing(two_stems_models_dir: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("interrupts.py")
    done = subprocess.run(
        [sys.executable, script, two_stems_models_dir, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    print("\n".join(f"{case['stage']:10} {case['seconds']:.3f} s" for case in report["interrupts"]))  # noqa: T201 - a figure to look at
    seconds = [case["seconds"] for case in report["interrupts"]]
    # A busy machine may delay one of them.
    assert statistics.median(seconds) < 0.5
    assert max(seconds) < 1
    *others, publishing = report["interrupts"]
    assert [case["left"] for case in others] == [[]] * len(others)
    # What is being published is complete: all of it appears, or nothing.
    names = {Path(entry).name for entry in publishing["left"]}
    assert names in (set(), {"new", "audio", "vocals.wav", "accompaniment.wav"})
    assert report["equal"]
    assert report["leaked"] <= 0
