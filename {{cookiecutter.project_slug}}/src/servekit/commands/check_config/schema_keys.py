"""Finds keys that Ray Serve does not know, and would ignore without a word."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from ray.runtime_env import RuntimeEnv
from ray.serve.config import AutoscalingPolicy

UNTYPED: Mapping[str, Any] = {
    "autoscaling_policy": AutoscalingPolicy,
    "runtime_env": dict.fromkeys(RuntimeEnv.known_fields, Any),
}
"""The schemas of keys that Serve's own schema types as a plain dict."""


def unknown_keys(block: Any, kind: Any, place: str = "") -> Iterator[str]:
    """Yield a sentence for each key in `block`, however deep, that Serve does not know.

    Args:
        block: What YAML holds there.
        kind: A model, a type that mentions one, or keys with their kinds. Anything else takes any
            key, such as `args`, `user_config`, `env_vars` and `resources`.
        place: The path to the block, with dots.
    """
    known = keys_of(kind)
    if isinstance(block, list):
        for number, one in enumerate(block):
            yield from unknown_keys(one, kind, f"{place}.{name_of(one, number)}")
    elif isinstance(block, dict) and known is not None:
        for key, one in block.items():
            inner = f"{place}.{key}".lstrip(".")
            if key in known:
                yield from unknown_keys(one, UNTYPED.get(key, known[key]), inner)
            else:
                yield f"Unknown key {inner!r}.{suggestion(key, known)}"


def keys_of(kind: Any) -> Mapping[str, Any] | None:
    """Return the keys of a block with the kind of each; None where any key is allowed."""
    if isinstance(kind, Mapping):
        return kind
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    inner = (keys_of(one) for one in get_args(kind))
    return next((keys for keys in inner if keys is not None), None)


def name_of(block: Any, number: int) -> str:
    """Return what to call an element of a list: its name, or else its number."""
    name = block.get("name") if isinstance(block, dict) else None
    return name if isinstance(name, str) else str(number)


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return a question that names the known word nearest to this one, if any is near."""
    near = get_close_matches(str(word), known, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
