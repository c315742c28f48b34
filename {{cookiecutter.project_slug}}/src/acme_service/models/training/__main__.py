"""`python -m acme_service.models.training` trains both language models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acme_service.models.artifact import FILE, FORMAT, artifact_bytes
from acme_service.models.errors import ModelStoreError
from acme_service.models.store import store_folder

from .profiles import TrainingDataError, read_profiles
from .publishing import name_champion, publish
from .weights import BUCKET_BITS, SMOOTHING, STEPS_PER_UNIT, fit

NAME = "language"

_TEN = "de en es fr it nl pl pt ru tr"
_MORE = "ar bg bn cs da el fa fi he hi hu id ja ko no ro sv th uk vi zh"
LANGUAGES = {"1": _TEN.split(), "2": sorted(f"{_TEN} {_MORE}".split())}
"""What each version knows, in ISO 639-1 codes."""


def train(store: Path) -> None:
    """Train every version into the store; the same input gives the same bytes.

    Raises TrainingDataError when langdetect is not installed.
    """
    for version, languages in LANGUAGES.items():
        profiles = read_profiles(languages)
        content = artifact_bytes(fit(profiles))
        facts = {
            "format": FORMAT,
            "languages": languages,
            "training": {"source": profiles.source, "license": "Apache-2.0"},
            "parameters": {
                "buckets": 2**BUCKET_BITS,
                "smoothing": SMOOTHING,
                "steps_per_unit": STEPS_PER_UNIT,
            },
        }
        folder = publish(store, NAME, version, {FILE: content}, facts)
        print(f"{NAME}:{version}  {len(languages)} languages  {len(content):,} bytes  {folder}")
        print(f"  {' '.join(languages)}")
    name_champion(store, NAME, "1")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Train the language model.")
    parser.add_argument("--store", default="file:model_store", help="a file: URL")
    try:
        train(store_folder(parser.parse_args(arguments).store))
    except (ModelStoreError, TrainingDataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
