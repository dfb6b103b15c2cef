"""What axe-core finds wrong with a part of a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator

_AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"

_RUN = """
async (root) => {
  const { violations } = await axe.run(root);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}\\n` + nodes.map((it) => "    " + it.html).join("\\n"));
}
"""


def assert_axe_finds_nothing_serious(root: Locator) -> None:
    root.page.evaluate(_AXE.read_text())
    found = root.evaluate(_RUN)
    assert not found, "\n".join(found)
