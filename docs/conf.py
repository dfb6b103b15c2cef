"""How the documentation is built.

The source directory is the repository, so that relative links hold on a forge and in the built pages alike, and
notebooks need no copies: ``make docs``.

Nothing is fetched meanwhile, and the pages fetch nothing: formulas are MathML, fonts and scripts are local.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import spleeter_nb
import spleeter_nb.exceptions

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "spleeter_nb"
author = "The spleeter_nb developers"
project_copyright = author
release = importlib.metadata.version("spleeter-nb")
version = release.partition("+")[0]

root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/**", "CHANGELOG.md", "CONTRIBUTING.md"]
# Folders that are not even looked into.
exclude_patterns = [
    "docs/_*",
    "docs/images",
    ".*",
    "**/.ipynb_checkpoints",
    "build",
    "dist",
    "tests",
    "widgets",
    "spleeter_nb",
]

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    # In docs/_ext.
    "mathml",
    "pictures",
    "reference",
]

# Pages
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Stored as they ran: that they run, and what they claim, is tested elsewhere.
nb_execution_mode = "off"
# No script from the net for widgets: their pictures are stored beside them.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

# Quotes in docstrings and tables are Python's.
smartquotes = False
html_math_renderer = "mathml"

# A name in a docstring that is no link is a mistake, but for arguments, and for types that are described elsewhere.
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", "[a-z_]+"),
    ("py:class", r"(\w+\.)*(Any|Callable|Figure|Iterable|Mapping|Path|PathLike|Sequence|timedelta)"),
    ("py:class", "AudioSource|BitDepth|Bitrate|FloatArray|LevelName|MaskExtension|NonFinite"),
    ("py:class", "OnCorrupt|OnExist|Percent|Precision"),
]

# Docstrings
default_role = "py:obj"
add_module_names = False
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
# Types of our own are links. Of others numpydoc knows, too, where they are described, but that is elsewhere.
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: name for name in DEFAULT_LINKS} | {
    name: f"{module.__name__}.{name}"
    for module in (spleeter_nb.exceptions, spleeter_nb)
    for name in dir(module)
    if isinstance(getattr(module, name), type)
}
toc_object_entries_show_parents = "hide"

# Looks
html_theme = "pydata_sphinx_theme"
html_title = "spleeter_nb"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_favicon = "_static/logo.svg"
templates_path = ["_templates"]
html_additional_pages = {"404": "404.html", "index": "front_door.html"}
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "spleeter_nb", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages that have none below them need no list of those.
html_sidebars = {
    name: [] for name in ("docs/index", "docs/migration", "docs/gallery", "CHANGELOG", "CONTRIBUTING", "404", "index")
}
