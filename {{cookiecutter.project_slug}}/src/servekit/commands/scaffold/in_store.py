"""The ONNX file of a version in the model store, for `make model FROM=churn:3`."""

from collections.abc import Sequence
from pathlib import Path

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.source import SourceKind
from servekit.registry.store import parse_reference

from .edits import EditError

PATTERN = "*.onnx"


def is_in_store(source: str) -> bool:
    """Whether a source is the reference of a version, and not the path of a file."""
    try:
        parse_reference(source)
    except ModelStoreError:
        return False
    return not Path(source).exists()


def fetched(kinds: Sequence[SourceKind], name: str, reference: str) -> tuple[Path, str]:
    """Fetch the version; return where its ONNX file lies now, and its path in the version.

    Args:
        kinds: Of places that `MODEL_STORE` may name.
        name: Of the new model.
        reference: Of a version of the same name, with a manifest or without.

    Raises:
        EditError: There is no such version, or it does not have one ONNX file.
    """
    theirs = parse_reference(reference).name
    if theirs != name:
        raise EditError(
            f"FROM={reference} is a version of {theirs!r}, not of {name!r}: both need one name."
        )
    try:
        version = StoreSettings.load().opened(kinds, [PATTERN]).open(reference)
    except ModelStoreError as error:
        raise EditError(str(error)) from None
    files = [file for file in version.manifest["files"] if Path(file).match(PATTERN)]
    if len(files) != 1:
        found = ", ".join(files) or "none"
        raise EditError(f"{version.reference} must have one ONNX file, and has {found}.")
    return version.path(files[0]), files[0]
