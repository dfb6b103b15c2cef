"""Write widgets/src/data/wire.ts from spleeter_nb/widgets/wire.py; ``--check`` only says whether it is up to date."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import textwrap
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from spleeter_nb.widgets import wire

TARGET = Path(__file__).resolve().parent.parent / "widgets" / "src" / "data" / "wire.ts"

HEAD = """\
// Written by scripts/make_wire.py from spleeter_nb/widgets/wire.py: change that, and run it.
"""

SIMPLE = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}


def main() -> None:
    """Write the file, or compare it."""
    text = whole_file()
    if "--check" in sys.argv:
        if not TARGET.is_file() or TARGET.read_text("utf-8") != text:
            sys.exit(f"{TARGET.name} is stale: run python scripts/make_wire.py")
        return
    TARGET.write_text(text, "utf-8")


def whole_file() -> str:
    """Return wire.ts."""
    numbers = {name: value for name, value in vars(wire).items() if name.isupper() and type(value) is int}
    messages = [
        value
        for value in vars(wire).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value is not wire.Protocol
    ]
    return "\n".join(
        [
            HEAD,
            *(f"export const {name} = {value};" for name, value in numbers.items()),
            "",
            *(interface(message) for message in messages),
            *(union(protocol) for protocol in wire.PROTOCOLS),
        ]
    )


def interface(message: type[Any]) -> str:
    """Return the interface of one message."""
    hints = get_type_hints(message)
    # A request gets its id where it is sent.
    fields = [
        f"  readonly {field.name}{'?' if field.name == 'id' else ''}: {typescript(hints[field.name])};"
        for field in dataclasses.fields(message)
    ]
    comment = textwrap.indent(inspect.cleandoc(message.__doc__ or ""), " * ", lambda _: True)
    return "\n".join(
        [
            "/**",
            *(line.rstrip() for line in comment.splitlines()),
            " */",
            f"export interface {message.__name__} {{",
            f'  readonly type: "{wire.wire_name(message)}";',
            *fields,
            "}",
            "",
        ]
    )


def union(protocol: wire.Protocol) -> str:
    """Return the two unions of a widget's messages."""
    to_kernel = " | ".join(message.__name__ for message in protocol.to_kernel) or "never"
    to_browser = " | ".join(message.__name__ for message in (*protocol.to_browser, wire.Failure))
    return f"export type {protocol.name}ToKernel = {to_kernel};\nexport type {protocol.name}ToBrowser = {to_browser};\n"


def typescript(kind: Any) -> str:
    """Return the type of a field in TypeScript."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return SIMPLE[kind]
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in inner)
    if origin in (Union, types.UnionType):
        return " | ".join(map(typescript, inner))
    if origin is tuple and inner[-1] is Ellipsis:
        return f"readonly ({typescript(inner[0])})[]"
    if origin is tuple:
        return f"readonly [{', '.join(map(typescript, inner))}]"
    raise TypeError(f"{kind} has no type in TypeScript; add it to this script.")


if __name__ == "__main__":
    main()
