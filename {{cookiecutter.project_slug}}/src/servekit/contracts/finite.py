"""Finds numbers that JSON cannot carry: it has no NaN and no infinity, and would say null."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

Path = tuple[str | int, ...]

_HARMLESS = frozenset({str, int, bool, bytes, type(None)})


def not_finite(value: Any) -> Path | None:
    """Return the way to the first number in a value that is not finite; None without one.

    Args:
        value: An input or output of a model: of classes, containers, arrays and numbers.
    """
    kind = type(value)
    if kind in _HARMLESS:
        return None
    if kind is float:
        return None if isfinite(value) else ()
    return _first(_parts(value))


def _first(parts: Iterable[tuple[str | int, Any]]) -> Path | None:
    for name, part in parts:
        kind = type(part)
        if kind in _HARMLESS or (kind is float and isfinite(part)):
            continue
        if (way := not_finite(part)) is not None:
            return (name, *way)
    return None


def _parts(value: Any) -> Iterable[tuple[str | int, Any]]:
    if names := _names(type(value)):
        return ((name, getattr(value, name)) for name in names)
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, list | tuple | set | frozenset):
        return enumerate(value)
    if hasattr(value, "tolist"):  # an array or a number of NumPy, or a tensor
        return [("", value.tolist())]
    return ()


@lru_cache(maxsize=256)
def _names(kind: type) -> Iterable[str]:
    """The fields of a dataclass, a named tuple, or a model of Pydantic."""
    if is_dataclass(kind):
        return [one.name for one in fields(kind)]
    return getattr(kind, "_fields", ()) or [*getattr(kind, "model_fields", ())]
