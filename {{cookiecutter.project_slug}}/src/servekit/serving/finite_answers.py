"""Tells quickly that answers hold nothing but finite numbers."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

SUSPICIOUS = (b"NaN", b"Infinity", b"null")
"""How pydantic-core writes numbers that JSON does not have, as the class of the value decides."""

OWN_WAYS = (
    "'serialization'",
    *(f"'type': '{one}'" for one in ("model", "any", "is-instance", "generator")),
)
"""What a core schema of Pydantic says of values that write themselves in ways of their own."""


class FiniteAnswers:
    """Searches answers for numbers that are not finite.

    Written as JSON by pydantic-core, a batch is searched in a third of the time that Python takes
    to look at each number. It is only for types of which that says everything: not for classes of
    Pydantic, which may write what they like.

    Args:
        output: The type of the answers.
    """

    def __init__(self, output: Any) -> None:
        schema = repr(TypeAdapter(output).core_schema)
        self._writable = not any(one in schema for one in OWN_WAYS)

    def surely(self, values: Sequence[Any]) -> bool:
        """Whether all numbers in these values are finite; False where one has to look closer."""
        if not self._writable:
            return False
        unknown: list[object] = []
        try:
            text = to_json(values, inf_nan_mode="constants", fallback=unknown.append)
        except Exception:
            return False
        return not unknown and not any(one in text for one in SUSPICIOUS)
