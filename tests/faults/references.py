"""Files that only name other files or servers: nothing else may be opened, nobody be called. strace sees what is."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.faults.figure import ROOT, CannotRunError, Figure, module_command, need_program, unmeasured
from tests.faults.media import box, songs
from tests.faults.readers import outcome

N, QUICK = 1, 1
"""Times that each of the files is read; which there are is written down here."""

SECRET = "secret.wav"  # noqa: S105 - a file that is nobody's business
TEXTS = {
    "ffconcat": "ffconcat version 1.0\nfile {path}\n",
    "ffconcat beside": "ffconcat version 1.0\nfile {name}\n",
    "ffconcat of a server": "ffconcat version 1.0\nfile {url}\n",
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "m3u8 of a server": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "m3u8 with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n',
    "pls": "[playlist]\nFile1={path}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "dash": "<?xml version='1.0'?><MPD type='static'><Period><AdaptationSet mimeType='audio/mp4'>"
    "<Representation id='1' bandwidth='1'><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "rtsp": "RTSPtextRTSP://127.0.0.1:{port}/song\n",
    "cue": 'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "concat": "concat:{path}|{path}",
    "address": "{url}",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
}
NAMES = (
    "http:127.0.0.1.wav",
    "file:{name}",
    "concat:{name}|{name}",
    "subfile,,start,0,end,100,,:{name}",
    "cache:{name}",
    "async:{name}",
)
"""What FFmpeg would take for an address, where a file is called so; inside is text."""
ENDINGS = ("wav", "mp3", "m4a", "m3u8")
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")


def measure(n: int, seed: int, folder: Path, reader: str = "spleeter_nb") -> tuple[Figure, ...]:  # noqa: ARG001 - see N
    strace = need_program("strace")
    known = songs(4_000)
    inside, outside, log = folder / "in", folder / "outside", folder / "log"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for place in (inside, outside):
            place.mkdir(exist_ok=True)
            (place / SECRET).write_bytes(known["song.wav"])
        count = _write(inside, outside / SECRET, port, known["faststart.mp4"])
        command = [strace, "-f", "-qq", "-s", "512", "-e", "trace=open,openat,openat2,connect", "-o", str(log)]
        job = json.dumps({"folder": str(inside), "reader": reader, "times": n})
        done = subprocess.run(
            [*command, *module_command("references", job)], cwd=ROOT, env=unmeasured(), capture_output=True, check=False
        )
    if not log.exists() or "PTRACE" in done.stderr.decode(errors="replace"):
        raise CannotRunError("strace may not look into processes here")
    lines = log.read_text(errors="replace").splitlines()
    opened = [line for line in lines if re.search(rf'open\w*\([^"]*"([^"]*/)?{re.escape(SECRET)}"', line)]
    called = [line for line in lines if "connect(" in line and "AF_INET" in line]
    note = f"{count} files that name others: {', '.join(json.loads(done.stdout))}"
    return (
        Figure(
            "hostile media: foreign files read", 0, len(opened), n * count, note=note, anchor="PyAV 11, soundfile 0"
        ),
        Figure("hostile media: connections made", 0, len(called), n * count, anchor="PyAV 1, soundfile 0"),
    )


def _write(folder: Path, secret: Path, port: int, mp4: bytes) -> int:
    fields = {"path": secret, "name": SECRET, "port": port, "url": f"http://127.0.0.1:{port}/song.wav"}
    for kind, text in TEXTS.items():
        for ending in ENDINGS:
            (folder / f"{kind}.{ending}").write_text(text.format(**fields))
    for name in NAMES:
        (folder / name.format(**fields)).write_text("no sound")
    for kind, entry in {
        "path": box(b"url ", bytes(4) + str(secret).encode() + b"\0"),
        "address": box(b"url ", bytes(4) + str(fields["url"]).encode() + b"\0"),
        "alias": box(b"alis", bytes(4) + _alias(str(secret))),
    }.items():
        (folder / f"reference by {kind}.mov").write_bytes(_with_reference(mp4, entry))
    return len(list(folder.iterdir())) - 1


def _with_reference(mp4: bytes, entry: bytes) -> bytes:
    """Say in an MP4 file that its sound lies elsewhere."""
    data = bytearray(mp4)
    at = data.index(b"dref") + 12
    (old,) = struct.unpack_from(">I", data, at)
    data[at : at + old] = entry
    for parent in _PARENTS:
        start = data.index(parent) - 4
        struct.pack_into(">I", data, start, struct.unpack_from(">I", data, start)[0] + len(entry) - old)
    return bytes(data)


def _alias(path: str) -> bytes:
    """Return what a Macintosh knew of a file: volume, name, and as the last the path."""
    text = path.encode()
    text += bytes(len(text) % 2)
    return (
        bytes(10) + b"\1V".ljust(28, b"\0") + bytes(12) + b"\1f".ljust(64, b"\0") + bytes(16)
        + struct.pack(">hh", 1, 1) + bytes(16) + struct.pack(">hh", 2, len(text)) + text + struct.pack(">hh", -1, 0)
    )  # fmt: skip


def _run(job: dict[str, str]) -> list[str]:
    os.chdir(job["folder"])
    outcomes: dict[str, int] = {}
    for path in Path().iterdir():
        if path.name != SECRET:
            for _ in range(int(job["times"])):
                told = outcome(job["reader"], path.name).partition(":")[0]
                outcomes[told] = outcomes.get(told, 0) + 1
    return [f"{count} {told}" for told, count in sorted(outcomes.items())]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run(json.loads(sys.argv[1]))))
