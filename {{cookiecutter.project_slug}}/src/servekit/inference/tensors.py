"""Tensors of the Open Inference Protocol, and their binary form."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

BYTES = "BYTES"

FORMATS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
"""The datatypes with elements of one size, and how `struct` calls them."""

INTEGERS = frozenset(name for name in FORMATS if "INT" in name)
FLOATS = frozenset(name for name in FORMATS if name.startswith("FP"))

_LENGTH = struct.Struct("<I")
"""What precedes each element of BYTES."""


JSON_CONTENT: Mapping[str, str] = {"content_type": "application/json"}
"""The parameters of a tensor with elements that are JSON."""


class TensorError(ValueError):
    """A tensor is not what it says, or not what the model takes. The message is one sentence."""


@dataclass(frozen=True)
class Tensor:
    """A named array.

    Attributes:
        name: Of the tensor.
        datatype: As the protocol calls it, such as "FP32".
        shape: The number of elements along each dimension.
        data: The elements in row-major order: numbers, or bytes where the datatype is BYTES.
        is_json: Whether each element is JSON.
    """

    name: str
    datatype: str
    shape: Sequence[int]
    data: Sequence[Any]
    is_json: bool = False


MAX_TENSORS = 1_000
"""The most tensors in one request."""

MAX_RANK = 16
"""The most dimensions of a tensor, that of the batch among them."""

MAX_NAME = 256
"""The most characters of the name of a tensor."""

MAX_EMPTY = 2_000
"""The most lists in a tensor without elements, whose shape alone would cost its sender nothing."""


def element_count(name: str, datatype: str, shape: Sequence[int]) -> int:
    """Return how many elements a tensor declares.

    Raises:
        TensorError: The datatype is unknown, or the shape has too many empty lists.
    """
    if datatype != BYTES and datatype not in FORMATS:
        known = ", ".join([*FORMATS, BYTES])
        raise TensorError(f"Tensor {name!r} has the unknown datatype {datatype!r}: use {known}.")
    count = prod(shape)
    if count == 0 and prod(max(size, 1) for size in shape) > MAX_EMPTY:
        raise TensorError(f"Tensor {name!r} has too many empty lists in its shape {[*shape]}.")
    return count


def fits(value: Any, datatype: str) -> bool:
    """Whether a value can be an element of this datatype."""
    if datatype == BYTES:
        return isinstance(value, str | bytes)
    if datatype == "BOOL" or isinstance(value, bool):
        return datatype == "BOOL" and isinstance(value, bool)
    if datatype in FLOATS:
        return isinstance(value, int | float)
    bits = int(datatype.rpartition("INT")[2])
    least = 0 if datatype.startswith("U") else -(1 << bits - 1)
    return isinstance(value, int) and least <= value < least + (1 << bits)


def checked(name: str, datatype: str, shape: Sequence[int], data: Sequence[Any]) -> Tensor:
    """Make a tensor of its elements, those of BYTES as text or as bytes.

    Raises:
        TensorError: The elements are not as many, or not of the datatype, as is declared.
    """
    count = element_count(name, datatype, shape)
    if len(data) != count:
        raise TensorError(
            f"Tensor {name!r} has {len(data)} elements, and its shape {[*shape]} takes {count}."
        )
    if not all(fits(one, datatype) for one in data):
        raise TensorError(f"Tensor {name!r} has an element that is no {datatype}.")
    if datatype == BYTES:
        data = [one.encode() if isinstance(one, str) else one for one in data]
    return Tensor(name, datatype, shape, data)


def unpack(name: str, datatype: str, shape: Sequence[int], raw: bytes) -> Tensor:
    """Read the binary form of a tensor: little-endian, in row-major order.

    Raises:
        TensorError: The bytes are not those of as many elements as the shape declares.
    """
    # Counted before anything is read: a shape of a billion costs its sender three digits.
    count = element_count(name, datatype, shape)
    if datatype == BYTES:
        elements = [*_split(name, raw, count)]
    else:
        layout = f"<{count}{FORMATS[datatype]}" if count <= len(raw) else ""
        if not layout or struct.calcsize(layout) != len(raw):
            size = struct.calcsize(f"<{FORMATS[datatype]}")
            raise TensorError(
                f"Tensor {name!r} has {len(raw)} bytes, and its shape {[*shape]} of {datatype}"
                f" takes {count * size}."
            )
        elements = [*struct.unpack(layout, raw)]
    return Tensor(name, datatype, shape, elements)


def _split(name: str, raw: bytes, count: int) -> Iterator[bytes]:
    place = found = 0
    while place < len(raw):
        start = place + _LENGTH.size
        [size] = _LENGTH.unpack(raw[place:start]) if start <= len(raw) else [len(raw)]
        place = start + size
        found += 1
        if place > len(raw) or found > count:
            break
        yield raw[start:place]
    if place != len(raw) or found != count:
        raise TensorError(
            f"Tensor {name!r} is not {count} elements of BYTES, as its shape declares, each after"
            " its length in four bytes."
        )


def pack(tensor: Tensor) -> bytes:
    """Return the binary form of a tensor."""
    if tensor.datatype == BYTES:
        return b"".join(_LENGTH.pack(len(one)) + one for one in tensor.data)
    return struct.pack(f"<{len(tensor.data)}{FORMATS[tensor.datatype]}", *tensor.data)
