"""Transports beside HTTP. Each leads to the same API, in the same replica."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MethodType
from typing import Any

from servekit.api import Feature


@dataclass(frozen=True)
class Transport:
    """A transport beside HTTP, as data.

    feature: what it adds to the API.
    methods: functions that Ray Serve calls by their names, with the deployment's instance first;
        the API is its attribute `api`.
    """

    feature: Feature
    methods: Iterable[Callable[..., Any]]

    def bind(self, replica: object) -> None:
        """Give the methods to an instance, where Serve looks for them."""
        for method in self.methods:
            setattr(replica, method.__name__, MethodType(method, replica))
