"""Estimates the size of items in calls between processes."""

from collections.abc import Iterable, Mapping, Sequence, Set
from enum import Enum
from itertools import islice
from typing import Any
from uuid import UUID

OVERHEAD_BYTES = 64
MAX_UTF8_BYTES = 4
LONG = 32
"""In a longer sequence, each counts as much as the largest of its first elements."""

DEEPEST = 8
"""What is nested deeper is not counted; an object may refer to itself."""

LIGHT = frozenset({int, float, bool, complex, type(None)})


def size_bytes(item: Any, depth: int = DEEPEST) -> int:
    """Estimate the pickled size of an item in bytes: cheap, rough, and rather high than low."""
    # Most items are of the plainest types: to ask for these first takes a fifth of the time.
    kind = type(item)
    if kind is str:
        return OVERHEAD_BYTES + len(item) * (1 if item.isascii() else MAX_UTF8_BYTES)
    if kind in LIGHT or not depth:
        return OVERHEAD_BYTES
    if isinstance(item, tuple | list) and len(item) <= LONG:
        total = OVERHEAD_BYTES
        for one in item:
            total += size_bytes(one, depth - 1)
        return total
    return OVERHEAD_BYTES + _size_of_content(item, depth)


def _size_of_content(item: Any, depth: int) -> int:
    if isinstance(item, str):
        return len(item) * MAX_UTF8_BYTES
    if isinstance(item, bytes | bytearray | memoryview):
        return len(item)
    if isinstance(item, int | float | Enum | UUID | type):
        return 0
    if isinstance(item, Sequence) and len(item) > LONG:
        return len(item) * max(size_bytes(one, depth - 1) for one in islice(item, LONG))
    # An array says its size itself; a field of a contract may have this name, too.
    weight: object = getattr(item, "nbytes", None)
    if isinstance(weight, int) and not hasattr(type(item), "__pydantic_fields__"):
        return weight
    return sum(size_bytes(one, depth - 1) for one in _parts(item))


def _parts(item: Any) -> Iterable[Any]:
    """Return the parts of an item; none for an unknown kind."""
    if isinstance(item, Mapping):
        return (*item, *item.values())
    if isinstance(item, Sequence | Set):
        return item
    if fields := getattr(item, "__dict__", None):
        return (*fields.values(), getattr(item, "__pydantic_extra__", None))
    slots = [
        name
        for kind in type(item).__mro__
        for slots in [getattr(kind, "__slots__", ())]
        for name in ([slots] if isinstance(slots, str) else slots)
    ]
    return [getattr(item, name, None) for name in slots]
