"""What `make setup` adds to the settings of a machine, and what it leaves alone."""

from pathlib import Path

import pytest

from servekit.commands.env_file import complete

EXAMPLE = """\
# Settings.

# How it logs.
#API_LOG_LEVEL=INFO
# Over HTTPS only.
API_COOKIE_SECURE=false

# Signs receipts.
FEEDBACK_SECRET=
#FEEDBACK_TIMEOUT_S=5
# Where they are.
FEEDBACK_URL=sqlite:///a.db

# Settings of your own.
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / ".env.example"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def completed(example: Path, before: str) -> str:
    """What is added to settings; what was there is still in front of it."""
    path = example.with_name(".env")
    path.write_text(before, encoding="utf-8")
    complete(path, example)
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before)
    return after.removeprefix(before)


def test_settings_that_are_not_there_are_the_example(example: Path) -> None:
    path = example.with_name(".env")
    assert complete(path, example) == []
    assert path.read_text(encoding="utf-8") == EXAMPLE
    assert path.stat().st_mode & 0o077 == 0


def test_settings_that_have_everything_stay_byte_for_byte(example: Path) -> None:
    assert completed(example, EXAMPLE) == ""
    assert completed(example, EXAMPLE.replace("false", "true").replace("#API", "API")) == ""


def test_a_feature_that_came_later_comes_with_all_its_lines(example: Path) -> None:
    before = "API_COOKIE_SECURE=true"
    assert completed(example, before) == (
        "\n\n# Signs receipts.\nFEEDBACK_SECRET=\n#FEEDBACK_TIMEOUT_S=5\n# Where they are.\n"
        "FEEDBACK_URL=sqlite:///a.db\n"
    )


def test_a_setting_that_is_missing_comes_with_its_comment(example: Path) -> None:
    before = "API_COOKIE_SECURE=true\nFEEDBACK_SECRET=mine\n"
    assert completed(example, before) == "\n# Where they are.\nFEEDBACK_URL=sqlite:///a.db\n"


def test_a_setting_that_was_commented_out_stays_so(example: Path) -> None:
    before = "#API_COOKIE_SECURE=false\n# FEEDBACK_SECRET=\n#FEEDBACK_URL=\n"
    assert completed(example, before) == ""


@pytest.mark.parametrize("form", ["export {}=mine", "  {}=mine", "{} = 'mine'", "# {} ="])
def test_a_setting_is_there_in_whatever_form_it_is_read(example: Path, form: str) -> None:
    names = ("API_COOKIE_SECURE", "FEEDBACK_SECRET", "FEEDBACK_URL")
    assert completed(example, "\n".join(map(form.format, names))) == ""


def test_what_is_added_is_told(example: Path) -> None:
    path = example.with_name(".env")
    path.write_text("API_COOKIE_SECURE=false\n", encoding="utf-8")
    assert complete(path, example) == ["FEEDBACK_SECRET", "FEEDBACK_URL"]
