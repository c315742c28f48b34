"""Reads Serve configurations more strictly than Serve does, and without Ray."""

from pathlib import Path
from typing import Any

import yaml


class ConfigurationError(ValueError):
    """The configuration cannot be meant like this."""


class Strict(yaml.SafeLoader):
    """Refuses a key that a block holds twice: YAML would drop the first without a word."""

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
        raise ConfigurationError(f"It cannot be read: {error.strerror}.") from None
    except ConfigurationError:
        raise
    # A date that is none is a ValueError, and blocks may be too deep.
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError("It is no YAML.") from None
