from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spleeter_nb.cache.envelope import (
    DTYPES,
    TEMPORARY,
    DamagedValueError,
    EnvelopeWriter,
    Value,
    seal_value,
    unseal,
)
from spleeter_nb.cache.files import lock, open_plainly

KEY = "the key"
DESCRIPTORS = Path("/proc/self/fd")


def make_value(frames: int = 50) -> Value:
    generator = np.random.default_rng(0)
    stems = {name: generator.random((frames, 2), np.float32) for name in ("vocals", "rest")}
    return Value(stems, {"sample_rate": 44_100, "name": "Ünïcode"}, expires=12.5)


def sealed_bytes(folder: Path, value: Value, key: str = KEY) -> bytes:
    with seal_value(folder, key, value) as sealed:
        assert sealed.path is not None
        data = sealed.path.read_bytes()
        assert len(data) == sealed.nbytes
        sealed.unlink()
    return data


def forge(arrays: Any, payload: bytes = b"", *, meta: Any = None, header: bytes | None = None, **numbers: int) -> bytes:
    """Make a file whose digests are right and whose numbers are not."""
    if header is None:
        whole = {"key": KEY, "arrays": arrays, "meta": meta or {}, "expires": None}
        header = json.dumps(whole).encode()
    key_digest = hashlib.blake2b(KEY.encode(), digest_size=32).digest()
    lengths = (numbers.get("length", len(header)), numbers.get("declared", len(payload)))
    seal = struct.pack("<8sIQQ32s", b"SPLNBVAL", numbers.get("version", 1), *lengths, key_digest)
    return payload + header + seal + hashlib.blake2b(header + seal, digest_size=32).digest()


def described(payload: bytes, **other: Any) -> dict[str, Any]:
    digest = hashlib.blake2b(payload, digest_size=32).hexdigest()
    return {"name": "a", "dtype": "|u1", "shape": [len(payload)], "digest": digest, **other}


@pytest.mark.parametrize("frames", [0, 1, 50, 600_000])
def test_what_is_sealed_comes_back(tmp_path: Path, frames: int) -> None:
    value = make_value(frames)
    with seal_value(tmp_path, KEY, value) as sealed:
        back = unseal(sealed.handle, KEY)
        sealed.unlink()
    for name, array in value.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array, strict=True)
        assert not back.arrays[name].flags.writeable
        assert back.arrays[name].flags.aligned
    assert (back.meta, back.expires, back.nbytes) == (value.meta, 12.5, frames * 16)
    assert not list((tmp_path / TEMPORARY).iterdir())


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_every_type_comes_back(tmp_path: Path, dtype: str) -> None:
    array = np.arange(30).reshape(5, 3, 2).astype(dtype)
    with seal_value(tmp_path, KEY, Value({"a": array[::2, ::-1]}, {})) as sealed:
        back = unseal(sealed.handle, KEY).arrays["a"]
    np.testing.assert_array_equal(back, array[::2, ::-1], strict=True)


def test_blocks_and_the_whole_make_the_same_file(tmp_path: Path) -> None:
    value = make_value()
    writer = EnvelopeWriter(tmp_path, list(value.arrays))
    for start in range(0, 50, 7):
        for name, array in value.arrays.items():
            writer.append(name, array[start : start + 7])
    assert writer.nbytes == value.nbytes
    with writer.seal(KEY, value.meta, expires=value.expires) as sealed:
        assert sealed.path is not None
        assert sealed.path.read_bytes() == sealed_bytes(tmp_path, value)


@pytest.mark.parametrize(
    "block",
    [
        np.zeros((3, 1), np.float32),
        np.zeros((3, 2), np.float64),
        np.zeros(3, np.float32),
        np.float32(1),
        np.array([["a", "b"]]),
        np.array([[object(), None]]),
        np.zeros((3, 2), ">f4"),
    ],
)
def test_block_that_does_not_fit_is_refused(tmp_path: Path, block: Any) -> None:
    writer = EnvelopeWriter(tmp_path, ["a"])
    writer.append("a", np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="cannot follow"):
        writer.append("a", np.asarray(block))
    writer.abort()
    assert not list((tmp_path / TEMPORARY).iterdir())


def test_array_without_a_block_cannot_be_sealed(tmp_path: Path) -> None:
    writer = EnvelopeWriter(tmp_path, ["a", "b"])
    writer.append("a", np.zeros(2))
    with pytest.raises(ValueError, match="no block"):
        writer.seal(KEY, {})
    writer.abort()


def test_notes_that_are_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        seal_value(tmp_path, KEY, Value({"a": np.zeros(1)}, {"a": "x" * (17 << 20)}))
    assert not list((tmp_path / TEMPORARY).iterdir())


def test_writer_without_a_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        EnvelopeWriter(tmp_path / "file", ["a"])


def test_file_without_a_name_comes_back_too() -> None:
    with seal_value(None, KEY, make_value()) as sealed:
        assert sealed.path is None
        assert unseal(sealed.handle, KEY).meta["sample_rate"] == 44_100


