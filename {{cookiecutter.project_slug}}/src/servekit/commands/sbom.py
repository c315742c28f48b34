"""Writes a bill of materials from the lock, with licences: `make sbom`.

uv writes the CycloneDX file, not cyclonedx-bom: uv reads the lock itself, for every platform and
with hashes, where cyclonedx-bom reads an environment and would bring some thirty packages into the
lock of each project. uv names no licences; the metadata of what is installed does.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from servekit.commands.packages import LOCK, PackagesError, find_uv

EXPORT = ["export", "--quiet", "--frozen", "--no-default-groups"]
FORMAT = ["--preview-features", "sbom-export", "--format", "cyclonedx1.5"]
CLASSIFIER = "License :: "
LONGEST_NAME = 80  # some packages have a whole licence where its name belongs


def licences(name: str) -> list[dict[str, Any]]:
    """Return the licences of an installed package as a bill holds them; none if it names none."""
    try:
        facts = metadata(name)
    except PackageNotFoundError:  # for another platform
        return []
    if expressions := facts.get_all("License-Expression"):
        return [{"expression": expressions[0]}]
    classifiers = [one for one in facts.get_all("Classifier") or [] if one.startswith(CLASSIFIER)]
    written = [one for one in facts.get_all("License") or [] if len(one) <= LONGEST_NAME]
    names = [one.rpartition(" :: ")[2] for one in classifiers] or written
    return [{"license": {"name": name}} for name in names]


def licence_text(component: Mapping[str, Any]) -> str:
    """Return the licences of a component in words; a dash where it has none."""
    held = component.get("licenses", [])
    return ", ".join(one.get("expression") or one["license"]["name"] for one in held) or "–"


def table(bill: Mapping[str, Any]) -> str:
    """Return the packages of a bill and their licences, in Markdown."""
    rows = [(one["name"], one["version"], licence_text(one)) for one in bill["components"]]
    head = [("package", "version", "licence"), ("---", "---", "---")]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows]) + "\n"


def write_bill(uv: str, folder: Path) -> tuple[Path, Path]:
    """Write the bill of materials and the table of licences into a folder; return their paths.

    Raises:
        PackagesError: There is no lock, or uv cannot write a bill.
    """
    if not LOCK.exists():
        raise PackagesError("uv.lock is missing: run `make setup` first.")
    done = subprocess.run([uv, *EXPORT, *FORMAT], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)
        raise PackagesError("uv could not write the bill of materials: see its message above.")
    bill = json.loads(done.stdout)
    for component in bill["components"]:
        if found := licences(component["name"]):
            component["licenses"] = found
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "sbom.cdx.json", folder / "licences.md"
    for path, text in zip(written, (json.dumps(bill, indent=2) + "\n", table(bill)), strict=True):
        path.write_text(text, encoding="utf-8")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a bill of materials from uv.lock.")
    parser.add_argument("environment", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    try:
        written = write_bill(find_uv(options.environment), options.folder)
    except PackagesError as error:
        sys.exit(f"{error}")
    print(f"Packages of the image, and their licences: {written[0]} and {written[1]}.")


if __name__ == "__main__":
    main()
