"""One key for equal items, the same in every process."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache, partial
from hashlib import blake2b
from operator import itemgetter
from typing import Any

DIGEST_BYTES = 16
MAX_NAME_CHARS = 64
"""Longer keys of mappings are not remembered: clients may choose them."""

PLAIN = frozenset({int, float, bool, complex, type(None)})


class NoKeyError(Exception):
    """An item holds an object that has no canonical form."""


def key_of(item: Any) -> str:
    """Return a digest that is the same for equal items, and different for all others.

    It is made of values and their types, not of JSON: there, secrets are masked, infinity is
    null, and a field may be left out.

    Raises:
        NoKeyError: The item holds an object of an unknown kind.
    """
    parts: list[bytes] = []
    _add(item, parts)
    return blake2b(b"".join(parts), digest_size=DIGEST_BYTES).hexdigest()


def _add(item: Any, parts: list[bytes]) -> None:
    """Add a prefix-free encoding of the item."""
    # Most items are of the plainest types: to ask for these first takes a fifth of the time.
    kind = type(item)
    if kind is str:
        _add_bytes(b"s", item.encode("utf-8", "surrogatepass"), parts)
    elif kind in PLAIN:
        parts.append(f"{kind.__name__} {item!r};".encode())
    elif isinstance(item, tuple | list):
        parts.append(b"l%d:" % len(item))
        for one in item:
            _add(one, parts)
    elif isinstance(item, Enum):
        parts.append(f"enum {kind.__qualname__} {item.name};".encode())
    elif isinstance(item, str):
        _add(str(item), parts)
    elif isinstance(item, bytes | bytearray | memoryview):
        _add_bytes(b"b", bytes(item), parts)
    elif isinstance(item, Mapping | Set | Sequence):
        _add_collection(item, parts)
    else:
        _add_object(item, parts)


def _add_bytes(kind: bytes, content: bytes, parts: list[bytes]) -> None:
    parts.append(b"%s%d:" % (kind, len(content)))
    parts.append(content)


def _add_collection(item: Any, parts: list[bytes]) -> None:
    if isinstance(item, Mapping):
        ordered = sorted([(_key(one), one) for one in item], key=itemgetter(0))
        _add_named(ordered, item.__getitem__, parts)
    elif isinstance(item, Set):
        parts.append(b"set%d:" % len(item))
        parts.extend(key.encode() for key in sorted(map(key_of, item)))
    else:
        _add(list(item), parts)


def _add_named(
    ordered: Sequence[tuple[bytes, Any]], value_of: Callable[[Any], Any], parts: list[bytes]
) -> None:
    parts.append(b"m%d:" % len(ordered))
    for key, name in ordered:
        parts.append(key)
        _add(value_of(name), parts)


def _key(name: Any) -> bytes:
    # The fields of a class have the same few names in every item.
    known = type(name) is str and len(name) <= MAX_NAME_CHARS
    return _key_of_text(name) if known else key_of(name).encode()


@lru_cache(maxsize=4096)
def _key_of_text(name: str) -> bytes:
    return key_of(name).encode()


def _add_object(item: Any, parts: list[bytes]) -> None:
    kind = type(item)
    parts.append(_start(kind))
    if hasattr(kind, "get_secret_value"):
        _add(item.get_secret_value(), parts)
    elif not hasattr(item, "__dict__") and is_dataclass(item):
        _add_named(_ordered_fields(kind), partial(getattr, item), parts)
    elif is_dataclass(item):
        # Some of its fields may be in slots, and others not.
        _add({one.name: getattr(item, one.name) for one in fields(item)} | vars(item), parts)
    elif hasattr(kind, "__pydantic_fields__"):
        _add({**vars(item), **(getattr(item, "__pydantic_extra__", None) or {})}, parts)
    elif hasattr(item, "tobytes") and hasattr(item, "dtype"):
        parts.append(f"{item.dtype} {item.shape};".encode())
        _add_bytes(b"b", item.tobytes(), parts)
    elif kind.__repr__ is not object.__repr__ and kind.__eq__ is not object.__eq__:
        # Dates, decimals, paths, addresses: their representation says all of them.
        _add(repr(item), parts)
    else:
        raise NoKeyError(f"There is no key for a {kind.__name__}.")


@lru_cache(maxsize=1024)
def _start(kind: type) -> bytes:
    return f"{kind.__module__} {kind.__qualname__};".encode()


@lru_cache(maxsize=1024)
def _ordered_fields(kind: Any) -> list[tuple[bytes, str]]:
    """The fields of a dataclass with slots, as `_add_collection` orders keys."""
    return sorted((_key(field.name), field.name) for field in fields(kind))
