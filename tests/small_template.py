"""A template of a quarter of the files, on which many updates are tried in little time.

It has every file in which lines come and go, one file of each path of the manifest, and those that
teams edit: an update of it meets whatever an update of the whole meets.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from scripts.export import ROOT, known_to_git

from .answers import CONFIG
from .template import PROJECT, is_copied, template_files

KEPT = {
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
    "Dockerfile",
    "compose.yaml",
    "docs/how-to/canary.md",
    "src/acme_service/api/v1/__init__.py",
}
BESIDE = ("cookiecutter.json", "upgrades.json", "CHANGELOG.md", "local_extensions.py")
FOLDERS = ("evolve", "hooks")
PERSON = ("-c", "user.name=Team", "-c", "user.email=team@example.com", "-c", "commit.gpgSign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git as on a machine without settings of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables = clean | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *PERSON, *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout + done.stderr)
    return done.stdout


def commit(folder: Path, tag: str = "") -> None:
    """Commit all that a folder holds, in a repository of its own if it is in none."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=As it is")
    if tag:
        git(folder, "tag", tag)


def small_files() -> list[str]:
    """The files of the project folder that the small template has."""
    paths = [*template_files()]
    kept = {path for path in paths if not is_copied(path)} | KEPT
    for listed in CONFIG["_features"].values():
        for one in listed:
            kept.add(next(path for path in paths if path == one or path.startswith(f"{one}/")))
    packages = ("src/acme_service", "src/acme_service/api", "src/servekit", "src/servekit/features")
    kept |= {f"{package}/__init__.py" for package in packages}
    return sorted(kept & {*paths})


def small_template(folder: Path) -> Path:
    """Write the small template as a repository in which this version is tagged."""
    beside = [path for name in FOLDERS for path in known_to_git(name)]
    paths = [*map(Path, BESIDE), *beside, *(Path(PROJECT.name, path) for path in small_files())]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    commit(folder, f"v{CONFIG['_version']}")
    return folder


def changed_config(folder: Path, **keys: object) -> None:
    """Change constants, or add prompts, in the questions of a template."""
    path = folder / "cookiecutter.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | keys, indent=2, ensure_ascii=False), encoding="utf-8")
