"""The reader against TensorFlow's own, and against files that are damaged, hostile or of another kind."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spleeter_nb.exceptions import ModelCorruptError, ModelError, ModelNotFoundError, UnsupportedModelError
from spleeter_nb.net.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from tests.net.conftest import Model

    Tensors = dict[str, npt.NDArray[np.generic]]

# How much of an index TensorFlow puts into one block.
BLOCK = 1 << 18

fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def index_of(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".index")


def data_of(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".data-00000-of-00001")


def save(tf: Any, prefix: Path, tensors: dict[str, Any], *, slices: str = "") -> Path:
    """Write a checkpoint with TensorFlow."""
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[slices] * len(tensors),
        tensors=[tf.constant(tensor) for tensor in tensors.values()],
    )
    return prefix


def same(found: Tensors, expected: Tensors) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype
        and found[name].shape == tensor.shape
        and found[name].tobytes() == tensor.tobytes()
        for name, tensor in expected.items()
    )


def as_read_by_tensorflow(tf: Any, prefix: Path) -> Tensors:
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}


def test_two_stems_are_read_as_tensorflow_reads_them(tensorflow: Any, two_stems_models_dir: Path) -> None:
    prefix = two_stems_models_dir / "2stems" / "model"
    found = read_checkpoint(prefix)
    assert same(found, as_read_by_tensorflow(tensorflow, prefix))
    del found["global_step"]
    assert len(found) == 148
    assert sum(tensor.size for tensor in found.values()) == 19_653_518
    assert list(found) == sorted(found)


@pytest.mark.parametrize("case", ["two", "four_elu", "five_softmax", "trained"])
def test_checkpoints_of_spleeter_are_read_as_tensorflow_reads_them(
    tensorflow: Any, small_model: Callable[[str], Model], case: str
) -> None:
    prefix = small_model(case).checkpoint
    assert same(read_checkpoint(prefix), as_read_by_tensorflow(tensorflow, prefix))


def test_all_types_and_shapes(tensorflow: Any, tmp_path: Path) -> None:
    tensors: dict[str, Any] = {
        "scalar": np.float32(1.5),
        "step": np.int64(-(2**40)),
        "whole": np.array([-1, 2], np.int32),
        "double": np.array([[np.pi]], np.float64),
        "empty": np.zeros((0, 3), np.float32),
        "odd": np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        "deep/ä/name": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4),
    }
    found = read_checkpoint(save(tensorflow, tmp_path / "model", tensors))
    assert same(found, {name: np.asarray(tensor) for name, tensor in tensors.items()})


def test_an_index_of_several_blocks_with_compressed_keys(tensorflow: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # Half of each name is common to its neighbours, and so is kept once.
    names = [f"{k % 40:0100d}/{rng.bytes(150).hex()}" for k in range(2500)]
    tensors = {name: np.float32([k]) for k, name in enumerate(names)}
    prefix = save(tensorflow, tmp_path / "model", tensors)
    assert 2 * BLOCK < index_of(prefix).stat().st_size < sum(map(len, names))
    found = read_checkpoint(prefix)
    assert same(found, tensors)
    assert list(found) == sorted(names)


@pytest.mark.parametrize("file", [index_of, data_of])
def test_a_missing_file_is_named(own_model: Model, file: Callable[[Path], Path]) -> None:
    missing = file(own_model.checkpoint)
    missing.unlink()
    with pytest.raises(ModelNotFoundError, match="install the model again") as caught:
        read_checkpoint(own_model.checkpoint)
    assert caught.value.context == {"path": missing}


@pytest.mark.parametrize(
    "tensor", [pytest.param("text", id="string"), pytest.param(True, id="bool"), pytest.param(1j, id="complex")]
)
def test_types_of_no_model_are_refused(tensorflow: Any, tmp_path: Path, tensor: object) -> None:
    prefix = save(tensorflow, tmp_path / "model", {"a": np.float32(1), "odd": tensor})
    with pytest.raises(UnsupportedModelError, match="'odd'"):
        read_checkpoint(prefix)


def test_bfloat16_is_refused(tensorflow: Any, tmp_path: Path) -> None:
    half = tensorflow.cast([1.0, 2.0], tensorflow.bfloat16)
    with pytest.raises(UnsupportedModelError, match="type 14"):
        read_checkpoint(save(tensorflow, tmp_path / "model", {"half": half}))


def test_several_shards_are_refused(tensorflow: Any, tmp_path: Path) -> None:
    parts = [save(tensorflow, tmp_path / f"part{k}", {f"w{k}": np.float32([k])}) for k in range(2)]
    merged = tmp_path / "model"
    tensorflow.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(part) for part in parts], destination_prefix=str(merged)
    )
    with pytest.raises(UnsupportedModelError, match="2 shards") as caught:
        read_checkpoint(merged)
    assert caught.value.context == {"shards": 2}


def test_tensors_in_slices_are_refused(tensorflow: Any, tmp_path: Path) -> None:
    prefix = save(tensorflow, tmp_path / "model", {"w": np.float32([1, 2])}, slices="4 0,2")
    with pytest.raises(ModelError):
        read_checkpoint(prefix)


@pytest.fixture(scope="module")
def tiny(tensorflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve tensors of a few numbers: small enough to try every bit."""
    rng = np.random.default_rng(0)
    tensors = {f"conv2d_{k}/kernel": rng.standard_normal((k, 2)).astype(np.float32) for k in range(1, 13)}
    return save(tensorflow, tmp_path_factory.mktemp("tiny") / "model", tensors)


