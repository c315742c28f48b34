"""Reads Serve configurations more strictly than Serve does, and without Ray."""

from pathlib import Path
from typing import Any

import yaml


class ConfigurationError(ValueError):
    """A configuration file cannot be used. The message is one sentence."""


class Strict(yaml.SafeLoader):
    """Refuses duplicate keys: YAML would drop the first one without a word."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        # A block that contains itself is then an error here, not an endless walk later.
        self.deep_construct = True

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ConfigurationError(f"Duplicate key {key.value!r} on line {line}.")
                seen.add(key.value)
        return node


def read(path: Path) -> Any:
    """Read a file exactly as Serve reads it.

    Raises:
        ConfigurationError: The file cannot be read, is not YAML, or repeats a key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        yaml.load(text, Strict)  # noqa: S506  (for its errors alone)
        # What Serve calls, whatever this release makes of merges and dates.
        return yaml.safe_load(text)
    except OSError as error:
        raise ConfigurationError(f"Not readable: {error.strerror}.") from None
    except ConfigurationError:
        raise
    # An impossible date is a ValueError, and blocks may be nested too deep.
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError("Not valid YAML.") from None
