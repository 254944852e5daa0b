"""How Sphinx builds the documentation site; `make docs` runs it, with warnings as errors."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
for package in ("afterword", "afterword-sink", "atomic-cli"):
    sys.path.insert(0, str(ROOT / "packages" / package / "src"))

from afterword.version import __version__  # noqa: E402  # the path is set first

project = "afterword"
author = "the afterword contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "queries/README.md"]
html_theme = "furo"
html_title = f"afterword {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sourcelink = False

# Markdown. Every heading down to the third level can be linked to, and a link that leads nowhere
# is an error.
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# Docstrings. `name` in single backquotes is code, as it is everywhere else in this repository.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

# References. What the code names and we document must exist. What belongs to the standard library
# or to click is not looked up: that would need the network at every build.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(collections|typing|types|os|pathlib|datetime|subprocess|threading)(\..*)?"),
    ("py:.*", r"(argparse|click|typer|pytest|opentelemetry|duckdb|starlette)(\..*)?"),
    ("py:class", r"[a-z]+(\[[a-z]+)?"),  # str, dict[str
    ("py:class", r"(None|Any|Callable|Iterable|Iterator|Mapping|NoReturn|Protocol|Self|Sequence)"),
    ("py:class", r"TracebackType"),
    ("py:exc", r"[A-Z][A-Za-z]*Error"),
    # Names that exist for the type checker only, and types of the inside in signatures.
    ("py:class", r"[A-Z]\w+"),
    ("py:class", r"afterword\.(folder|state|upload)\..*"),
]


def plain(
    _app: "Sphinx", kind: str, _name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Prepare a docstring: a module's is about the code, an attribute's names no type."""
    if kind == "module":
        lines.clear()
    elif kind in {"attribute", "data", "property"} and lines:
        lines[0] = lines[0].replace(": ", " \N{EN DASH} ")  # before it napoleon expects a type


def setup(app: "Sphinx") -> None:
    """Let the tables of floors in architecture.md be plain text; prepare docstrings."""
    app.add_lexer("floors", TextLexer)
    app.connect("autodoc-process-docstring", plain, priority=100)
