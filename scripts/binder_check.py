"""Go the way of somebody who opens the link to Binder: ``make binder-check``.

repo2docker tells what it would build, and here the same is done without a container: the requirements and
``binder/postBuild`` in an environment and a home of their own, then JupyterLab by ``binder/start``, with one core and
1 GB of memory for it and its kernels. A browser runs all of the first notebook and plays a stem. Prints a table, and
exits with 1 when something takes too much or stays silent. Needs Debian's chromium; ``--dockerfile`` is quick and
ends after repo2docker.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from memory_limit import limited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memory_limit import Group, Watched
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "notebooks/00_start_here.ipynb"
PLAYERS_CELL = "show-the-player"
STEM = "accompaniment"
"""The one that is listened to: the voice waits for five seconds."""

MOST_BYTES = 10**9
MOST_SECONDS = 60.0
STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0

OUR_STEPS = (
    r"Building conda environment for python={version}\b",
    r"^COPY \S+ src/ ",
    r'^RUN \S+/pip install --no-cache-dir -r "binder/requirements.txt"',
    r"^RUN ./binder/postBuild$",
    r'^ENV R2D_ENTRYPOINT="\${{REPO_DIR}}/binder/start"',
)
"""What repo2docker must say: our requirements in particular only after our source has been copied."""

KEPT = re.compile(r"(PIP|NPM_CONFIG|SSL)_.*|.*_CA_.*|.*_PROXY|LANG|LC_ALL", re.IGNORECASE)
"""Variables that the clean environment has from this machine: where packages come from, and whom to trust."""

USERS_OWN = {"PIP_CONFIG_FILE": ".config/pip/pip.conf", "NPM_CONFIG_USERCONFIG": ".npmrc"}
"""Files of the home folder that may say so, too: another home would hide them."""

RUN_ALL = """
jupyterapp.shell.activateById(panel.id);
globalThis.allHaveRun = 0;
jupyterapp.commands.execute("notebook:run-all-cells").finally(() => { globalThis.allHaveRun = Date.now(); });
"""
FIND_CELL = "return notebook.widgets.findIndex(({ model }) => model.id === given)"
ERRORS = """
return notebook.widgets.filter(({ model }) => model.type === "code").flatMap(({ model }) =>
  model.executionCount ? model.outputs.toJSON().filter((it) => it.output_type === "error").map((it) => it.evalue)
    : [`${model.id} has not run`]);
"""


class CheckError(Exception):
    """Binder would disappoint somebody; the message says with what."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    value: float
    unit: str
    most: float = float("inf")

    def __str__(self) -> str:
        most = "" if self.most == float("inf") else f"{self.most:10.0f} {self.unit}"
        return f"{self.name:64}{self.value:8.1f} {self.unit:2}{most}{'' if self.value <= self.most else '  TOO MUCH'}"


