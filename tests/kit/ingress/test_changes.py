"""A file that changes is noticed once, and not before it is whole."""

from pathlib import Path

import pytest

from servekit.commands.launcher.file_watcher import Changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "serve.yaml"
    path.write_text("one", encoding="utf-8")
    return path


def test_nothing_is_seen_while_nothing_changes(path: Path) -> None:
    changes = Changes(path)
    assert not any(changes.seen() for _ in range(3))


def test_a_change_is_seen_once(path: Path) -> None:
    changes = Changes(path)
    path.write_text("another", encoding="utf-8")
    assert [changes.seen() for _ in range(4)] == [False, True, False, False]


def test_a_file_that_takes_the_place_of_another_is_seen(path: Path, tmp_path: Path) -> None:
    changes = Changes(path)
    (tmp_path / "new").write_text("one", encoding="utf-8")
    path.unlink()
    assert not changes.seen()
    (tmp_path / "new").rename(path)
    assert [changes.seen() for _ in range(3)] == [False, True, False]


def test_a_file_that_is_being_written_is_waited_for(path: Path) -> None:
    changes = Changes(path)
    seen: list[bool] = []
    for length in (4, 5, 6):
        path.write_text("x" * length, encoding="utf-8")
        seen.append(changes.seen())
    assert [*seen, changes.seen()] == [False, False, False, True]
