"""Writes YAML that kubectl and KubeRay read as it is meant."""

import re
from typing import Any

import yaml

NUMBER_OR_TRUTH = re.compile(r"[-+.]?[0-9]|[yYnN]$")
"""How texts begin that YAML in Go may take for a number, a date or a truth, and PyYAML does not."""


class Dumper(yaml.SafeDumper):
    """Quotes every text that begins like a number, such as the tag 12345e7."""


def represent_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    style = "'" if NUMBER_OR_TRUTH.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


Dumper.add_representer(str, represent_text)


def as_yaml(*documents: Any) -> str:
    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True)
