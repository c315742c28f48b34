"""Projects of the small template, and what an update should make of them."""

import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import yaml
from servekit.commands.scaffold.edits import distribution

from evolve.report import Report
from evolve.templates import Answers, Template

from .answers import CHOICES, CONFIG, FEATURES
from .small_template import git
from .team import Team
from .template import files

VERSION = CONFIG["_version"]
NAMES = {
    "project_name": "My Service",
    "project_slug": "my-service",
    "package_name": "my_service",
    "description": "Answers from trained models, over HTTP.",
    "author_name": "Your Name",
    "author_email": "you@example.com",
}
DEFAULT: Answers = {
    **{name: CONFIG[name] for name in FEATURES},
    **{name: options[0] for name, options in CHOICES.items()},
}

Files = Mapping[str, bytes]


def complete(answers: Mapping[str, str | bool]) -> Answers:
    return {**NAMES, **DEFAULT, **answers}


def made(clone: Path, answers: Mapping[str, str | bool], folder: Path) -> Path:
    """The project of these answers, as this version makes it."""
    return Template(clone).render(complete(answers), folder)


def typed(change: Mapping[str, str | bool]) -> list[str]:
    return [
        f"{name}={answer if isinstance(answer, str) else ('no', 'yes')[answer]}"
        for name, answer in change.items()
    ]


def content(project: Path) -> Files:
    return {path: text for path, text in files(project).items() if not path.startswith(".git/")}


def is_clean(project: Path) -> bool:
    return git(project, "status", "--porcelain") == ""


def changed(report: Report) -> set[str]:
    return {path.removeprefix(report.prefix) for path in report.merge.conflicts}


def edited_files(fresh: Path, old: Files) -> Files:
    """What a fresh project becomes by the same edits; what was not there could not be edited."""
    new = files(fresh)
    Team(fresh, "my_service").edit()
    return {**files(fresh), **{path: new[path] for path in new.keys() - old.keys()}}


def assert_meant(result: Files) -> None:
    """What other programs read is still read as the team meant it."""
    facts = tomllib.loads(result["pyproject.toml"].decode())
    asked = facts["project"]["dependencies"]
    assert {"pandas>=3,<4", "xgboost>=3,<4"} <= {*asked}
    assert asked == sorted(asked, key=distribution)
    serve = yaml.safe_load(result["serve.yaml"])
    assert serve["applications"][0]["deployments"][-1]["name"] == "churn"
    if b"mailhog" in result.get("compose.yaml", b""):
        compose = yaml.safe_load(result["compose.yaml"])
        assert {"service", "mailhog"} <= compose["services"].keys()
        assert "mailhog" not in (compose.get("volumes") or {})


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr
