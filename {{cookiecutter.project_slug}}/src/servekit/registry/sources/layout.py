"""The layout of models in folders and buckets.

<store>/<name>/aliases.json              {"champion": "1"}
<store>/<name>/<version>/manifest.json   names every file with its size and checksum
<store>/<name>/<version>/…               those files
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from servekit.registry.errors import ModelStoreError

ALIASES = "aliases.json"
MANIFEST = "manifest.json"
CHAMPION = "champion"
"""The alias of the version that serves."""

MAX_JSON_BYTES = 4 << 20
"""No list of aliases and no manifest is larger."""

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""Names of models, aliases, versions and files, which cannot lead out of their folder."""

_PICKLE = re.compile(
    r".*\.(?:ckpt|cloudpickle|dill|joblib|mar|p|pickle|pkl|pt|pt2|pth|ptl|sav)(?:\.\w+)*"
    r"|(?:.*/)?(?:pytorch_model|adapter_model|training_args|optimizer|scheduler)[^/]*\.bin",
    re.IGNORECASE | re.DOTALL,
)
"""The names of files that frameworks load by unpickling."""

_IS_A_PICKLE = (
    "is a pickle, which can run code when it is loaded: export the model as ONNX, safetensors or"
    " JSON instead."
)

_FILE = re.compile(rf"{NAME}(?:/{NAME})*")


def is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(NAME, value) is not None


def check_names(**names: str) -> None:
    """Raises ModelStoreError for a name that cannot stand in a path, such as `../1`."""
    for kind, name in names.items():
        if not is_name(name):
            raise ModelStoreError(
                f"Invalid {kind} name {name!r}: use letters, digits, dots, dashes and underscores."
            )


def read_aliases(content: bytes, where: object) -> dict[str, str]:
    """Which version each alias means.

    where: what messages call the file; without credentials.

    Raises ModelStoreError when the content is something else.
    """
    aliases = read_json(content, where)
    for alias, version in aliases.items():
        if not is_name(alias):
            raise ModelStoreError(f"Invalid alias {alias!r} in {where}.")
        if not is_name(version):
            raise ModelStoreError(f"Invalid version of the alias {alias!r} in {where}.")
    return aliases


def moved(
    aliases: Mapping[str, str], alias: str, version: str, before: str | None, where: object
) -> dict[str, str]:
    """Return the aliases after this one has moved.

    Raises ModelStoreError when it does not mean `before`: another process moved it meanwhile.
    """
    now = aliases.get(alias)
    if now != before:
        raise ModelStoreError(
            f"The alias {alias!r} in {where} means {now or 'nothing'} by now instead of"
            f" {before or 'nothing'}: it was moved meanwhile, so look again."
        )
    return {**aliases, alias: version}


def read_manifest(content: bytes, where: object, name: str, version: str) -> dict[str, Any]:
    """The manifest of a version, which names its files and vouches for them.

    where: as for `read_aliases`.

    Raises ModelStoreError when the content is something else.
    """
    manifest = read_json(content, where)
    if (manifest.get("name"), manifest.get("version")) != (name, version):
        raise ModelStoreError(f"{where} is not about {name}:{version}.")
    files = manifest.get("files")
    if not isinstance(files, dict) or not files:
        raise ModelStoreError(f"{where} lists no files.")
    for file, expected in files.items():
        check_file(file, where)
        if not isinstance(expected, dict) or not _vouches(expected):
            raise ModelStoreError(f"{where} gives no sha256 and size_bytes for {file!r}.")
    return manifest


def _vouches(expected: Mapping[str, Any]) -> bool:
    size_bytes = expected.get("size_bytes")
    is_size = isinstance(size_bytes, int) and not isinstance(size_bytes, bool) and size_bytes >= 0
    return is_size and isinstance(expected.get("sha256"), str)


def check_size(found_bytes: int | None, announced_bytes: int | None, where: object) -> None:
    """Refuse a file before it is fetched: a larger one than its manifest says would fill a disk.

    Args:
        found_bytes: Its size, as the store says it; None where that is unknown.
        announced_bytes: Its size, as the manifest says it; None for a manifest and for aliases,
            which are read into memory.
        where: What messages call the file.

    Raises:
        ModelStoreError: The sizes differ, or there is too much to be JSON about models.
    """
    if found_bytes is None:
        return
    if announced_bytes is None:
        if found_bytes > MAX_JSON_BYTES:
            raise ModelStoreError(f"{where} is too large for JSON of the model store.")
    elif found_bytes != announced_bytes:
        raise ModelStoreError(
            f"{where} has {found_bytes} bytes where its manifest says {announced_bytes}."
        )


def check_file(file: str, where: object) -> None:
    """Check the path of a file of a version.

    Args:
        file: The path, from the folder of the version.
        where: What messages call the place that names it.

    Raises:
        ModelStoreError: It leads elsewhere, or its name is that of a pickle.
    """
    if not _FILE.fullmatch(file) or file == MANIFEST:
        raise ModelStoreError(
            f"Invalid path {file!r} in {where}: use letters, digits, dots, dashes and underscores."
        )
    if _PICKLE.fullmatch(file):
        raise ModelStoreError(f"{file!r} in {where} {_IS_A_PICKLE}")


def matching(paths: Iterable[str], patterns: Iterable[str], where: object) -> list[str]:
    """Choose the files of a version that has no manifest.

    Args:
        paths: Of all its files.
        patterns: Of the wanted ones, as in a shell; `*` stands for parts of a path too.
        where: What messages call the version.

    Raises:
        ModelStoreError: A pattern matches no file, or one that is a pickle.
    """
    paths = sorted(paths)
    wanted: dict[str, None] = {}
    for pattern in patterns:
        found = fnmatch.filter(paths, pattern)
        if pattern not in found:
            # As in a shell, a pattern means no hidden file.
            found = [one for one in found if not re.search(r"(?:^|/)\.", one)]
        if not found:
            pickles = [one for one in paths if _PICKLE.fullmatch(one)]
            also = f"; {pickles[0]!r} there {_IS_A_PICKLE}" if pickles else "."
            raise ModelStoreError(f"There is no file {pattern!r} in {where}{also}")
        wanted |= dict.fromkeys(found)
    for path in wanted:
        check_file(path, where)
    return [*wanted]


def read_json(content: bytes, where: object) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelStoreError(f"{where} is not valid JSON.") from error
    if not isinstance(value, dict):
        raise ModelStoreError(f"{where} is not a JSON object.")
    return value


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON for people and version control: the same bytes for the same content."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def in_order(versions: Iterable[str]) -> list[str]:
    """Versions, oldest first: 10 comes after 9."""
    return sorted(versions, key=_numbers_as_numbers)


def _numbers_as_numbers(version: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"([0-9]+)", version)
    ]
