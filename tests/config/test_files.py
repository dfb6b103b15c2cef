"""Files of settings: every fault is an error with file, line, key, what is allowed, and the nearest name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spleeter_nb.config import SpleeterConfig
from spleeter_nb.exceptions import UnknownOptionError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = """\
spleeter:
  performance:
    batch_size: 4
  cache:
    enabled: true
    disk_size_mb: 100
    redis_url:
"""


@pytest.mark.parametrize(
    "content", ["", "\n# nothing\n", "---\n", "spleeter:", "spleeter: {}", "spleeter:\n  cache:\n"]
)
def test_an_empty_file_leaves_the_defaults(content: str, write: Callable[[str], Path]) -> None:
    assert SpleeterConfig.from_yaml(write(content)) == SpleeterConfig()


@pytest.mark.parametrize(
    "prefix", [b"", b"\xef\xbb\xbf", "# Häuser\n".encode(), b"other: {cache: [1], x: 2001-01-01}\n"]
)
def test_a_file_is_read(prefix: bytes, write: Callable[[bytes], Path]) -> None:
    expected = SpleeterConfig(batch_size=4, cache_size_mb=100)
    assert SpleeterConfig.from_yaml(write(prefix + EXAMPLE.encode())) == expected
    assert SpleeterConfig.from_yaml(write(prefix + EXAMPLE.replace("\n", "\r\n").encode())) == expected


def test_what_other_tools_write_is_their_business(write: Callable[[str], Path]) -> None:
    assert SpleeterConfig.from_yaml(write("jupyter: {batch_size: many}\nlist: [1, 2]")) == SpleeterConfig()


# content, line, and what the message says
FAULTS: dict[str, tuple[str | bytes, int, str]] = {
    "syntax": ("spleeter:\n  cache: [", 2, "no plain YAML"),
    "syntax_colon": ("spleeter:\n  cache: a: b", 2, "mapping values are not allowed here"),
    "tab": ("spleeter:\n\tcache:", 2, "cannot start any token"),
    "control_character": ("spleeter:\n  cache:\n    dir: \x01", 3, "a control character is not allowed"),
    "duplicate_key": ("spleeter:\n cache:\n  enabled: true\n  enabled: true", 4, "'enabled' stands here again.*line 3"),
    "duplicate_group": ("spleeter:\n cache: {}\n cache: {}", 3, "'cache' stands here again"),
    "duplicate_root": ("spleeter:\nspleeter:\n", 2, "'spleeter' stands here again"),
    "duplicate_part": (
        "spleeter:\n monitoring:\n  alert_thresholds:\n   gpu_usage: 1\n   gpu_usage: 1",
        5,
        "stands here again",
    ),
    "wrong_type": ("spleeter:\n performance:\n  batch_size: many", 3, "is 'many'; allowed is a whole number"),
    "text_for_a_number": ("spleeter:\n performance:\n  batch_size: '4'", 3, "is '4'; allowed is a whole number"),
    "switch_for_a_number": ("spleeter:\n performance:\n  batch_size: yes", 3, "is True; allowed is a whole number"),
    "number_for_a_switch": ("spleeter:\n cache:\n  enabled: 1", 3, "is 1; allowed is true or false"),
    "list_for_a_number": ("spleeter:\n performance:\n  batch_size:\n  - 4", 3, r"is \[4\]"),
    "mapping_for_a_folder": ("spleeter:\n cache:\n  dir:\n   dir: x", 3, "allowed is the path of a folder"),
    "out_of_range": ("spleeter:\n\n\n cache:\n  ttl_hours: -1", 5, "is -1; allowed is a number of hours above 0"),
    "long_number": (f"spleeter:\n performance:\n  batch_size: {'9' * 5000}", 3, "allowed is a whole number"),
    "sexagesimal_number": (f"spleeter:\n performance:\n  batch_size: 1{':59' * 9000}", 3, "too long to show"),
    "no_number": ("spleeter:\n performance:\n  batch_size: +_", 3, r"is '\+_'"),
    "a_part_out_of_range": (
        "spleeter:\n monitoring:\n  alert_thresholds:\n   gpu_usage: 1\n   error_rate: 101",
        5,
        r"'alert_thresholds\.error_rate'.* is 101; allowed is a percentage",
    ),
    "alias": ("a: &a [x]\nspleeter:\n  cache: *a", 1, "anchors .* are not allowed"),
    "alias_alone": ("spleeter:\n  cache: *a", 2, "anchors .* are not allowed"),
    "alias_bomb": (
        "a: &a [x, x]\n"
        + "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        1,
        "anchors .* are not allowed",
    ),
    "tag": ("spleeter: !!python/object/apply:os.system [true]", 1, "tags .* are not allowed"),
    "core_tag": ("spleeter:\n performance:\n  batch_size: !!int 4", 3, "tags .* are not allowed"),
    "merge_key": ("spleeter:\n <<: {cache: {}}", 2, "there is no 'spleeter.<<'"),
    "no_utf8": (b"spleeter:\n  cache:\n    dir: \xff", 3, "not UTF-8"),
    "utf16": ("spleeter:".encode("utf-16"), 1, "not UTF-8"),
    "several_documents": ("spleeter:\n---\nspleeter:\n", 2, "another document"),
    "list_at_the_top": ("- spleeter", 1, "no mapping with 'spleeter' at the top"),
    "text_at_the_top": ("\nspleeter", 2, "no mapping with 'spleeter' at the top"),
    "list_below": ("spleeter:\n- cache", 2, "'spleeter' is no mapping; it holds performance, cache"),
    "group_is_text": ("spleeter:\n cache: on", 2, "'spleeter.cache' is no mapping; it holds enabled, dir"),
    "key_is_a_list": ("spleeter:\n ? [cache]\n : x", 2, "a key must be a plain name"),
    "deep_list": ("spleeter: " + "[" * 50_000, 1, "nested more than 8 deep"),
    "deep_mapping": ("{a: " * 10_000, 1, "nested more than 8 deep"),
    "deep_block": ("- " * 30_000, 1, "nested more than 8 deep"),
    "deep_keys": ("? " * 30_000, 1, "nested more than 8 deep"),
    "version": ("%YAML 2.0\n---\nspleeter:", 1, "incompatible YAML document"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_file_and_line(name: str, write: Callable[[str | bytes], Path]) -> None:
    content, line, said = FAULTS[name]
    path = write(content)
    started = time.perf_counter()
    with pytest.raises(ValidationError, match=said) as caught:
        SpleeterConfig.from_yaml(path)
    assert time.perf_counter() - started < 5
    assert f"{path}, line {line}" in str(caught.value)
    assert {"file": str(path), "line": line}.items() <= caught.value.context.items()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("content", "line", "setting", "hint"),
    [
        ("spleeter:\n performance:\n  batchsize: 4", 3, "spleeter.performance.batchsize", "Did you mean 'batch_size'?"),
        ("spleeter:\n caching:\n  enabled: on", 2, "spleeter.caching", "Did you mean 'cache'?"),
        ("spleeter:\n cache:\n  cache_dir: x", 3, "spleeter.cache.cache_dir", "It is 'spleeter.cache.dir'."),
        ("spleeter:\n batch_size: 4", 2, "spleeter.batch_size", "It is 'spleeter.performance.batch_size'."),
        ("x: 1\ncache:\n  enabled: on", 2, "cache", "It is 'spleeter.cache'."),
        ("batch_size: 4", 1, "batch_size", "It is 'spleeter.performance.batch_size'."),
        ("spleter:\n cache: {}", 1, "spleter", "Did you mean 'spleeter'?"),
        ("spleeter:\n cache:\n  7: x", 3, "spleeter.cache.7", "Allowed are enabled, dir"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(
    content: str, line: int, setting: str, hint: str, write: Callable[[str], Path]
) -> None:
    path = write(content)
    with pytest.raises(UnknownOptionError) as caught:
        SpleeterConfig.from_yaml(path)
    assert f"{path}, line {line}: there is no '{setting}'. {hint}" in str(caught.value)
    facts = {"setting": setting, "file": str(path), "line": line}
    assert facts.items() <= caught.value.context.items()
    assert caught.value.context["allowed"]


def test_an_unknown_part_is_told_with_its_line(write: Callable[[str], Path]) -> None:
    path = write("spleeter:\n monitoring:\n  alert_thresholds:\n   gpu: 1")
    with pytest.raises(UnknownOptionError, match=r"'alert_thresholds\.gpu'") as caught:
        SpleeterConfig.from_yaml(path)
    assert {"file": str(path), "line": 4}.items() <= caught.value.context.items()


def test_a_large_file_is_not_read(write: Callable[[str], Path]) -> None:
    assert SpleeterConfig.from_yaml(write("#" * 65_536)) == SpleeterConfig()
    with pytest.raises(ValidationError, match="larger than 65,536 bytes"):
        SpleeterConfig.from_yaml(write("#" * 65_537))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (tmp_path, pipe, loop, Path("/dev/zero"), tmp_path / "none", "a\0b", "~nobody-here/x"):
        with pytest.raises(ValidationError, match=r"it cannot be read|it is a pipe") as caught:
            SpleeterConfig.from_yaml(path)
        assert caught.value.context == {"file": str(path)}


def test_a_file_may_be_a_link_or_in_the_home_folder(
    tmp_path: Path, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(write(EXAMPLE))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SpleeterConfig.from_yaml("~/link").batch_size == 4


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text("spletr: {}[]-&*!?|>'\"#%@`\n\tach1", max_size=60).map(str.encode),
        st.tuples(st.integers(0, len(EXAMPLE) - 1), st.binary(min_size=1, max_size=2)).map(
            lambda change: EXAMPLE.encode()[: change[0]] + change[1] + EXAMPLE.encode()[change[0] + 1 :]
        ),
    )
)
def test_any_bytes_are_settings_or_a_typed_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    try:
        assert isinstance(SpleeterConfig.from_yaml(path), SpleeterConfig)
    except ValidationError as error:
        assert error.context["file"] == str(path)  # noqa: PT017 - both ends are right