@dataclass
class Place:
    """What Binder calls an image: a folder that is home and holds the source, and an environment."""

    folder: Path
    rows: list[Row] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """Binder's home is the repository."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of whatever runs there."""
        kept = {name: str(Path.home() / path) for name, path in USERS_OWN.items()}
        kept |= {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
        return kept | {"HOME": str(self.home), "PATH": f"{self.folder / 'env' / 'bin'}:{os.defpath}"}

    def run(self, name: str, *command: str | Path) -> None:
        """Run one step of the build, and note how long it takes."""
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.home, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            raise CheckError(f"{name} failed:\n{done.stdout.decode()[-4000:]}")
        self.rows.append(Row(name, time.perf_counter() - start, "s"))


def main() -> None:
    """Check, print the table, and exit with 1 if Binder would disappoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dockerfile", action="store_true", help="only look at what repo2docker would build")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT, help="the repository, by default this one")
    arguments = parser.parse_args()
    try:
        check_dockerfile(arguments.folder)
        print("repo2docker would use our runtime, requirements, postBuild and start, in this order")
        rows = [] if arguments.dockerfile else check_visit(arguments.folder)
    except CheckError as error:
        sys.exit(str(error))
    for row in rows:
        print(row)
    if any(row.value > row.most for row in rows):
        sys.exit(1)


def check_dockerfile(source: Path) -> None:
    """Hold repo2docker's plan against what we mean."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    told = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    # It logs what it found, then prints the Dockerfile.
    rest = told.stderr + told.stdout
    for step in OUR_STEPS:
        pattern = step.format(version=re.escape(runtime_version(source)))
        if not (found := re.search(pattern, rest, re.MULTILINE)):
            raise CheckError(f"repo2docker does not say {pattern!r}, or not in its place:\n{told.stderr}{told.stdout}")
        rest = rest[found.end() :]


def check_visit(source: Path) -> list[Row]:
    """Build, start, visit, and return what it took."""
    with tempfile.TemporaryDirectory(prefix="binder-check-") as folder:
        place = Place(Path(folder))
        build(place, source)
        with limited(MOST_BYTES) as memory:
            visit(place, memory)
            place.rows.append(Row(f"peak memory ({memory.name})", memory.peak / 1e6, "MB", MOST_BYTES / 1e6))
    return place.rows


def runtime_version(source: Path) -> str:
    """Return the version of Python that Binder is told to take."""
    return (source / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")


def build(place: Place, source: Path) -> None:
    """Do what the Dockerfile does, as far as it is ours."""
    copy_source(source, place.home)
    python = shutil.which(f"python{runtime_version(source)}") or sys.executable
    place.run(f"an environment by {Path(python).resolve().name}", python, "-m", "venv", place.folder / "env")
    place.run("binder/requirements.txt", "pip", "install", "--no-cache-dir", "-r", "binder/requirements.txt")
    place.run("binder/postBuild", "binder/postBuild")
    if left := [path for path in (".cache/pip", ".npm", "widgets/node_modules") if (place.home / path).exists()]:
        raise CheckError(f"postBuild leaves {left} in the image.")
    size = sum(path.lstat().st_size for path in place.folder.rglob("*"))
    place.rows.append(Row("size of environment and home", size / 1e6, "MB"))


def copy_source(source: Path, target: Path) -> None:
    """Copy what git would have, were all that is here committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs."""

    url: str
    work: Path
    started: float
    """Seconds since the epoch."""

    def seconds(self, at: float | None = None) -> float:
        """Return the seconds since its start."""
        return (at or time.time()) - self.started

    def answers(self) -> bool:
        """Tell whether pages can be had."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/status", timeout=5):  # noqa: S310 - it is http
                return True
        except OSError:
            return False


@contextmanager
def serving(place: Place, memory: Group | Watched) -> Iterator[Server]:
    """Start JupyterLab as Binder does, on one core and within the limit; end it and its kernels."""
    from tests.cache.redis_server import free_port  # noqa: PLC0415 - needs pytest, as all of these helpers

    port, log = free_port(), place.folder / "log.txt"
    server = Server(f"http://127.0.0.1:{port}", place.home, time.time())
    one_core = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    lab = ["jupyter", "lab", "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    options = ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    limits = {"CPU_LIMIT": "1.0", "MEM_LIMIT": str(MOST_BYTES)}
    with log.open("wb") as output:
        process = memory.start(
            [*one_core, "binder/start", *lab, *options],
            cwd=place.home,
            env=place.environment | limits,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while not server.answers():
            if process.poll() is not None or server.seconds() > STARTS_WITHIN:
                raise CheckError(f"JupyterLab does not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield server
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=STOPS_WITHIN)
    for it in left:
        it.kill()
    process.wait()


def visit(place: Place, memory: Group | Watched) -> None:
    """Open the notebook in a browser, run it, and listen."""
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - --dockerfile needs none of it

    from tests.e2e.browsing import CHROMIUM, FLAGS  # noqa: PLC0415 - likewise
    from tests.e2e.sound import TAP  # noqa: PLC0415 - likewise

    with serving(place, memory) as server, sync_playwright() as playwright:
        place.rows.append(Row("from the start until JupyterLab answers", server.seconds(), "s"))
        with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 2400})
            page.set_default_timeout(MOST_SECONDS * 1000)
            page.add_init_script(TAP)
            try:
                place.rows += run_and_listen(page, server)
            except (AssertionError, Error) as error:
                page.screenshot(path=(picture := Path(tempfile.gettempdir()) / "binder-check.png"))
                raise CheckError(f"{error}\nended for want of memory: {memory.killed}; see {picture}") from error
        if memory.killed:
            raise CheckError(f"{memory.killed} processes were ended for want of memory.")


def run_and_listen(page: Page, server: Server) -> list[Row]:
    """Run all cells cold and play one stem as soon as the player is there; return when what was ready."""
    from tests.e2e.notebook import Notebook, until  # noqa: PLC0415 - likewise
    from tests.e2e.player import Player  # noqa: PLC0415 - likewise

    notebook = Notebook(page, server, NOTEBOOK)
    notebook.load()
    notebook.clear_outputs()
    opened = server.seconds()
    notebook.on_panel(RUN_ALL)
    player = Player(page, notebook.cell(notebook.on_panel(FIND_CELL, PLAYERS_CELL)).locator(".snb-root"))
    player.stem(STEM).button("^solo").click()
    player.play()
    heard = server.seconds()
    until(page, lambda: page.evaluate("allHaveRun"), "all cells have run")
    run = server.seconds(page.evaluate("allHaveRun") / 1000)
    if errors := notebook.on_panel(ERRORS):
        raise CheckError(f"Cells fail: {errors}")
    return [
        Row("from the start until the notebook is open", opened, "s"),
        Row("from the start until the last cell has run", run, "s", MOST_SECONDS),
        Row("from the start until the first sound is heard", heard, "s", MOST_SECONDS),
    ]


if __name__ == "__main__":
    main()
