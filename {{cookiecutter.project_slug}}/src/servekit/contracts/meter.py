"""The interface to metrics, whatever collects them."""

from typing import Protocol


class Meter(Protocol):
    """Takes counts and measurements.

    Names are snake_case and end in their unit (`_total`, `_seconds`, `_size`). Labels take
    few values: never a text, an address or an identifier.
    """

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one measurement of a distribution."""
        ...


class NullMeter:
    """A meter that drops everything: development collects no metrics."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        return None

    def observe(self, name: str, value: float, **labels: str) -> None:
        return None
