"""Small pictures."""

from __future__ import annotations

import io

from PIL import Image

OPAQUE = 255
COLOURS = 128


def with_palette(png: bytes) -> bytes:
    """Return a picture with at most 128 colours, which nobody sees in a plot, or what came if that is smaller."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        if image.convert("RGBA").getextrema()[3] != (OPAQUE, OPAQUE):
            return png
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return min(small.getvalue(), png, key=len)
