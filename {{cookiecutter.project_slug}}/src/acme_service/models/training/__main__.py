"""`python -m acme_service.models.training` trains both language models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from acme_service.models.artifact import FILE, FORMAT, Artifact, artifact_bytes
from acme_service.models.errors import ModelStoreError
from acme_service.models.examples import EXAMPLES, Example, examples_bytes
from acme_service.models.language import LanguageModel
from acme_service.models.sources.folder import folder
from acme_service.models.sources.source import ModelSource, SourceKind
from acme_service.models.store import DEFAULT_TIMEOUT_S, open_source
from acme_service.ports import LanguageModelCard

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


def train(source: ModelSource) -> None:
    """Train every version into the store; the same input gives the same bytes.

    Raises TrainingDataError when langdetect is not installed, and ModelStoreError when the store
    holds one of the versions with other content.
    """
    for version, languages in LANGUAGES.items():
        profiles = read_profiles(languages)
        artifact = fit(profiles)
        files = {
            FILE: artifact_bytes(artifact),
            EXAMPLES: examples_bytes(
                [Example(text, code) for code in languages for text in SENTENCES[code]]
            ),
        }
        facts = {
            "format": FORMAT,
            "languages": languages,
            "training": {"source": profiles.source, "license": "Apache-2.0"},
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
    if "champion" not in source.aliases(NAME):
        source.move_alias(NAME, "champion", "1", None)


def _metrics(version: str, artifact: Artifact) -> dict[str, float]:
    model = LanguageModel(LanguageModelCard(NAME, version, artifact.languages), artifact)
    return {"accuracy": round(accuracy(model, sentences_in(artifact.languages)), 4)}


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
    try:
        train(open_source(kinds, parser.parse_args(arguments).store, timeout_s))
    except (ModelStoreError, TrainingDataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
