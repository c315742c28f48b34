"""One version, in every place that says it, and notes that belong to it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from servekit.settings import RENAMED

from evolve.versions import number, part, sections, upgrades
from scripts.export import ROOT, export, known_to_git
from scripts.owner import PLACEHOLDER, owner
from scripts.release import notes

from .answers import CHOICES, CONFIG, FEATURES, PROMPTS
from .environment import make
from .small_template import changed_config, git

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


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """The template, as a repository of an account."""
    copy = export(tmp_path / "template")
    git(copy, "init", "--quiet")
    assert make(copy, "owner", "NAME=acme-labs").returncode == 0
    return copy


def test_an_account_gets_into_every_address(owned: Path):
    old = "/".join(owner())
    new = f"acme-labs/{owner()[1]}"
    named = {path for path in known_to_git() if old in (ROOT / path).read_bytes().decode("latin-1")}
    assert {Path("README.md"), Path("cookiecutter.json")} < named
    for path in known_to_git():
        expected = (ROOT / path).read_bytes().replace(old.encode(), new.encode())
        assert (owned / path).read_bytes() == expected, path
    assert json.loads((owned / "cookiecutter.json").read_bytes())["_home"].endswith(f"/{new}")


@pytest.mark.parametrize("name", ["NAME=", "NAME=a/b", "NAME=-a", "NAME=a--b", "NAME=a'b c"])
def test_a_name_that_is_no_account_changes_nothing(name: str, owned: Path):
    before = {path: (owned / path).read_bytes() for path in known_to_git()}
    done = make(owned, "owner", name)
    assert done.returncode
    assert done.stdout.startswith(("NAME is required", "Not the name of an acc"))
    assert {path: (owned / path).read_bytes() for path in before} == before


def test_the_notes_of_a_release_are_its_section(owned: Path):
    assert notes(f"v{VERSION}", owned) == sections(CHANGELOG)[VERSION].strip()
    assert "### When you update" in notes(f"v{VERSION}", owned)


def test_nothing_is_released_before_it_has_an_owner(owned: Path):
    changed_config(owned, _home=f"https://github.com/{PLACEHOLDER}/{owner()[1]}")
    command = [sys.executable, "-m", "scripts.release", f"v{VERSION}"]
    done = subprocess.run(command, cwd=owned, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "No account hosts the repository yet: make owner NAME=acme\n"


def test_what_refuses_a_release_runs_before_the_checks():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_bytes())
    assert 'scripts.release "$GITHUB_REF_NAME"' in workflow["jobs"]["tag"]["steps"][-1]["run"]
    needs = {name: job.get("needs") for name, job in workflow["jobs"].items()}
    assert needs == {"tag": None, "check": "tag", "publish": "check"}


@pytest.mark.parametrize("tag", ["v0.0.1", VERSION, "main"])
def test_another_tag_is_not_released(tag: str):
    with pytest.raises(ValueError, match=f"The tag is {tag}"):
        notes(tag)
