"""One browser, one JupyterLab, and notebooks in it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e import hosts
from tests.e2e.browsing import CHROMIUM, FLAGS, Watch
from tests.e2e.cells import COMPARISON, LINKED, STAGE
from tests.e2e.comparison import Comparison
from tests.e2e.notebook import PATIENCE_MS, Notebook
from tests.e2e.player import Player
from tests.e2e.sound import TAP

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from tests.e2e.hosts import Host

_number = itertools.count()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take pictures of the pages of a test that fails, while they still show why."""
    report = yield
    if report.failed and report.when == "call":
        arguments = getattr(item, "funcargs", {})
        if "watch" in arguments:
            arguments["watch"].take_pictures(arguments["tmp_path"])
    return report


@pytest.fixture(scope="package")
def kernels_environment(two_stems_models_dir: Path) -> Mapping[str, str]:
    return {"SPLEETER_MODELS_DIR": str(two_stems_models_dir), "SPLEETER_CACHE_ENABLED": "false"}


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # Its event loop counts as running in this thread until it ends: hence scopes of this package, not of the session.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield started
    started.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all pages, so that JupyterLab's scripts are fetched once."""
    made = browser.new_context(viewport={"width": 1280, "height": 2400})
    made.set_default_timeout(PATIENCE_MS)
    made.add_init_script(TAP)
    yield made
    made.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, kernels_environment: Mapping[str, str]) -> Iterator[Host]:
    """A JupyterLab that serves."""
    with hosts.jupyter_lab(tmp_path_factory.mktemp("lab"), kernels_environment) as host:
        yield host


@pytest.fixture(scope="package")
def _page_of_all(context: BrowserContext, lab: Host) -> Iterator[Page]:
    page = context.new_page()
    page.goto(f"{lab.url}/lab?reset")
    page.wait_for_function("globalThis.jupyterapp?.restored.then(() => true)")
    yield page
    page.close()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:  # noqa: ARG001 - pictures go there
    """Watches the pages of this test: it fails on unexpected errors, and on requests beyond this machine."""
    watch = Watch()
    yield watch
    watch.close()
    assert not watch.errors, "\n".join(watch.errors)
    assert not watch.outside, f"asked for: {watch.outside}"


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Iterator[Page]:
    """A page that no other test has."""
    made = context.new_page()
    watch.add(made)
    yield made
    made.close()


@pytest.fixture
def lab_page(_page_of_all: Page, watch: Watch) -> Page:
    """The page in which JupyterLab is loaded already."""
    watch.add(_page_of_all)
    return _page_of_all


@pytest.fixture(scope="package")
def _stage(_page_of_all: Page, lab: Host) -> Iterator[Notebook]:
    notebook = Notebook(_page_of_all, lab, "stage.ipynb")
    notebook.write(STAGE)
    notebook.show()
    notebook.run_cell(0)
    yield notebook
    notebook.close()


@pytest.fixture
def stage(_stage: Notebook, lab_page: Page) -> Iterator[Notebook]:  # noqa: ARG001 - it is watched meanwhile
    """A notebook whose kernel knows songs; `cells.STAGE` lists its cells. Nothing is shown yet."""
    _stage.activate()
    _stage.clear_outputs()
    yield _stage
    if _stage.is_running():
        _stage.interrupt()  # a test that failed has left it so


@pytest.fixture
def player(stage: Notebook) -> Iterator[Player]:
    """A new player in the second cell of the stage."""
    stage.run_cell(1)
    shown = Player(stage.page, stage.cell(1).locator(".snb-root"))
    shown.root.wait_for()
    yield shown
    stage.python("player.close()")


@pytest.fixture
def comparison(stage: Notebook) -> Iterator[Comparison]:
    """A new comparison in the third cell of the stage, without a player."""
    yield _shown_comparison(stage, COMPARISON)
    _close_comparison(stage)


@pytest.fixture
def linked(player: Player, stage: Notebook) -> Iterator[Comparison]:  # noqa: ARG001 - it plays along
    """Likewise, with the player of the second cell."""
    yield _shown_comparison(stage, LINKED)
    _close_comparison(stage)


def _shown_comparison(stage: Notebook, code: str) -> Comparison:
    shown = Comparison(stage.page, stage.run_code(code).locator(".snb-root"))
    shown.root.wait_for()
    shown.wait_until_sharp()
    return shown


def _close_comparison(stage: Notebook) -> None:
    if stage.is_running():
        stage.interrupt()  # likewise
    stage.python("view.close()")


@pytest.fixture
def open_notebook(lab: Host, request: pytest.FixtureRequest) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook of these cells, in the page that is loaded already, or in one of its own; nothing is run yet."""
    opened: list[Notebook] = []

    def open_it(*cells: str, page: Page | None = None) -> Notebook:
        notebook = Notebook(page or request.getfixturevalue("lab_page"), lab, f"n{next(_number)}.ipynb")
        notebook.write(cells)
        opened.append(notebook)
        if page:
            notebook.load()
        else:
            notebook.show()
        return notebook

    yield open_it
    for notebook in opened:
        notebook.close()
