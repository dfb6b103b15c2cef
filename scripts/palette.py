"""Small pictures."""

from __future__ import annotations

import io

from PIL import Image


def with_palette(png: bytes) -> bytes:
    """Return a picture with at most 256 colours, which nobody sees in a plot, or what came if that is smaller."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        if image.has_transparency_data:
            return png
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return min(small.getvalue(), png, key=len)
