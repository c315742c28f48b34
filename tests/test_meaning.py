"""A merge of lines that git takes for clean is a conflict where programs read it otherwise."""

from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evolve import commands
from evolve.meaning import faults, joined, keys
from evolve.report import shown
from scripts.export import ROOT, known_to_git

from .answers import ALL
from .small_template import commit
from .updating import DEFAULT, VERSION, changed, made

COMPOSE = "compose.yaml"
OWN = "\n# What our models have learned.\nvolumes:\n  data:\n"


class Strict(yaml.SafeLoader):
    """Refuses keys that stand twice, as programs that read Compose files do."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        assert sorted(names) == sorted({*names})
        return super().construct_mapping(node, deep)


def at_the_end(text: str) -> str:
    return text + OWN


def above_the_services(text: str) -> str:
    return text.replace("\nservices:\n", f"{OWN}\nservices:\n")


def below_the_name(text: str) -> str:
    return text.replace("\nname: my-service\n", f"\nname: my-service\n{OWN}")


@pytest.mark.parametrize("edit", [at_the_end, above_the_services, below_the_name])
def test_volumes_of_a_team_and_of_a_feature_are_one_list(
    edit: Callable[[str], str], clone: Path, tmp_path: Path
):
    project = made(clone, DEFAULT, tmp_path / "project")
    file = project / COMPOSE
    file.write_text(edit(file.read_text()))
    before = yaml.load(file.read_text(), Strict)
    commit(project)
    report = commands.update(project, clone, VERSION, ["feedback=yes"])
    assert report.merge.conflicts == {}
    assert report.merge.beside == [COMPOSE]
    fresh = yaml.load(
        (made(clone, DEFAULT | {"feedback": True}, tmp_path / "f") / COMPOSE).read_text(), Strict
    )
    assert before["volumes"] == {"data": None}
    assert yaml.load(file.read_text(), Strict) == fresh | {
        "volumes": {"feedback": None, "data": None}
    }
    assert "  feedback:\n  # What our models have learned.\n  data:\n\n" in file.read_text()
    # And it goes on from there.
    commit(project)
    report = commands.update(project, clone, VERSION, ["tracing=yes"])
    assert report.merge.conflicts == {}
    assert yaml.load(file.read_text(), Strict)["volumes"] == {"feedback": None, "data": None}


def own_database(project: Path) -> str:
    file = project / COMPOSE
    file.write_text(file.read_text() + "\n  postgresql:\n    image: postgres:12\n")
    return COMPOSE


def own_target(project: Path) -> str:
    file = project / "Makefile"
    own = ".PHONY: migrate\nmigrate: ## Migrate our own database\n\t./deploy/migrate.sh\n\n"
    file.write_text(file.read_text().replace(".PHONY: setup\n", f"{own}.PHONY: setup\n"))
    return "Makefile"


def own_setting(project: Path) -> str:
    file = project / ".env.example"
    file.write_text("FEEDBACK_SECRET=ours\n\n" + file.read_text())
    return ".env.example"


TWICE = {
    own_database: "services.postgresql",
    own_target: "the target migrate",
    own_setting: "FEEDBACK_SECRET",
}


@pytest.mark.parametrize(("edit", "name"), TWICE.items(), ids=TWICE.values())
def test_what_would_be_there_twice_is_a_conflict(
    edit: Callable[[Path], str], name: str, clone: Path, tmp_path: Path
):
    project = made(clone, DEFAULT, tmp_path / "project")
    path = edit(project)
    commit(project)
    report = commands.update(project, clone, VERSION, ["feedback=yes"])
    assert changed(report) == {path}
    assert f"Conflict: {path} ({name} would be there twice" in shown(report)


WRONG = {
    "a.toml": b"[tool.own]\n[tool.own]\n",
    "a.json": b'{"a": {"b": 1, "b": 2}}',
    "b.json": b'{"a": 1,}',
    "a.py": b"def f(:\n",
    "a.yml": b"on:\n  push:\n'on':\n  pull_request:\n",
    "b.yaml": b"steps:\n- run: a\n  env: {}\n  run: b\n",
    "deploy/settings.env": b"A=1\nB=2\nA=3\n",
}
RIGHT = {
    "a.toml": b"[tool.own]\n",
    "b.toml": b"project = 1\ndependency-groups = 2\n",
    "c.toml": b"[project]\ndependencies = 'aa'\noptional-dependencies = 3\n",
    "d.toml": b"[dependency-groups]\ndev = 4\n",
    "a.json": b'[{"b": 1}, {"b": 2}]',
    "a.py": "# Ä\nx = 1\n".encode(),
    "latin.py": b"# \xe4\n(",
    "a.yaml": b"a: |\n  b: 1\n  b: 2\nc:\n- b: 1\n- b: 2\n---\na: 1\n",
    "a.md": b"a: 1\na: 2\n",
    "Makefile": b"a: b\na: export C = 1\na:\n\ttrue\n",
    ".env.example": b"A=1\n# A=2\n",
}


@pytest.mark.parametrize("path", WRONG)
def test_a_file_without_a_meaning_is_found(path: str):
    assert len(faults(path, WRONG[path])) == 1


@pytest.mark.parametrize("path", RIGHT)
def test_a_file_with_a_meaning_is_left_alone(path: str):
    assert faults(path, RIGHT[path]) == set()


def places(node: yaml.Node | None) -> Iterator[tuple[int, int]]:
    """Where the keys of mappings begin; those of `{…}` are of one line, and not looked for."""
    for one in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(node, yaml.MappingNode):
            key, value = one
            if not node.flow_style:
                yield key.start_mark.line, key.start_mark.column
            yield from places(value)
        else:
            yield from places(one)


def test_keys_are_those_that_a_yaml_library_finds(clone: Path, tmp_path: Path):
    folder = made(clone, ALL, tmp_path / "project")
    files = [ROOT / path for path in known_to_git(".github")] + [*folder.rglob("*.y*ml")]
    texts = [path.read_text() for path in files if path.suffix in (".yaml", ".yml")]
    assert len(texts) > 9
    for text in texts:
        found = {place for one in yaml.compose_all(text) for place in places(one)}
        assert {(key.line, key.column) for key in keys(text.splitlines())} == found


def test_only_blocks_of_one_kind_are_joined():
    theirs = ["a:\n", "  b: 1\n"]
    for own in ("a: {c: 1}", "a:\n- c", "a:\n    c: 1", "a:\n  b: 2", "a:"):
        assert joined([*theirs, *own.splitlines(keepends=True)], theirs) is None
    assert joined(["a:\n", "  c: 1\n", *theirs], theirs) == ["a:\n", "  b: 1\n", "  c: 1\n"]
    assert joined([*theirs, "a:\n", "  c: 1"], theirs) == ["a:\n", "  b: 1\n", "  c: 1\n"]
