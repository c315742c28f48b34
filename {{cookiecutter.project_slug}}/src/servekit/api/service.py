"""The names of a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Service:
    """The names of a service, for pages, OpenAPI, logs and traces.

    Attributes:
        name: As people read it.
        slug: As machines read it, such as in traces.
        package: The Python package, whose log lines are written with those of the kit.
        version: Of the service, as OpenAPI gives it.
        description: One sentence for OpenAPI.
        tags: What OpenAPI says about groups of routes, by tag.
    """

    name: str
    slug: str
    package: str
    version: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
