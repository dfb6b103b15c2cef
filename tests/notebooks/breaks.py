"""The engine, broken on purpose in a kernel: what notebooks assert must notice each of these.

``python -m tests.notebooks.breaks`` runs all notebooks with each break and prints which of them fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]

# Each runs when a kernel starts.
BREAKS = {
    "wrong mask": """
import numpy as np
from spleeter_nb.net import host
host.ratio_masks = lambda estimates, *, exponent: np.full_like(estimates, 1 / len(estimates))
""",
    "swapped stems": """
from spleeter_nb.net.host import HostTransforms
inverted = HostTransforms.mask_and_invert
HostTransforms.mask_and_invert = lambda *arrays: inverted(*arrays)[::-1].copy()
""",
    "wrong rate": """
from spleeter_nb.values import AudioInfo
made = AudioInfo.__init__
AudioInfo.__init__ = lambda info, *args, sample_rate, **more: made(info, *args, sample_rate=sample_rate + 3900, **more)
""",
}


def run(code: str, *notebooks: str) -> subprocess.CompletedProcess[str]:
    """Run notebooks with nbval in kernels that run some code first."""
    with TemporaryDirectory() as folder:
        startup = Path(folder) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "break.py").write_text(code)
        options = ["-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, *notebooks],
            env=os.environ | {"IPYTHONDIR": folder},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


def failed_cells(output: str) -> dict[str, int]:
    """Count the cells that failed, by notebook, from pytest's summary."""
    cells = [line.split()[1] for line in output.splitlines() if line.startswith("FAILED ")]
    notebooks = [cell.partition("::")[0] for cell in cells]
    return {notebook: notebooks.count(notebook) for notebook in sorted(set(notebooks))}


def main() -> None:
    """Print which notebooks notice which break."""
    for name, code in BREAKS.items():
        print(f"{name}:", flush=True)  # noqa: T201 - it talks to a terminal
        for notebook, cells in failed_cells(run(code, "notebooks").stdout).items():
            print(f"  {notebook}: {cells} cells fail", flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
