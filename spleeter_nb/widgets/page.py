"""One page that plays a song by itself: no kernel, no network, nothing beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html import escape
from typing import IO, TYPE_CHECKING, Any

from spleeter_nb.dsp.peaks import quantised
from spleeter_nb.storage import create_temporary, move_into_place, storing, sync_folder
from spleeter_nb.widgets.bridge import built
from spleeter_nb.widgets.song import SAMPLES_PER_BIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from spleeter_nb.widgets.song import Song

# What the page may do: run this one script and use these styles, and play what the script decodes. Nothing is fetched.
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src-elem '{style}'; style-src-attr 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob: mediastream:; base-uri 'none'; form-action 'none'"
)

# In JSON these stand in strings only, and say the same as what they are replaced by; a parser of HTML sees none.
_IN_JSON = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&"})

# Where an element would end, or the rest would become a comment.
_END = re.compile(r"<(?=/(?:script|style)|!--)", re.IGNORECASE)

_DATA = "application/octet-stream;base64"


def write_page(path: Path, song: Song, state: Mapping[str, Any]) -> None:
    """Write a player as a page; what it holds in memory meanwhile is one chunk of sound.

    ``widgets/src/afm/standalone.ts`` reads it, and says what is where.

    Parameters
    ----------
    path : Path
        Written atomically, with the folders above it; what was there is replaced.
    song : Song
    state : mapping of str to object
        The synced traits.

    Raises
    ------
    MissingDependencyError
        If the front end was not built.
    DiskFullError, StorageError
        If it cannot be written.
    """
    style, script = built("standalone.css"), built("standalone.js")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, file = create_temporary(path.parent)
        try:
            with file:
                _write(file, _page(song, state, style=style, script=script))
                move_into_place(temporary, path, replace=True)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _write(file: IO[bytes], pieces: Iterator[str]) -> None:
    for piece in pieces:
        file.write(piece.encode("utf-8"))
    file.flush()
    os.fsync(file.fileno())


def _page(song: Song, state: Mapping[str, Any], *, style: str, script: str) -> Iterator[str]:
    style, script = _kept_inside(style), _kept_inside(script)
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    title = escape(song.title or ", ".join(stem.name for stem in song.stems))
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<main id="snb-app"></main>\n<noscript>This page plays stems with JavaScript.</noscript>\n'
        f'<script type="application/json" id="snb-data">{_json({"state": state})}</script>\n'
    )
    for k, signal in enumerate(song.signals):
        facts = f'data-signal="{k}" data-samples-per-bin="{SAMPLES_PER_BIN}" data-full-scale="{song.full_scale!r}"'
        yield _data(facts, quantised(signal.peaks, song.full_scale).tobytes())
    for chunk in range(song.chunks):
        for k in range(len(song.signals)):
            yield _data(f'data-signal="{k}" data-chunk="{chunk}"', song.encoded(k, chunk))
    yield f'<script type="module">{script}</script>\n</body>\n</html>\n'


def _data(facts: str, data: bytes) -> str:
    return f'<script type="{_DATA}" {facts}>{base64.b64encode(data).decode("ascii")}</script>\n'


def _json(value: Mapping[str, Any]) -> str:
    """Return JSON that ends no element and begins none; bytes as base64."""
    text = json.dumps(value, default=lambda data: base64.b64encode(data).decode("ascii"), allow_nan=False)
    return text.translate(_IN_JSON)


def _kept_inside(text: str) -> str:
    """Return a script or style that does not end its own element; such text is only in strings, and stays the same."""
    return _END.sub(r"<\\", text)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
