"""`python -m scripts.release v1.0.0`: print the notes of a release, if its tag is right."""

import json
import sys
from pathlib import Path

from evolve.versions import sections

from .export import ROOT
from .owner import PLACEHOLDER, owner


def notes(tag: str, root: Path = ROOT) -> str:
    """Return a version's section of the changelog.

    Raises:
        ValueError: The tag is not this version's, the changelog has no section of it, or the
            addresses of the repository have no account yet.
    """
    config = json.loads((root / "cookiecutter.json").read_text(encoding="utf-8"))
    version = config["_version"]
    if tag != f"v{version}":
        raise ValueError(f"The tag is {tag}, and _version in cookiecutter.json is {version}.")
    if owner(root)[0] == PLACEHOLDER:
        raise ValueError("No account hosts the repository yet: make owner NAME=acme")
    found = sections((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not found.get(version, "").strip():
        raise ValueError(f"CHANGELOG.md has no section of {version}.")
    return found[version].strip()


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
