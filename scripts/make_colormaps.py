"""Write widgets/src/draw/colormaps.ts from matplotlib's colour maps; ``--check`` only says whether it is up to date."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

import matplotlib as mpl
import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "widgets" / "src" / "draw" / "colormaps.ts"

NAMES = ("magma", "viridis", "inferno", "gray", "coolwarm")
"""Those of levels, of masks and of differences."""

ENTRIES = 256
LINE_BYTES = 81
"""A multiple of three: no padding within a line of base64."""

HEAD = """\
// Written by scripts/make_colormaps.py from matplotlib: change that, and run it.

/** Red, green and blue of 256 colours from the lowest value to the highest, as base64. */
const BASE64 = {
"""

TAIL = """\
};

export type ColormapName = keyof typeof BASE64;

/** Red, green and blue of 256 colours from the lowest value to the highest: 768 bytes each. */
export const COLORMAPS = Object.fromEntries(
  Object.entries(BASE64).map(([name, text]) => [name, Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0))]),
) as Readonly<Record<ColormapName, Uint8Array>>;

/** CSS colours of a few places, and straight lines between them, are as good as all 256. */
const STOPS = 17;

/** A legend from left to right. */
export function gradient(name: ColormapName): string {
  const stops = Array.from({ length: STOPS }, (_, i) => {
    const at = 3 * Math.round((255 * i) / (STOPS - 1));
    return `rgb(${COLORMAPS[name].subarray(at, at + 3).join(" ")})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
"""


def main() -> None:
    """Write the file, or compare it."""
    text = whole_file()
    if "--check" in sys.argv:
        if not TARGET.is_file() or TARGET.read_text("utf-8") != text:
            sys.exit(f"{TARGET.name} is stale: run python scripts/make_colormaps.py")
        return
    TARGET.write_text(text, "utf-8")


def whole_file() -> str:
    """Return colormaps.ts."""
    return HEAD + "".join(map(entry, NAMES)) + TAIL


def entry(name: str) -> str:
    """Return the lines of one colour map."""
    shares = mpl.colormaps[name].resampled(ENTRIES)(np.arange(ENTRIES))[:, :3]
    # Matplotlib itself cuts the fraction off: of 256 grays 232 would be left.
    colours = np.round(255 * shares).astype(np.uint8).tobytes()
    pieces = (colours[at : at + LINE_BYTES] for at in range(0, len(colours), LINE_BYTES))
    lines = " +\n".join(f'    "{b64encode(piece).decode()}"' for piece in pieces)
    return f"  {name}:\n{lines},\n"


if __name__ == "__main__":
    main()
