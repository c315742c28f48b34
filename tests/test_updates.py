"""Updates of a project: whatever is flipped or renamed, nothing of a team's is lost.

The measure is a project that was made as it is wanted and then edited: an update of an edited
project gives the same files, but for those that the team edited and now declines.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from evolve import commands
from evolve.report import shown
from evolve.templates import Answers, Template

from .answers import ALL, BARE, CHOICES, FEATURES, LEAST, is_accepted, matrix
from .conftest import Render
from .small_template import commit
from .team import Team
from .template import files
from .updating import (
    DEFAULT,
    VERSION,
    assert_meant,
    changed,
    content,
    edited_files,
    made,
    typed,
)


def other(name: str) -> bool:
    return not DEFAULT[name]


CANDIDATES: dict[str, tuple[Answers, Answers]] = {
    **{f"{name} on": (LEAST, {name: True}) for name in FEATURES},
    **{f"{name} off": (ALL, {name: False}) for name in FEATURES},
    **{f"{name} flipped": (DEFAULT, {name: other(name)}) for name in FEATURES},
    **{f"{name} {one}": (ALL, {name: one}) for name, many in CHOICES.items() for one in many[1:]},
    **{f"{name} back": (ALL | {name: many[-1]}, {name: many[0]}) for name, many in CHOICES.items()},
    "everything on": (BARE, ALL),
    "everything off": (ALL, BARE),
    "without the sample": (DEFAULT, {"sample": "none", "ci": "gitlab", "docker": False}),
    "the sample later": (DEFAULT | {"sample": "none"}, {"sample": "language", "grpc": True}),
}
FLIPS = {
    name: (before, change)
    for name, (before, change) in CANDIDATES.items()
    if is_accepted(before) and is_accepted(before | change)
}
every_flip = pytest.mark.parametrize(("before", "change"), FLIPS.values(), ids=FLIPS)


@every_flip
def test_an_untouched_project_becomes_one_that_was_made_so(
    before: Answers, change: Answers, clone: Path, tmp_path: Path
):
    project = made(clone, before, tmp_path / "project")
    commit(project)
    report = commands.update(project, clone, VERSION, typed(change))
    assert report.merge.conflicts == {}
    assert report.merge.beside == []
    assert content(project) == files(made(clone, before | change, tmp_path / "fresh"))


@every_flip
def test_an_edited_project_keeps_all_that_its_team_wrote(
    before: Answers, change: Answers, clone: Path, tmp_path: Path
):
    project = made(clone, before, tmp_path / "project")
    old = files(project)
    edited = Team(project, "my_service").edit()
    commit(project)
    report = commands.update(project, clone, VERSION, typed(change))
    fresh = made(clone, before | change, tmp_path / "fresh")
    assert changed(report) == {path for path in edited & old.keys() if path not in files(fresh)}
    gold = edited_files(fresh, old)
    result = {path: text for path, text in content(project).items() if path not in changed(report)}
    assert sorted(result.keys() ^ gold.keys()) == []
    assert [path for path, text in result.items() if text != gold[path]] == []
    assert_meant(result)


@pytest.mark.parametrize("name", matrix())
def test_a_render_without_cookiecutter_is_the_same(
    name: str, template: Path, render: Callable[..., Render], tmp_path: Path
):
    project = render(**matrix()[name])
    asked = {key: one for key, one in project.answers.items() if not key.startswith("_")}
    ours = Template(template).render(dict(asked), tmp_path / "ours")  # pyright: ignore[reportArgumentType]
    assert files(ours) == files(project.folder)
    assert modes(ours) == modes(project.folder)


def modes(folder: Path) -> dict[str, int]:
    return {path: (folder / path).stat().st_mode & 0o777 for path in files(folder)}


def test_a_project_in_a_folder_of_a_repository_is_updated_alone(clone: Path, tmp_path: Path):
    whole = tmp_path / "whole"
    project = made(clone, BARE, whole / "services/first")
    old = files(project)
    Team(project, "my_service").edit()
    (whole / "other.txt").write_text("my_service\n")
    commit(whole)
    report = commands.update(project, clone, VERSION, ["tracing=yes", "sample=language"])
    fresh = made(clone, BARE | {"tracing": True, "sample": "language"}, tmp_path / "fresh")
    assert report.merge.conflicts == {}
    assert files(project) == edited_files(fresh, old)
    commit(whole)
    commands.rename(project, clone, VERSION, ["package_name=babel_fish"])
    assert (project / "src/babel_fish/features.py").is_file()
    assert (whole / "other.txt").read_text() == "my_service\n"


def test_data_that_a_declined_feature_leaves_is_named(clone: Path, tmp_path: Path):
    project = made(clone, ALL, tmp_path / "project")
    commit(project)
    report = commands.update(project, clone, VERSION, ["feedback=no"])
    [sentence] = report.data
    assert "~/.local/share/my-service/feedback.db" in sentence
    assert sentence in shown(report)
