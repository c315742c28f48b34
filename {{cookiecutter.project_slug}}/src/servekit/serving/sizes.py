"""How much an item weighs in a call between processes."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

OVERHEAD_BYTES = 64
MAX_UTF8_BYTES = 4
LONG = 32
"""In a sequence of more than so many, each weighs as much as the heaviest of the first ones."""


def size_bytes(item: Any) -> int:
    """What an item weighs when it is pickled: a rough and cheap estimate, rather high than low."""
    if isinstance(item, str):
        return OVERHEAD_BYTES + len(item) * (1 if item.isascii() else MAX_UTF8_BYTES)
    if isinstance(item, bytes | bytearray | memoryview):
        return OVERHEAD_BYTES + len(item)
    if isinstance(item, Sequence) and len(item) > LONG:
        return OVERHEAD_BYTES + len(item) * max(map(size_bytes, item[:LONG]))
    # That of an array, which says it itself.
    weight: int | None = getattr(item, "nbytes", None)
    return OVERHEAD_BYTES + (sum(map(size_bytes, _parts(item))) if weight is None else weight)


def _parts(item: Any) -> Iterable[Any]:
    """What an item consists of; nothing for a number."""
    if isinstance(item, Mapping):
        return (*item, *item.values())
    if isinstance(item, Sequence | Set):
        return item
    if fields := getattr(item, "__dict__", None):
        return fields.values()
    slots = getattr(type(item), "__slots__", ())
    return [getattr(item, name, None) for name in ([slots] if isinstance(slots, str) else slots)]
