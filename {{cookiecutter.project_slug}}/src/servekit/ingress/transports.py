"""Transports beside HTTP. Each leads to the same API, in the same replica."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from servekit.api import Feature

Kind = TypeVar("Kind", bound=type)


@dataclass(frozen=True)
class Transport:
    """A transport beside HTTP, as data.

    feature: what it adds to the API.
    methods: functions that Ray Serve calls by their names, with the deployment's instance first;
        the API is its attribute `api`.
    """

    feature: Feature
    methods: Iterable[Callable[..., Any]]


def with_transport_methods(transports: Iterable[Transport]) -> Callable[[Kind], Kind]:
    """Add the methods of all transports to a class, where Serve looks for them."""

    # No subclass: Ray finds the class again by its name and module.
    def with_methods(kind: Kind) -> Kind:
        for transport in transports:
            for method in transport.methods:
                setattr(kind, method.__name__, method)
        return kind

    return with_methods
