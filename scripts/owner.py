"""`make owner NAME=acme`: put the account that hosts the repository into every address of it."""

import json
import re
import sys
from pathlib import Path

from .export import ROOT, known_to_git

PLACEHOLDER = "org"
"""What stands for the account until there is one."""

ACCOUNT = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
"""What GitHub allows."""


def owner(root: Path = ROOT) -> tuple[str, str]:
    """Return the account and the repository of `_home` in cookiecutter.json."""
    config = json.loads((root / "cookiecutter.json").read_text(encoding="utf-8"))
    account, repository = config["_home"].split("/")[-2:]
    return account, repository


def replace(name: str) -> list[Path]:
    """Put another account into every file that has an address of the repository.

    Returns:
        The files that have changed, relative to the root.

    Raises:
        ValueError: No account can have that name.
    """
    if not ACCOUNT.fullmatch(name):
        raise ValueError(f"Not the name of an account: {name!r}.")
    account, repository = owner()
    address = re.compile(rf"(?<![\w-]){re.escape(f'{account}/{repository}')}(?![\w-])".encode())
    changed: list[Path] = []
    for path in known_to_git():
        before = (ROOT / path).read_bytes()
        after = address.sub(f"{name}/{repository}".encode(), before)
        if after != before:
            (ROOT / path).write_bytes(after)
            changed.append(path)
    return changed


def main() -> None:
    if not (name := " ".join(sys.argv[1:]).strip()):
        sys.exit("NAME is required: make owner NAME=acme")
    try:
        changed = replace(name)
    except ValueError as error:
        sys.exit(str(error))
    print("\n".join(map(str, changed)) if changed else f"The repository is that of {name} already.")


if __name__ == "__main__":
    main()
