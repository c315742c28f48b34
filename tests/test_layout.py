"""The layout that lets updates merge: what teams add has lines of its own to stand beside."""

import re
from collections.abc import Iterator

import pytest

from .template import STATEMENT, template_files

EXTENDED = [
    ".env.example",
    "README.md",
    "compose.yaml",
    "deploy/kubernetes/base/kustomization.yaml",
    "deploy/kubernetes/overlays/local/settings.env",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
    "deploy/kubernetes/overlays/production/settings.env",
    "docs/README.md",
    "src/acme_service/features.py",
]
"""Files whose lists teams extend at their ends."""


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The first line of each run of conditional blocks, and the unconditional line after it.

    Empty lines count where they end a list, in Markdown.
    """
    depth, first, in_run = 0, "", False
    for line in text.splitlines():
        if STATEMENT.match(line):
            depth += {"if": 1, "endif": -1}[line.split("{%")[1].split()[0]]
            in_run = True
        elif depth:
            first = first or line
        elif in_run and (line.strip() or first.startswith("- ")):
            yield first, line
            first, in_run = "", False
    if in_run:
        yield first, ""


def indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def ends_its_list(first: str, after: str) -> bool:
    if first.startswith("- "):
        return not after.startswith("- ")
    return not after or indentation(after) < indentation(first)


@pytest.mark.parametrize("path", EXTENDED)
def test_no_conditional_block_ends_a_list_that_teams_extend(path: str):
    found = [*runs(template_files()[path].decode())]
    assert found
    assert [first for first, after in found if ends_its_list(first, after)] == []


def test_a_block_that_ends_a_list_is_found():
    text = "- a\n# {% if x %}\n- b\n# {% endif %}\n\n## Next\n"
    assert [ends_its_list(*run) for run in runs(text)] == [True]
    text = "a:\n  b:\n# {% if x %}\n\n  c:\n# {% endif %}\nd:\n# {% if x %}\ne:\n# {% endif %}\n"
    assert [ends_its_list(*run) for run in runs(text)] == [True, True]


def test_volumes_stand_above_services_which_teams_append_to():
    text = template_files()["compose.yaml"].decode()
    assert text.index("\nvolumes:") < text.index("\nservices:")
    assert re.findall(r"^\w+:", text, re.MULTILINE)[-1] == "services:"


def test_each_target_is_declared_phony_by_itself():
    text = template_files()["Makefile"].decode()
    declared = re.findall(r"^\.PHONY: (.*)\n(.*?):", text, re.MULTILINE)
    assert [phony for phony, target in declared if phony != target] == []
    assert len(declared) == len(re.findall(r"^\.PHONY", text, re.MULTILINE))
