"""Renders an overlay with `kubectl kustomize`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Block = dict[str, Any]

TARGETED = ("group", "version", "kind", "name", "namespace")
"""What kustomize finds the target of a patch by, as a pattern."""
HASH = "(-[a-z0-9]{10})?"
"""Behind the names that kustomize generates."""
CHANGES = "serveConfigV2"


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
    documents = [without_nulls(one) for one in yaml.safe_load_all(done.stdout) if one]
    for one in documents:
        if "apiVersion" not in one:
            raise ManifestsError(f"{one['kind']} {one['metadata']['name']!r} has no apiVersion.")
    for sentence in in_patches([*kustomizations(folder)], documents):
        raise ManifestsError(sentence)
    return documents


def without_nulls(block: Any) -> Any:
    """Return a block without the keys that are null: to Kubernetes they are not there.

    What changes in `serve.yaml` stays as it is: there null takes away a value.
    """
    if isinstance(block, dict):
        return {
            key: one if key == CHANGES else without_nulls(one)
            for key, one in block.items()
            if one is not None
        }
    return [without_nulls(one) for one in block] if isinstance(block, list) else block


def kustomizations(folder: Path) -> Iterator[tuple[Path, Block]]:
    """Yield the kustomization of a folder, and those on this machine that it is made of."""
    file = folder / "kustomization.yaml"
    if not file.is_file():
        return
    content: Block = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    yield file, content
    for key in ("resources", "components"):
        for one in content.get(key) or []:
            yield from kustomizations(Path(os.path.normpath(folder / str(one))))


def in_patches(made_of: list[tuple[Path, Block]], documents: list[Block]) -> Iterator[str]:
    """Yield a sentence for each patch that changes nothing: kustomize does not say so."""
    patches = [(file, one) for file, content in made_of for one in patches_of(content)]
    gone = [found for file, one in patches for found in deleted_by(file, one)]
    renamed = any({"namePrefix", "nameSuffix"} & content.keys() for _, content in made_of)
    for file, one in patches:
        target = one.get("target") or {}
        keys = {key: said for key, said in target.items() if key in TARGETED}
        if renamed:
            keys.pop("name", None)
        there = any(has(each, keys) for each in documents)
        if target and not there and not any(was(each, keys) for each in gone):
            said = " and ".join(f"{key} {value}" for key, value in keys.items())
            yield f"{file}: A patch is for {said}, and there is no such resource."


def patches_of(content: Block) -> list[Block]:
    """Return the patches of a kustomization, those of its older key too: paths, or texts."""
    merges = [str(one) for one in content.get("patchesStrategicMerge") or []]
    older = [{"patch" if "\n" in one else "path": one} for one in merges]
    return [*(content.get("patches") or []), *older]


def deleted_by(file: Path, patch: Block) -> Iterator[Block]:
    """Yield the kind and, where one is said, the name of what a patch deletes as a whole."""
    text = patch.get("patch") or (file.parent / str(patch["path"])).read_text(encoding="utf-8")
    own: Block = patch.get("target") or {}
    for one in read(text):
        if isinstance(one, dict) and one.get("$patch") == "delete":
            said = {"kind": one["kind"], "name": one["metadata"]["name"]}
            # The name of a target is a pattern too: two of them cannot be compared.
            yield {key: own[key] for key in {"kind"} & own.keys()} if own else said


def read(text: str) -> list[Any]:
    """Return the documents of a patch; none of JSON with tabs, which PyYAML does not read."""
    try:
        return [*yaml.safe_load_all(text)]
    except yaml.YAMLError:
        return []


def was(deleted: Block, target: Block) -> bool:
    """Whether what is deleted may be what a target means."""
    pairs = [(str(one), str(target[key])) for key, one in deleted.items() if key in target]
    return all(re.fullmatch(a, b) or re.fullmatch(b, a) for a, b in pairs)


def has(document: Block, target: Block) -> bool:
    group, _, version = str(document["apiVersion"]).rpartition("/")
    known = document["metadata"] | {"group": group, "version": version, "kind": document["kind"]}
    return all(
        re.fullmatch(f"({wanted}){HASH if key == 'name' else ''}", str(known.get(key, "")))
        for key, wanted in target.items()
    )


def kubectl() -> str:
    """Return kubectl from the environment of this project, or else from PATH."""
    own = Path(sys.executable).with_name("kubectl")
    found = str(own) if own.exists() else shutil.which("kubectl")
    if found is None:
        raise ManifestsError("kubectl is not installed: it renders the manifests.")
    return found
