"""What the reference says of the command line, the magics and the settings, taken from the code itself.

Each directive writes Markdown of what the code declares: nothing of it is written down a second time.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

import typer
from pydantic_core import PydanticUndefined
from sphinx.util.docutils import SphinxDirective
from traitlets import HasTraits, TraitType

from spleeter_nb.cli import app as command_line
from spleeter_nb.config import NOT_YET, SpleeterConfig
from spleeter_nb.config.environment import variable_of
from spleeter_nb.config.origins import as_text
from spleeter_nb.config.tables import GROUPS, NO_EFFECT, YAML_PATHS
from spleeter_nb.magics.options import OPTIONS, SEPARATION, explained
from spleeter_nb.widgets.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from docutils import nodes
    from pydantic.fields import FieldInfo
    from sphinx.application import Sphinx

    from spleeter_nb.magics.options import Option


_LONGEST_DEFAULT = 60

_WIDGETS_OWN = (Bridge.__annotations__.keys() | vars(Bridge).keys()) - {"close"}


def command_line_text() -> str:
    """Describe each command with its arguments and options, under a heading of its own."""
    command = typer.main.get_command(command_line)
    with command.make_context("spleeter-nb", [], resilient_parsing=True) as context:
        return "\n\n".join(_command_texts(command, context))


def magic_text() -> str:
    """Describe the options of ``%separate``."""
    return _definitions(map(_magic_option, OPTIONS))


def settings_text() -> str:
    """Describe each setting, under a heading for each group of the YAML file."""
    paths = {name: f"spleeter.{path}" for name, path in YAML_PATHS.items()}
    groups = {f"`{group}`": list(names.values()) for group, names in GROUPS.items()}
    groups["Not in the file"] = [name for name in SpleeterConfig.model_fields if name not in paths]
    return "\n\n".join(
        f"## {heading}\n\n{_definitions(_setting(name, paths.get(name)) for name in names)}"
        for heading, names in groups.items()
    )


def _command_texts(command: Any, context: Any) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## `{context.command_path}`\n\n{command.help}\n\n```text\n{usage}\n```"
    records = filter(None, (parameter.get_help_record(context) for parameter in command.get_params(context)))
    yield _definitions((f"`{flags}`", [text]) for flags, text in records)
    for name, inner in getattr(command, "commands", {}).items():
        with inner.make_context(name, [], parent=context, resilient_parsing=True) as inner_context:
            yield from _command_texts(inner, inner_context)


def _magic_option(option: Option) -> tuple[str, list[str]]:
    flags = ", ".join(filter(None, [*option.flags, option.opposite]))
    lines = [explained(option)]
    if option.choices:
        lines.append(f"Offered: {', '.join(f'`{choice}`' for choice in option.choices)}.")
    if option in SEPARATION:
        lines.append(f"`%config SeparateMagics.{option.name}`")
    return f"`{f'{flags} {option.metavar}'.rstrip()}`", lines


def _setting(name: str, path: str | None) -> tuple[str, list[str]]:
    field = SpleeterConfig.model_fields[name]
    allowed = next(text for text in field.metadata if isinstance(text, str))
    lines = [field.description or "", f"Allowed: {allowed}.{_default(field)}"]
    if name in NOT_YET:
        lines.append(f"*It {NO_EFFECT}.*")
    places = {"Environment": variable_of(name), "File": path}
    lines.append(" ".join(f"{kind}: `{place}`." for kind, place in places.items() if place))
    return f"[`{name}`]{{#setting-{name.replace('_', '-')}}}", lines


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return ""
    return f" Default: {'none' if field.default is None else f'`{as_text(field.default)}`'}."


def _definitions(entries: Iterable[tuple[str, list[str]]]) -> str:
    """Write terms and what is said of them, a line each."""
    return "\n\n".join(f"{term}\n: " + "\\\n  ".join(lines) for term, lines in entries)


def _directive(write: Callable[[], str]) -> type[SphinxDirective]:
    class Generated(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes(write(), allow_section_headings=True)

    return Generated


def _is_elsewhere(_app: Sphinx, _what: str, name: str, value: object, _skip: object, _options: object) -> bool | None:
    """Leave out traits, which stand below "Attributes", and how widgets work inside."""
    return True if isinstance(value, TraitType) or name in _WIDGETS_OWN else None


def _bare_signature(
    _app: Sphinx, what: str, _name: str, value: Any, _options: object, signature: str | None, _returned: str | None
) -> tuple[str | None, None]:
    """Leave the types to the text below; say of widgets and settings, too, what they take: their makers hide it."""
    if what == "class" and issubclass(value, HasTraits | SpleeterConfig) and signature != "()":
        _, *own = inspect.signature(value.__init__).parameters.values()
        signature = str(
            inspect.Signature([parameter for parameter in own if parameter.kind != parameter.POSITIONAL_ONLY])
        )
    return _without_types(signature) if signature else signature, None


def _without_types(signature: str) -> str:
    definition: Any = ast.parse(f"def f{signature}: ...").body[0]
    for node in ast.walk(definition.args):
        if isinstance(node, ast.arg):
            node.annotation = None
    arguments = definition.args
    arguments.defaults = [_short(value) for value in arguments.defaults]
    arguments.kw_defaults = [value and _short(value) for value in arguments.kw_defaults]
    return f"({ast.unparse(arguments)})"


def _short(default: ast.expr) -> ast.expr:
    """Write a default, unless it is long: then the text below tells it."""
    return default if len(ast.unparse(default)) <= _LONGEST_DEFAULT else ast.Constant(...)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("command-line", _directive(command_line_text))
    app.add_directive("magic-options", _directive(magic_text))
    app.add_directive("settings", _directive(settings_text))
    app.connect("autodoc-skip-member", _is_elsewhere)
    app.connect("autodoc-process-signature", _bare_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