@pytest.fixture
def damaged(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint."""
    for file in (index_of, data_of):
        file(tmp_path / "model").write_bytes(file(tiny).read_bytes())
    return tmp_path / "model"


def test_no_flipped_bit_in_the_index_gives_wrong_tensors(tiny: Path, damaged: Path) -> None:
    whole, expected = index_of(tiny).read_bytes(), read_checkpoint(tiny)
    harmless = set()
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            index_of(damaged).write_bytes(flipped)
            try:
                found = read_checkpoint(damaged)
            except (ModelCorruptError, UnsupportedModelError):
                continue
            assert same(found, expected)
            harmless.add(position)
    # Unseen is only what nobody reads: the block of meta data, which is empty, its handle, and the footer's padding.
    assert min(harmless) > len(whole) // 2
    assert len(harmless) < 13 + 40


def test_every_flipped_byte_in_the_data_is_found(tiny: Path, damaged: Path) -> None:
    whole = data_of(tiny).read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        data_of(damaged).write_bytes(flipped)
        with pytest.raises(ModelCorruptError, match="wrong CRC in 'conv2d_"):
            read_checkpoint(damaged)


def test_flipped_bytes_in_a_real_checkpoint_are_found(own_model: Model) -> None:
    data, rng = data_of(own_model.checkpoint), np.random.default_rng(1)
    whole = data.read_bytes()
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        data.write_bytes(flipped)
        with pytest.raises(ModelCorruptError, match="install the model again"):
            read_checkpoint(own_model.checkpoint)


def test_an_index_cut_anywhere_is_found(tiny: Path, damaged: Path) -> None:
    whole = index_of(tiny).read_bytes()
    for length in range(len(whole)):
        index_of(damaged).write_bytes(whole[:length])
        with pytest.raises(ModelCorruptError):
            read_checkpoint(damaged)


def test_data_cut_anywhere_are_found(tiny: Path, damaged: Path) -> None:
    whole = data_of(tiny).read_bytes()
    for length in range(len(whole)):
        data_of(damaged).write_bytes(whole[:length])
        with pytest.raises(ModelCorruptError, match="ends inside of"):
            read_checkpoint(damaged)


@fuzzed
@given(junk=st.binary(max_size=200), has_magic=st.booleans())
def test_junk_is_no_index(damaged: Path, junk: bytes, has_magic: bool) -> None:  # noqa: FBT001 - from hypothesis
    index_of(damaged).write_bytes(junk + struct.pack("<Q", 0xDB4775248B80FB57) * has_magic)
    with pytest.raises(ModelCorruptError):
        read_checkpoint(damaged)


# What follows writes tables whose CRCs are right, as an attacker would.


def varint(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def masked_crc(content: bytes) -> int:
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def signed(block: bytes, *, compression: int = 0) -> bytes:
    content = block + bytes([compression])
    return content + struct.pack("<I", masked_crc(content))


def block_of(entries: list[tuple[bytes, bytes]]) -> bytes:
    lines = [varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries]
    return b"".join(lines) + struct.pack("<II", 0, 1)


def table_of(block: bytes, *, compression: int = 0) -> bytes:
    index = block_of([(b"~", varint(0) + varint(len(block)))])
    handles = varint(0) + varint(0) + varint(len(block) + 5) + varint(len(index))
    footer = handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return signed(block, compression=compression) + signed(index) + footer


HEADER = (b"", field(1, 1) + field(3, field(1, 1)))
CONTENT = np.arange(6, dtype=np.float32).tobytes()


def entry(*dimensions: int, **changed: int) -> bytes:
    shape = b"".join(field(2, field(1, dimension)) for dimension in dimensions)
    numbers = {"dtype": 1, "offset": 0, "size": len(CONTENT)} | changed
    crc = varint(6 << 3 | 5) + struct.pack("<I", masked_crc(CONTENT))
    return field(1, numbers["dtype"]) + field(2, shape) + field(4, numbers["offset"]) + field(5, numbers["size"]) + crc


@pytest.fixture
def crafted(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(index: bytes) -> Path:
        index_of(tmp_path / "model").write_bytes(index)
        data_of(tmp_path / "model").write_bytes(CONTENT)
        return tmp_path / "model"

    return write


def test_the_crafted_table_is_a_table(tensorflow: Any, crafted: Callable[[bytes], Path]) -> None:
    prefix = crafted(table_of(block_of([HEADER, (b"w", entry(2, 3))])))
    expected = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    assert same(as_read_by_tensorflow(tensorflow, prefix), expected)
    assert same(read_checkpoint(prefix), expected)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(entry(2, 4), id="a_shape_of_more_numbers"),
        pytest.param(entry(2**63, 3), id="a_dimension_beyond_integers"),
        pytest.param(entry(2**64 - 1), id="a_dimension_below_nothing"),
        pytest.param(entry(*[1] * 100, 6), id="a_hundred_dimensions"),
        pytest.param(entry(6, offset=2**63), id="an_offset_beyond_the_file"),
        pytest.param(entry(6, size=2**62), id="a_size_beyond_the_file"),
        pytest.param(field(1, 1) + field(2, 1 << 50), id="a_number_where_a_shape_belongs"),
        pytest.param(field(1, 1) + field(2, field(2, 1 << 50)), id="a_number_where_a_dimension_belongs"),
        pytest.param(field(1, b"1") + field(5, b"24"), id="text_where_numbers_belong"),
        pytest.param(varint(1 << 3 | 1) + bytes(8), id="another_wire_type"),
        pytest.param(b"\x08" + b"\xff" * 30, id="a_number_without_end"),
        pytest.param(b"\x08", id="a_field_without_value"),
        pytest.param(b"\x35\x01", id="a_cut_crc"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_hostile_entries_are_refused(crafted: Callable[[bytes], Path], message: bytes) -> None:
    with pytest.raises((ModelCorruptError, UnsupportedModelError)):
        read_checkpoint(crafted(table_of(block_of([HEADER, (b"w", message)]))))


def test_a_compressed_index_is_refused(crafted: Callable[[bytes], Path]) -> None:
    with pytest.raises(UnsupportedModelError, match="compressed"):
        read_checkpoint(crafted(table_of(block_of([HEADER]), compression=1)))


def test_big_endian_tensors_are_refused(crafted: Callable[[bytes], Path]) -> None:
    with pytest.raises(UnsupportedModelError, match="big-endian"):
        read_checkpoint(crafted(table_of(block_of([(b"", field(1, 1) + field(2, 1))]))))


def test_names_that_are_no_text_are_refused(crafted: Callable[[bytes], Path]) -> None:
    with pytest.raises(ModelCorruptError, match="no valid structure"):
        read_checkpoint(crafted(table_of(block_of([HEADER, (b"\xff", entry(6))]))))


numbers = st.integers(0, 2**64 - 1) | st.integers(0, 12)
messages = st.recursive(
    st.builds(field, st.integers(1, 8), numbers | st.binary(max_size=8)),
    lambda inner: st.builds(lambda k, parts: field(k, b"".join(parts)), st.integers(1, 8), st.lists(inner, max_size=3)),
    max_leaves=10,
)


@fuzzed
@given(parts=st.lists(messages, max_size=6), dimensions=st.lists(numbers, max_size=4))
def test_signed_entries_of_any_content_raise_nothing_but_our_errors(
    crafted: Callable[[bytes], Path], parts: list[bytes], dimensions: list[int]
) -> None:
    entries = [HEADER, (b"v", b"".join(parts)), (b"w", entry(*dimensions) + b"".join(parts))]
    try:
        read_checkpoint(crafted(table_of(block_of(entries))))
    except (ModelCorruptError, UnsupportedModelError) as error:
        assert error.context  # noqa: PT017 - reading such a file may succeed, too


@fuzzed
@given(block=st.binary(max_size=100))
def test_signed_blocks_of_any_content_raise_nothing_but_our_errors(
    crafted: Callable[[bytes], Path], block: bytes
) -> None:
    try:
        read_checkpoint(crafted(table_of(block)))
    except (ModelCorruptError, UnsupportedModelError) as error:
        assert str(error)  # noqa: PT017 - as above
