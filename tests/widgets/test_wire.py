"""Messages: what is declared comes back, what is not is refused, and TypeScript is told the same."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from spleeter_nb.exceptions import ValidationError
from spleeter_nb.widgets import wire

ROOT = Path(__file__).resolve().parents[2]

HELLO = {"type": "hello", "frame": 5, "has_peaks": True, "held": [[0, 2], [3, 4]]}


def test_a_message_is_its_fields_and_its_type() -> None:
    assert wire.encode(wire.Chunk(signal=1, chunk=2, part=0, parts=1)) == {
        "type": "chunk",
        "signal": 1,
        "chunk": 2,
        "part": 0,
        "parts": 1,
    }
    assert wire.encode(wire.SentAll()) == {"type": "sent_all"}


def test_lists_come_as_tuples() -> None:
    message = wire.decode(HELLO, wire.PLAYER.to_kernel)
    assert message == wire.Hello(frame=5, has_peaks=True, held=((0, 2), (3, 4)))
    assert wire.decode({**HELLO, "held": []}, wire.PLAYER.to_kernel).held == ()


@pytest.mark.parametrize("protocol", wire.PROTOCOLS, ids=lambda protocol: protocol.name)
def test_every_message_comes_back_from_json(protocol: wire.Protocol) -> None:
    for message in (*protocol.to_kernel, *protocol.to_browser):
        hints = get_type_hints(message)
        made = message(**{field.name: example(hints[field.name]) for field in dataclasses.fields(message)})
        assert wire.decode(json.loads(json.dumps(wire.encode(made))), [message]) == made


def example(kind: Any) -> Any:
    """A value of a type that a message may have."""
    simple = {int: 3, float: 0.5, str: "x", bool: True}
    origin, inner = get_origin(kind), get_args(kind)
    if kind in simple:
        return simple[kind]
    if origin is tuple:
        return tuple(example(item) for item in inner if item is not Ellipsis)
    return inner[0] if origin is Literal else example(inner[0])


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "hello",
        [],
        [HELLO],
        {},
        {"type": None},
        {"type": ["hello"]},
        {"type": "goodbye"},
        {"type": "chunk", "signal": 0, "chunk": 0, "part": 0, "parts": 1},
        {"type": "__class__"},
        {"type": "hello"},
        {**HELLO, "more": 1},
        {**HELLO, 5: 1},
        {key: value for key, value in HELLO.items() if key != "frame"},
        {**HELLO, "frame": "5"},
        {**HELLO, "frame": 5.0},
        {**HELLO, "frame": True},
        {**HELLO, "frame": None},
        {**HELLO, "has_peaks": 1},
        {**HELLO, "held": None},
        {**HELLO, "held": "ab"},
        {**HELLO, "held": {"0": [1, 2]}},
        {**HELLO, "held": [[0]]},
        {**HELLO, "held": [[0, 1, 2]]},
        {**HELLO, "held": [[0, "1"]]},
        {**HELLO, "held": [0, 1]},
    ],
)
def test_what_is_no_message_is_refused(content: object) -> None:
    with pytest.raises(ValidationError):
        wire.decode(content, wire.PLAYER.to_kernel)


def test_a_field_that_may_be_missing_is_none() -> None:
    said = {"type": "transport", "action": "seek", "frame": None}
    assert wire.decode(said, [wire.Transport]) == wire.Transport(action="seek", frame=None)
    with pytest.raises(ValidationError, match=r"transport\.action"):
        wire.decode({**said, "action": "explode"}, [wire.Transport])
    with pytest.raises(ValidationError, match=r"transport\.frame"):
        wire.decode({**said, "frame": "5"}, [wire.Transport])


def test_whole_numbers_are_numbers() -> None:
    said = {"type": "peaks", "signal": 0, "samples_per_bin": 256, "full_scale": 1}
    message = wire.decode(said, [wire.Peaks])
    assert type(message.full_scale) is float


def test_typescript_is_up_to_date() -> None:
    subprocess.run([sys.executable, "scripts/make_wire.py", "--check"], check=True, cwd=ROOT)


def test_the_state_of_the_player_is_the_same_in_typescript() -> None:
    from spleeter_nb import StemPlayer  # noqa: PLC0415 - needs the built front end, which the others do not

    source = (ROOT / "widgets" / "src" / "data" / "state.ts").read_text("utf-8")
    (body,) = re.findall(r"export interface PlayerState \{(.*?)\n\}", source, re.DOTALL)
    names = re.findall(r"^  (?:readonly )?(\w+)\??:", body, re.MULTILINE)
    synced = {name for name in StemPlayer.class_trait_names(sync=True) if not name.startswith("_")}
    base = {"layout", "tabbable", "tooltip"}
    assert set(names) == synced - base
