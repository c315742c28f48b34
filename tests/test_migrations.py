"""A released migration of the feedback database never changes: databases have applied it."""

from pathlib import Path

import pytest

from evolve.git import git as read_git
from evolve.versions import releases
from scripts.export import ROOT

from .small_template import commit
from .template import PROJECT

FOLDER = Path(PROJECT.name, "src/servekit/features/feedback/migrations/versions")


def changed_since_the_last_release(repository: Path) -> list[str]:
    """Migrations of the newest tag that are different now, or gone; none before a first tag."""
    if not (released := releases(repository)):
        return []
    options = ("--name-only", "--no-renames", "--diff-filter=a")
    return read_git(repository, "diff", *options, f"v{released[-1]}", "--", FOLDER).splitlines()


def test_released_migrations_are_as_they_were_released():
    assert [*(ROOT / FOLDER).glob("feedback_*.py")]
    assert changed_since_the_last_release(ROOT) == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a migration and without a tag."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "feedback_0001_first.py").write_text("down_revision = None\n", encoding="utf-8")
    commit(tmp_path)
    return tmp_path


def test_before_a_release_migrations_may_change(repository: Path):
    (repository / FOLDER / "feedback_0001_first.py").write_text("changed", encoding="utf-8")
    assert changed_since_the_last_release(repository) == []


def test_a_new_migration_is_no_change_of_a_released_one(repository: Path):
    commit(repository, "v1.0.0")
    (repository / FOLDER / "feedback_0002_second.py").write_text("", encoding="utf-8")
    commit(repository)
    assert changed_since_the_last_release(repository) == []


@pytest.mark.parametrize("change", ["edited", "removed", "renamed"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_changed_migration_is_found(repository: Path, change: str, committed: bool):
    commit(repository, "v1.2.0")
    commit(repository, "v1.10.0")
    migration = repository / FOLDER / "feedback_0001_first.py"
    if change == "edited":
        migration.write_text("down_revision = None  # no longer\n", encoding="utf-8")
    elif change == "removed":
        migration.unlink()
    else:
        migration.rename(migration.with_name("feedback_0001_another.py"))
    if committed:
        commit(repository)
    assert changed_since_the_last_release(repository) == [f"{FOLDER}/feedback_0001_first.py"]
