"""A notebook as somebody has it open in JupyterLab, and what its kernel and its file say."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.e2e.hosts import Host

PATIENCE_MS = 60_000
"""How long a condition is waited for; none of them is a measure of speed."""

_PANEL = "Array.from(jupyterapp.shell.widgets('main')).find((it) => it.context?.path === path)"

_RUN = """
jupyterapp.shell.activateById(panel.id);
notebook.deselectAll();
notebook.activeCellIndex = given;
const ended = jupyterapp.commands.execute("notebook:run-cell");
"""


def until(page: Page, holds: Callable[[], object], what: str) -> None:
    """Wait for a condition that is looked at from here; the browser's events are handled meanwhile."""
    ends = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < ends, f"in vain: {what}"
        page.wait_for_timeout(50)


class Notebook:
    """One notebook, open in a page of JupyterLab.

    Parameters
    ----------
    page : Page
        Has JupyterLab loaded, or gets it with `load`.
    host : Host
        Serves it.
    path : str
        Of the file, below the host's folder.
    """

    def __init__(self, page: Page, host: Host, path: str) -> None:
        self.page, self.host, self.path = page, host, path

    @property
    def file(self) -> Path:
        return self.host.work / self.path

    def write(self, cells: Iterable[str]) -> None:
        """Write the file: code cells, without outputs."""
        made = [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": it}
            for i, it in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        self.file.write_text(json.dumps(content))

    def load(self) -> None:
        """Load JupyterLab anew, with this notebook; also what reloading the page does."""
        self.page.goto(f"{self.host.url}/lab/tree/{self.path}?reset")
        self.wait_for_kernel()

    def show(self) -> None:
        """Open it in a JupyterLab that is loaded."""
        self.command("docmanager:open", path=self.path)
        self.wait_for_kernel()

    def close(self) -> None:
        """Close the tab, if it is there, and end the kernel."""
        if not self.page.is_closed():
            self.on_panel("panel?.dispose()")
        for session in json.loads(self.host.request("/api/sessions")):
            if session["path"] == self.path:
                self.host.request(f"/api/sessions/{session['id']}", method="DELETE")

    def command(self, name: str, **arguments: object) -> None:
        self.page.evaluate(
            "async ([name, given]) => { await jupyterapp.commands.execute(name, given); }", [name, arguments]
        )

    def on_panel(self, script: str, given: object = None) -> Any:
        """Run JavaScript that knows `panel`, the notebook's widget in JupyterLab, and `given`."""
        body = f"const panel = {_PANEL}; const notebook = panel?.content; {script}"
        return self.page.evaluate(f"async ([path, given]) => {{ {body} }}", [self.path, given])

    def wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            f"(path) => globalThis.jupyterapp && {_PANEL}?.sessionContext?.session?.kernel?.status === 'idle'",
            arg=self.path,
            timeout=PATIENCE_MS,
        )

    def start_cell(self, number: int) -> None:
        """Run a cell, and do not wait for its end."""
        self.on_panel(f"{_RUN} ended.catch(() => undefined);", number)

    def run_cell(self, number: int = 0) -> None:
        """Run a cell to its end."""
        late = f"new Promise((_, fail) => setTimeout(() => fail(new Error('it does not end')), {PATIENCE_MS}))"
        self.on_panel(f"{_RUN} await Promise.race([{late}, ended]);", number)
        failed = [it for it in self.outputs(number) if it["output_type"] == "error"]
        assert not failed, "\n".join(failed[0]["traceback"])

    def run_code(self, code: str, number: int = 2) -> Locator:
        """Put code into a cell, run it to its end, and return what the cell shows."""
        self.on_panel("notebook.widgets[given[0]].model.sharedModel.setSource(given[1])", [number, code])
        self.run_cell(number)
        return self.cell(number)

    def start_code(self, code: str, number: int = 2) -> Locator:
        """Likewise, without waiting for its end."""
        self.on_panel("notebook.widgets[given[0]].model.sharedModel.setSource(given[1])", [number, code])
        self.start_cell(number)
        return self.cell(number)

    def execution_count(self, number: int) -> int | None:
        count: int | None = self.on_panel("return notebook.widgets[given].model.executionCount", number)
        return count

    def outputs(self, number: int = 0) -> list[dict[str, Any]]:
        """Return a cell's outputs as they stand in the page."""
        found: list[dict[str, Any]] = self.on_panel("return notebook.widgets[given].model.outputs.toJSON()", number)
        return found

    def cell(self, number: int = 0) -> Locator:
        """Return what a cell shows."""
        panel_id = self.on_panel("return panel.id")
        return self.page.locator(f"[id='{panel_id}'] .jp-Notebook-cell[data-windowed-list-index='{number}']")

    def sources(self) -> list[str]:
        """Return what all cells say now."""
        said: list[str] = self.on_panel("return notebook.widgets.map((it) => it.model.sharedModel.getSource())")
        return said

    def save(self) -> dict[str, Any]:
        """Save, and return what the file holds."""
        self.on_panel("await panel.context.save()")
        content: dict[str, Any] = json.loads(self.file.read_text())
        return content

    def clear_outputs(self) -> None:
        self.activate()
        self.command("notebook:clear-all-cell-outputs")

    def activate(self) -> None:
        self.on_panel("jupyterapp.shell.activateById(panel.id)")

    def kernel_status(self) -> str:
        return str(self.on_panel("return panel.sessionContext.session.kernel.status"))

    def is_running(self) -> bool:
        """Tell whether a cell runs; a kernel may say that it is idle meanwhile, when it answers widgets beside it."""
        return bool(self.on_panel("return notebook.widgets.some(({ model }) => model.executionState === 'running')"))

    def interrupt(self) -> None:
        self.on_panel("await panel.sessionContext.session.kernel.interrupt()")
        self.wait_for_kernel()

    def restart_kernel(self) -> None:
        self.on_panel("await panel.sessionContext.session.kernel.restart()")
        self.wait_for_kernel()

    def python(self, code: str) -> str:
        """Run code in the kernel, beside the cells, and return what it prints."""
        said: list[str] = self.on_panel(
            """
            const said = ["", ""];
            const future = panel.sessionContext.session.kernel.requestExecute({ code: given, store_history: false });
            future.onIOPub = ({ header, content }) => {
              if (header.msg_type === "stream") said[0] += content.text;
              if (header.msg_type === "error") said[1] += content.traceback.join("\\n");
            };
            await future.done;
            return said;
            """,
            code,
        )
        assert not said[1], said[1]
        return said[0]

    def value(self, expression: str) -> Any:
        """Return what an expression is in the kernel, through JSON."""
        return json.loads(self.python(f"import json\nprint(json.dumps({expression}))"))

    def until_value(self, expression: str) -> None:
        """Wait until an expression is true in the kernel."""
        until(self.page, lambda: self.value(f"bool({expression})"), f"{expression} in the kernel")
