"""The language model as a file: arrays in an .npz without pickles, checked when read."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from servekit.registry.errors import ModelStoreError
from servekit.registry.version_files import ModelFiles

from .ngrams import SPACE

FORMAT = "language-ngrams-1"
"""Changes when an older program would misread the file, as with another hash function."""

FILE = "model.npz"


class Artifact(NamedTuple):
    """What training produces and the model runs on.

    languages: ISO 639-1 codes, sorted.
    alphabet: (n, 3) uint16, the ranges that Alphabet takes.
    weights: (2**bits, languages) float16, the log-likelihood a feature adds to each language.
    """

    languages: tuple[str, ...]
    alphabet: NDArray[np.uint16]
    weights: NDArray[np.float16]


def artifact_bytes(artifact: Artifact) -> bytes:
    """The .npz file, byte for byte the same for the same arrays on every machine."""
    arrays = {
        "alphabet": artifact.alphabet.astype("<u2"),
        "languages": np.array(artifact.languages, dtype="<U3"),
        "weights": artifact.weights.astype("<f2"),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, array in arrays.items():
            # np.savez would record the time and the operating system.
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
            file.writestr(member, content.getvalue())
    return archive.getvalue()


def read_artifact(files: ModelFiles) -> Artifact:
    """The arrays of a language model.

    Raises ModelStoreError when they are not what this program understands.
    """
    path = files.path(FILE)
    if files.manifest.get("format") != FORMAT:
        raise ModelStoreError(f"The manifest of {path} does not say that its format is {FORMAT}.")
    arrays = _read_arrays(path)
    languages = _languages(path, arrays["languages"])
    if files.manifest.get("languages") != list(languages):
        raise ModelStoreError(f"{path} knows other languages than its manifest says.")
    alphabet, weights = arrays["alphabet"], arrays["weights"]
    _check_alphabet(path, alphabet)
    _check_weights(path, weights, len(languages))
    return Artifact(languages, alphabet, weights)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    names = ("alphabet", "languages", "weights")
    try:
        # Opened here, because numpy leaves a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if all(one.compress_type == zipfile.ZIP_STORED for one in arrays.zip.infolist()):
                return {name: arrays[name] for name in names}
    except KeyError as error:
        raise ModelStoreError(f"{path} lacks one of the arrays {', '.join(names)}.") from error
    # A file that is none can fail anywhere in numpy, zipfile and zlib.
    except Exception as error:
        raise ModelStoreError(f"{path} is no .npz file of plain arrays.") from error
    # A kilobyte may hold a megabyte.
    raise ModelStoreError(f"{path} is compressed: save it without compression.")


def _languages(path: Path, codes: NDArray[Any]) -> tuple[str, ...]:
    languages = tuple(map(str, codes.ravel().tolist()))
    sound = codes.ndim == 1 and all(re.fullmatch("[a-z]{2,3}", code) for code in languages)
    if not languages or not sound or list(languages) != sorted(set(languages)):
        raise ModelStoreError(f"The languages in {path} are not distinct, sorted ISO 639 codes.")
    return languages


def _check_alphabet(path: Path, alphabet: NDArray[Any]) -> None:
    if alphabet.dtype != np.uint16 or alphabet.ndim != 2 or alphabet.shape[1] != 3:
        raise ModelStoreError(f"The alphabet in {path} is not an (n, 3) array of uint16.")
    # The texts of a batch are read as one, with ends of lines between them.
    if (alphabet[:, 0] <= SPACE).any():
        raise ModelStoreError(f"The alphabet in {path} has letters that are none, such as a space.")


def _check_weights(path: Path, weights: NDArray[Any], languages: int) -> None:
    if weights.dtype != np.float16 or weights.ndim != 2 or weights.shape[1] != languages:
        raise ModelStoreError(
            f"The weights in {path} are not a (buckets, {languages}) array of float16."
        )
    if len(weights) < 2 or len(weights).bit_count() != 1:
        raise ModelStoreError(f"The weights in {path} have {len(weights)} rows, no power of two.")
    if not np.isfinite(weights).all():
        raise ModelStoreError(f"The weights in {path} are not all finite.")
