"""`python -m acme_service.models.training` trains both language models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.folder import folder
from servekit.registry.sources.source import ModelSource, SourceKind
from servekit.registry.store import DEFAULT_TIMEOUT_S, open_source

from acme_service.models.artifact import FILE, FORMAT, Artifact, artifact_bytes
from acme_service.models.examples import EXAMPLES, Example, examples_bytes
from acme_service.models.language import LanguageModel

from .corrections import Correction, Corrections, read_corrections, sift
from .golden import SENTENCES
from .held_out import accuracy, sentences_in
from .profiles import TrainingDataError, read_profiles
from .publishing import write_version
from .weights import BUCKET_BITS, SMOOTHING, STEPS_PER_UNIT, fit

NAME = "language"

_TEN = "de en es fr it nl pl pt ru tr"
_MORE = "ar bg bn cs da el fa fi he hi hu id ja ko no ro sv th uk vi zh"
LANGUAGES = {"1": _TEN.split(), "2": sorted(f"{_TEN} {_MORE}".split())}
"""What each version knows, in ISO 639-1 codes."""


LEAST_ACCURACY = 0.95
"""A version that finds fewer of the held-out sentences is not published."""


def train(source: ModelSource) -> None:
    """Train every version into the store; the same input gives the same bytes.

    Raises TrainingDataError when langdetect is not installed or a version is not good enough, and
    ModelStoreError when the store holds one of the versions with other content.
    """
    for version, languages in LANGUAGES.items():
        _publish(source, version, languages)
    if "champion" not in source.aliases(NAME):
        source.move_alias(NAME, "champion", "1", None)


def train_with(source: ModelSource, corrections: Sequence[Correction], version: str = "") -> None:
    """Train one more version from corrections; no alias names it yet.

    version: by default the number after the highest in the store.

    Raises as `train` does.
    """
    languages = LANGUAGES[max(LANGUAGES, key=int)]
    tests = [text for texts in sentences_in(languages).values() for text in texts]
    sifted = sift(corrections, languages, tests)
    if not sifted.texts:
        raise TrainingDataError(
            f"None of {len(corrections)} corrections can be learned from, so there is nothing new."
        )
    _publish(source, version or _next(source), languages, sifted)
    for reason, count in sifted.left_out.items():
        print(f"  left out: {count} {reason}")


def _next(source: ModelSource) -> str:
    numbers = [int(one) for one in (*LANGUAGES, *source.versions(NAME)) if one.isdecimal()]
    return str(max(numbers) + 1)


def _publish(
    source: ModelSource,
    version: str,
    languages: Sequence[str],
    corrections: Corrections | None = None,
) -> None:
    profiles = read_profiles(languages)
    artifact = fit(profiles, corrections.texts if corrections else None)
    examples = [Example(text, code) for code in languages for text in SENTENCES[code]]
    files = {FILE: artifact_bytes(artifact), EXAMPLES: examples_bytes(examples)}
    learned = {"corrections": corrections.facts()} if corrections else {}
    facts = {
        "format": FORMAT,
        "languages": languages,
        "training": {"source": profiles.source, "license": "Apache-2.0"} | learned,
        "parameters": {
            "buckets": 2**BUCKET_BITS,
            "smoothing": SMOOTHING,
            "steps_per_unit": STEPS_PER_UNIT,
        },
        "metrics": _metrics(version, artifact),
    }
    with TemporaryDirectory() as scratch:
        write_version(Path(scratch), NAME, version, files, facts)
        source.publish(NAME, version, Path(scratch))
    print(f"{NAME}:{version}  {len(languages)} languages  {len(files[FILE]):,} bytes")
    print(f"  {' '.join(languages)}")
    if corrections:
        print(f"  learned from {sum(map(len, corrections.texts.values()))} corrections")


def _metrics(version: str, artifact: Artifact) -> dict[str, float]:
    """Raises TrainingDataError when the model is not good enough to be published."""
    model = LanguageModel(artifact)
    found = accuracy(model, sentences_in(artifact.languages))
    examples = accuracy(model, {code: SENTENCES[code] for code in artifact.languages})
    if found < LEAST_ACCURACY or examples < 1:
        raise TrainingDataError(
            f"{NAME}:{version} would find {found:.1%} of the held-out sentences and {examples:.1%}"
            f" of its own examples, where {LEAST_ACCURACY:.0%} and all are needed:"
            " nothing was published."
        )
    return {"accuracy": round(found, 4)}


def _read(file: Path) -> list[Correction]:
    """Raises TrainingDataError when there is something else in it, and OSError."""
    with file.open(encoding="utf-8") as lines:
        try:
            return read_corrections(lines)
        except UnicodeDecodeError:
            raise TrainingDataError(f"{file} is not UTF-8.") from None


def main(
    arguments: Sequence[str] | None = None,
    store: str = "file:model_store",
    kinds: Sequence[SourceKind] = (folder,),
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> int:
    """Train, and return the exit status.

    store: where to, unless the arguments say so.
    kinds: of places that a store may be.
    timeout_s: for each call of the store.
    """
    parser = argparse.ArgumentParser(description="Train the language model.")
    parser.add_argument("--store", default=store, help="such as file:model_store")
    parser.add_argument("--corrections", type=Path, help="JSON lines: text and language")
    parser.add_argument("--version", default="", help="of what is learned from corrections")
    options = parser.parse_args(arguments)
    try:
        source = open_source(kinds, options.store, timeout_s)
        if options.corrections:
            train_with(source, _read(options.corrections), options.version)
        else:
            train(source)
    except (ModelStoreError, TrainingDataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
