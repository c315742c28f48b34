"""Renders an overlay with `kubectl kustomize`."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

Block = dict[str, Any]


class ManifestsError(Exception):
    """The manifests cannot be rendered or used. The message is one sentence."""


def rendered(overlay: str, overlays: Path) -> list[Block]:
    """Return what an overlay makes, resource by resource.

    Args:
        overlay: The name of a folder below `overlays`, or the path of one elsewhere.
        overlays: Where the overlays of the project are.

    Raises:
        ManifestsError: There is no such overlay or no kubectl, or kustomize refuses.
    """
    folder = overlays / overlay
    if not overlay or not (folder / "kustomization.yaml").is_file():
        there = ", ".join(sorted(one.parent.name for one in overlays.glob("*/kustomization.yaml")))
        raise ManifestsError(f"Unknown overlay {overlay!r}. There are: {there}.")
    done = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2].removeprefix("error: ").rstrip(".")
        raise ManifestsError(f"kustomize refuses {folder}: {reason}.")
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def kubectl() -> str:
    """Return kubectl from the environment of this project, or else from PATH."""
    own = Path(sys.executable).with_name("kubectl")
    found = str(own) if own.exists() else shutil.which("kubectl")
    if found is None:
        raise ManifestsError("kubectl is not installed: it renders the manifests.")
    return found
