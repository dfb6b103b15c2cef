"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_LOG = logging.getLogger(__name__)

# HTML knows the name space by itself, and XML no such entity.
_IN_HTML = {' xmlns="http://www.w3.org/1998/Math/MathML"': "", "&ApplyFunction;": "\u2061"}

# \big and its kind, with what opens; docutils knows them only with the side, as \bigl and \bigr.
_SIZE = re.compile(r"\\([bB]igg?)(?![A-Za-z])(\s*(?:[(\[]|\\[{l]))?")


def _written(node: nodes.math | nodes.math_block, *, as_block: bool) -> str:
    text = node.astext()
    sided = _SIZE.sub(lambda found: rf"\{found[1]}l{found[2]}" if found[2] else rf"\{found[1]}r", text)
    try:
        written = tex2mathml(sided, as_block=as_block)
    except MathError as error:
        _LOG.warning("docutils cannot write %r as MathML: %s", text, error, location=node)
        return ""
    for xml, html in _IN_HTML.items():
        written = written.replace(xml, html)
    return _mended(written)


def _mended(written: str) -> str:
    """Put what is said of a brace below or above it, and keep bars with an exponent as high as those without."""
    formula = ET.fromstring(written)  # noqa: S314 - docutils has just written it
    for kind, place in (("msub", "munder"), ("msup", "mover")):
        for node in formula.iter(kind):
            if node[0].tag == place:
                node.tag = place
            elif node[0].tag == "mo" and not node[0].attrib:
                node[0].set("stretchy", "false")
    return ET.tostring(formula, encoding="unicode")


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(_written(node, as_block=False))
    raise nodes.SkipNode


def _displayed(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{_written(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer it as a way in which HTML gets its formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
