"""Estimates the size of items in calls between processes."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from enum import Enum
from functools import lru_cache
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

Content = Callable[[Any, int], int]
"""Takes a value and how much deeper to look; returns the bytes beside the overhead."""


def size_bytes(item: Any, depth: int = DEEPEST) -> int:
    """Estimate the pickled size of an item in bytes: cheap, rough, and rather high than low."""
    # Most items are of the plainest types: to ask for these first takes a fifth of the time.
    kind = type(item)
    if kind is str:
        return OVERHEAD_BYTES + len(item) * (1 if item.isascii() else MAX_UTF8_BYTES)
    if kind in LIGHT or not depth:
        return OVERHEAD_BYTES
    if (kind is tuple or kind is list) and len(item) <= LONG:
        total = OVERHEAD_BYTES
        for one in item:
            total += size_bytes(one, depth - 1)
        return total
    return OVERHEAD_BYTES + _content(kind)(item, depth)


@lru_cache(maxsize=1024)
def _content(kind: type) -> Content:
    """Return what estimates values of a type. To find out takes longer than to estimate."""
    return next(content for kinds, content in CONTENTS if issubclass(kind, kinds))


def _of_sequence(item: Sequence[Any], depth: int) -> int:
    if len(item) > LONG:
        return len(item) * max(size_bytes(one, depth - 1) for one in islice(item, LONG))
    return _of_parts(item, depth)


def _of_mapping(item: Mapping[Any, Any], depth: int) -> int:
    return _of_parts((*item, *item.values()), depth)


def _of_object(item: Any, depth: int) -> int:
    # An array says its size itself; a field of a contract may have this name, too.
    weight: object = getattr(item, "nbytes", None)
    if isinstance(weight, int) and not hasattr(type(item), "__pydantic_fields__"):
        return weight
    return _of_parts(_attributes(item), depth)


def _of_parts(parts: Iterable[Any], depth: int) -> int:
    total = 0
    for one in parts:
        total += size_bytes(one, depth - 1)
    return total


def _attributes(item: Any) -> Iterable[Any]:
    """Return the attributes of an object; none for an unknown kind."""
    if fields := getattr(item, "__dict__", None):
        return (*fields.values(), getattr(item, "__pydantic_extra__", None))
    return [getattr(item, name, None) for name in _slots(type(item))]


@lru_cache(maxsize=1024)
def _slots(kind: type) -> Sequence[str]:
    each = (getattr(one, "__slots__", ()) for one in kind.__mro__)
    return [name for slots in each for name in ([slots] if isinstance(slots, str) else slots)]


CONTENTS: Sequence[tuple[tuple[type, ...], Content]] = (
    ((str,), lambda item, _: len(item) * MAX_UTF8_BYTES),
    ((bytes, bytearray, memoryview), lambda item, _: len(item)),
    ((int, float, Enum, UUID, type), lambda _, __: 0),
    ((Sequence,), _of_sequence),
    ((Mapping,), _of_mapping),
    ((Set,), _of_parts),
    ((object,), _of_object),
)
"""What estimates the values of a type: the first that fits."""
