"""Pictures in pairs: of ``player-light.png`` and ``player-dark.png`` on one page, the reader's theme shows one.

A forge shows both, one below the other, of the same Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CLASSES = {"light": "only-light", "dark": "only-dark"}


def _pair(_app: Sphinx, page: nodes.document) -> None:
    images = {image["uri"]: image for image in page.findall(nodes.image)}
    for uri, image in images.items():
        for theme, other in (("light", "dark"), ("dark", "light")):
            if f"-{theme}." in uri and uri.replace(f"-{theme}.", f"-{other}.") in images:
                image["classes"].append(_CLASSES[theme])


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at each page once it is read."""
    app.connect("doctree-read", _pair)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
