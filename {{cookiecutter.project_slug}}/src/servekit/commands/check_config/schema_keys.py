"""The keys that Ray Serve knows in a configuration. It ignores all others without a word."""

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
"""What is inside of keys that Serve's schema calls just a dict."""


def unknown_keys(block: Any, kind: Any, place: str = "") -> Iterator[str]:
    """A sentence for each key in `block`, however deep, that means nothing to Serve.

    kind: a model, a type that mentions one, or keys with their kinds; anything goes into what
        is none of these, such as `args`, `user_config`, `env_vars` and `resources`.
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
                yield f"{inner} is no key that Serve knows{or_rather(key, known)}"


def keys_of(kind: Any) -> Mapping[str, Any] | None:
    """The keys of a block and what kind of thing each holds; None where anything goes."""
    if isinstance(kind, Mapping):
        return kind
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    inner = (keys_of(one) for one in get_args(kind))
    return next((keys for keys in inner if keys is not None), None)


def name_of(block: Any, number: int) -> str:
    """How one of a list is called: by its name, or else by its number."""
    name = block.get("name") if isinstance(block, dict) else None
    return name if isinstance(name, str) else str(number)


def or_rather(word: object, known: Iterable[str]) -> str:
    """The end of a sentence about a word that is not known: the known one next to it."""
    near = get_close_matches(str(word), known, 1)
    return f"; did you mean {near[0]}?" if near else "."