def test_file_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    with seal_value(tmp_path, KEY, make_value(600_000)) as sealed:
        assert sealed.path is not None
        path = sealed.path
        with open_plainly(path) as other:
            assert not lock(other.fileno())
        mapped = unseal(sealed.handle, KEY)
    with open_plainly(path) as other:
        assert lock(other.fileno())
    assert mapped.nbytes == 600_000 * 16


def test_mapped_value_outlives_its_file(tmp_path: Path) -> None:
    value = make_value(600_000)
    path = tmp_path / "value"
    path.write_bytes(sealed_bytes(tmp_path, value))
    back = unseal(path, KEY)
    path.unlink()
    np.testing.assert_array_equal(back.arrays["rest"], value.arrays["rest"])


def test_small_values_hold_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(sealed_bytes(tmp_path, make_value()))
    before = len(list(DESCRIPTORS.iterdir()))
    values = [unseal(path, KEY) for _ in range(20)]
    assert len(list(DESCRIPTORS.iterdir())) == before
    assert len(values) == 20


def is_refused(path: Path, data: bytes, key: str = KEY) -> bool:
    path.write_bytes(data)
    try:
        unseal(path, key)
    except DamagedValueError:
        return True
    return False


def test_every_single_flipped_bit_is_found(tmp_path: Path) -> None:
    data = sealed_bytes(tmp_path, Value({"a": np.arange(3, dtype=np.int16), "b": np.ones(5)}, {"n": 1}))
    for position in range(len(data)):
        mutant = bytearray(data)
        mutant[position] ^= 1 << (position % 8)
        assert is_refused(tmp_path / "value", bytes(mutant)), position


def test_every_cut_is_found(tmp_path: Path) -> None:
    data = sealed_bytes(tmp_path, make_value(5))
    for length in range(len(data)):
        assert is_refused(tmp_path / "value", data[:length]), length


def test_damage_of_every_kind_to_a_long_value_is_found(tmp_path: Path) -> None:
    data, path, chance = sealed_bytes(tmp_path, make_value(600_000)), tmp_path / "value", np.random.default_rng(1)
    assert not is_refused(path, data)
    for _ in range(10):
        mutant = bytearray(data)
        mutant[chance.integers(len(data))] ^= 1 << int(chance.integers(8))
        assert is_refused(path, bytes(mutant))
    somewhere = int(chance.integers(len(data) - 4096))
    for mutated in (
        b"",
        data[: len(data) // 2],
        data + b"\0",
        b"\0" + data,
        data + data,
        bytes(len(data)),
        data[:somewhere] + bytes(4096) + data[somewhere + 4096 :],
        data[:somewhere] + data[somewhere + 1 :] + b"\0",
        pickle.dumps(os.getpid),
    ):
        assert is_refused(path, mutated)


def test_value_of_another_key_is_refused(tmp_path: Path) -> None:
    assert is_refused(tmp_path / "value", sealed_bytes(tmp_path, make_value(), "another key"))


@pytest.mark.parametrize(
    "forged",
    [
        forge([], length=4 << 30),
        forge([], declared=4 << 30),
        forge([], length=2**64 - 1, declared=2**64 - 1),
        forge([], version=2),
        forge([described(b"")], b"1234"),
        forge([described(b"1234", shape=[4 << 30])], b"1234"),
        forge([described(b"1234", shape=[2**70])], b"1234"),
        forge([described(b"1234", shape=[-4])], b"1234"),
        forge([described(b"1234", shape=[-2, -2])], b"1234"),
        forge([described(b"1234", shape=[4.0])], b"1234"),
        forge([described(b"1234", shape=[True, 4])], b"1234"),
        forge([described(b"1234", shape=[])], b"1234"),
        forge([described(b"1234", shape="4")], b"1234"),
        forge([described(b"", shape=[0, 2**62, 2**62])]),
        forge([described(b"", shape=[0, *[1] * 100])]),
        forge([described(b"1234", dtype="|O")], b"1234"),
        forge([described(b"1234", dtype="f4,O")], b"1234"),
        forge([described(b"1234", digest=None)], b"1234"),
        forge([described(b"1234"), described(b"")], b"1234"),
        forge(None),
        forge([3]),
        forge([], meta=7),
        forge([], header=b"[" * 100_000),
        forge([], header=b"[]"),
        forge([], header=b'{"key": 3}'),
        forge([], header=b"9" * 5000),
        forge([], header=b"\xff"),
    ],
)
def test_right_digests_over_wrong_numbers_are_refused(tmp_path: Path, forged: bytes) -> None:
    assert is_refused(tmp_path / "value", forged)


def test_forger_of_these_tests_makes_what_is_right(tmp_path: Path) -> None:
    assert not is_refused(tmp_path / "value", forge([described(b"1234")], b"1234"))


def test_pipe_folder_and_link_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "value").write_bytes(sealed_bytes(tmp_path, make_value()))
    (tmp_path / "link").symlink_to(tmp_path / "value")
    for name in ("pipe", "", "link", "nothing"):
        with pytest.raises((DamagedValueError, OSError)):
            unseal(tmp_path / name, KEY)
