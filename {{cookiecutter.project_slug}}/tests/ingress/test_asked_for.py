"""The cluster of the tests over Serve has the applications that the selected ones need."""

from pathlib import Path

import pytest

from tests import conftest
from tests.conftest import spoken_of

FILES = sorted(Path(conftest.__file__).parent.rglob("test_*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_file_needs_can_be_told_from_it(path: Path) -> None:
    assert all(spoken_of(path.read_text(encoding="utf-8")))


def test_prefixes_are_found_and_what_sounds_like_a_feature_is_none() -> None:
    source = "def test(every_application): get(f'{url}/stuck/v1')"
    assert [*spoken_of(source)] == ["stuck", "v1"]


def test_the_application_of_a_feature_is_found_where_it_is_imported() -> None:
    for path in (Path(conftest.__file__).parent / "features").glob("*_application.py"):
        assert len([*spoken_of(f"from .{path.stem} import NAME")]) == 1
