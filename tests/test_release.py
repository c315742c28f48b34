"""One version, in every place that says it, and notes that belong to it."""

import json
import re
import subprocess
import tomllib

import pytest
from servekit.settings import RENAMED

from evolve.versions import number, part, sections, upgrades
from scripts.export import ROOT
from scripts.release import notes

from .answers import CHOICES, CONFIG, FEATURES, PROMPTS

VERSION = CONFIG["_version"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PARTS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "When you update"}


def test_every_place_says_the_same_version():
    released = [*sections(CHANGELOG)]
    assert released[0] == VERSION
    assert released == sorted(released, key=number, reverse=True)
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["version"] == VERSION


def test_no_tag_is_newer_than_the_version():
    listed = subprocess.run(["git", "tag"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [tag for tag in listed.stdout.split() if number(tag) > number(VERSION)] == []


def test_the_changelog_has_its_form():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert [
        one for one in headings[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", one)
    ] == []
    assert {*re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)} <= PARTS


def test_every_release_says_what_to_do_when_updating():
    assert [
        one for one, text in sections(CHANGELOG).items() if not part(text, "When you update")
    ] == []


def test_upgrades_lead_to_prompts_and_settings_that_there_are():
    table = json.loads((ROOT / "upgrades.json").read_text(encoding="utf-8"))
    assert table.keys() <= sections(CHANGELOG).keys()
    settings = (ROOT / "{{cookiecutter.project_slug}}/.env.example").read_text(encoding="utf-8")
    crossed = [*upgrades(ROOT, "0.0.0", VERSION)]
    assert RENAMED.items() <= {pair for one in crossed for pair in one.settings.items()}
    for upgrade in crossed:
        assert {*upgrade.prompts.values()} <= {*PROMPTS}
        for prompt, answer in upgrade.answers.items():
            assert answer in CHOICES.get(prompt, (True, False) if prompt in FEATURES else ())
        assert [new for new in upgrade.settings.values() if f"{new}=" not in settings] == []
        assert [old for old in upgrade.settings if f"{old}=" in settings] == []


def test_the_notes_of_a_release_are_its_section():
    assert notes(f"v{VERSION}") == sections(CHANGELOG)[VERSION].strip()
    assert "### When you update" in notes(f"v{VERSION}")


@pytest.mark.parametrize("tag", ["v0.0.1", VERSION, "main"])
def test_another_tag_is_not_released(tag: str):
    with pytest.raises(ValueError, match=f"The tag is {tag}"):
        notes(tag)
