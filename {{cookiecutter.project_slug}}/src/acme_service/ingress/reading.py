"""Reads Serve configurations more strictly than Serve does, and without Ray."""

from pathlib import Path
from typing import Any

import yaml


class ConfigurationError(ValueError):
    """The configuration cannot be meant like this."""


class Loader(yaml.SafeLoader):
    """Takes no key twice in one block: YAML would drop the first without a word."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        # What holds itself is then an error here, and not endless for who walks through it.
        self.deep_construct = True

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ConfigurationError(f"Line {line} has the key {key.value} once more.")
                seen.add(key.value)
        return node


def read(path: Path) -> Any:
    """What the file holds. Raises ConfigurationError when it is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506
    except OSError as error:
        raise ConfigurationError(f"It cannot be read: {error.strerror}.") from None
    except ConfigurationError:
        raise
    # A date that is none is a ValueError, and blocks may be too deep.
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError("It is no YAML.") from None
