"""First lines of docstrings and raised messages speak of code as code.

What holds for the kit, the service, the hooks and the scripts of the template is read from their
syntax trees: comments, and the rest of a docstring, may be about people.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from scripts.export import ROOT, known_to_git

from .template import PROJECT

FOLDERS = ("evolve", "hooks", "scripts", f"{PROJECT.name}/src", f"{PROJECT.name}/load")
GENERATED = re.compile(r"_pb2(_grpc)?\.py$")
SOURCES = [
    path
    for folder in FOLDERS
    for path in known_to_git(folder)
    if path.suffix == ".py" and not GENERATED.search(path.name)
]
PRONOUNS = re.compile(
    r"\b(who|whom|whose|whoever|nobody|somebody|someone|anybody|anyone|everybody|everyone)\b",
    re.IGNORECASE,
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def first_lines(source: str) -> Iterator[str]:
    """The first line of each docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield text.splitlines()[0]


def messages(source: str) -> Iterator[str]:
    """Each text in what is raised, those in f-strings included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise):
            texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))


def is_a_sentence(line: str) -> bool:
    """Whether a first line begins with a capital, or with code, and ends with a full stop."""
    return line.endswith(".") and (line[0].isupper() or not line[0].isalpha())


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_code_is_not_spoken_of_as_a_person(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    said = [*first_lines(source), *messages(source)]
    assert [text for text in said if PRONOUNS.search(text)] == []


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_first_lines_of_docstrings_are_sentences(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert [line for line in first_lines(source) if not is_a_sentence(line)] == []


def test_pronouns_are_found_in_docstrings_and_messages():
    source = 'def f():\n    """Who asks."""\n    raise ValueError(f"{f} is nobody\'s")  # who\n'
    assert [*first_lines(source), *messages(source)] == ["Who asks.", " is nobody's"]
    assert all(PRONOUNS.search(text) for text in [*first_lines(source), *messages(source)])
