"""The Serve configurations that the template gives its users."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from servekit.commands.check_config.advice import advice

from .template import PROJECT


def configurations() -> Iterator[Any]:
    for path in [PROJECT / "serve.yaml", *sorted((PROJECT / "deploy").rglob("*.yaml"))]:
        for content in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if isinstance(content, dict) and "applications" in content:
                yield pytest.param(content, id=path.name)


@pytest.mark.parametrize("config", [*configurations()])
def test_the_default_configuration_gets_no_advice(config: dict[str, Any]):
    """A project's own tests do not look: there, the numbers are the operator's."""
    assert list(advice(config)) == []
