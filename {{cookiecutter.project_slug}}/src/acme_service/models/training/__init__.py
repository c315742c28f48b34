"""Trains both versions of the language model, or one more from corrections."""

from collections.abc import Sequence
from pathlib import Path

from servekit.registry.golden import GOLDEN, GoldenExample, golden_bytes
from servekit.registry.sources.source import ModelSource
from servekit.registry.training import Training, TrainingError

from acme_service.models.artifact import FILE, FORMAT, Artifact, artifact_bytes
from acme_service.models.language import LanguageModel

from .corrections import Correction, Corrections, read_corrections, sift
from .golden import SENTENCES
from .held_out import accuracy, sentences_in
from .profiles import read_profiles
from .weights import BUCKET_BITS, SMOOTHING, STEPS_PER_UNIT, fit

NAME = "language"

_TEN = "de en es fr it nl pl pt ru tr"
_MORE = "ar bg bn cs da el fa fi he hi hu id ja ko no ro sv th uk vi zh"
LANGUAGES = {"1": _TEN.split(), "2": sorted(f"{_TEN} {_MORE}".split())}
"""What each version knows, in ISO 639-1 codes."""


LEAST_ACCURACY = 0.95
"""A version that finds fewer of the held-out sentences is not published."""


def train(training: Training) -> None:
    """Publish every version, or one more from corrections; the same input gives the same bytes.

    Raises:
        TrainingError: langdetect is not installed, or a version is not good enough.
        ModelStoreError: The store holds one of the versions with other content.
    """
    if training.corrections:
        _learn(training, _read(training.corrections))
        return
    for version, languages in LANGUAGES.items():
        _publish(training, version, languages)


def _learn(training: Training, corrections: Sequence[Correction]) -> None:
    """One more version; no alias names it yet."""
    languages = LANGUAGES[max(LANGUAGES, key=int)]
    tests = [text for texts in sentences_in(languages).values() for text in texts]
    sifted = sift(corrections, languages, tests)
    if not sifted.texts:
        raise TrainingError(
            f"None of {len(corrections)} corrections can be learned from, so there is nothing new."
        )
    _publish(training, training.version or _next(training.store), languages, sifted)
    for reason, count in sifted.left_out.items():
        print(f"  left out: {count} {reason}")


def _next(source: ModelSource) -> str:
    numbers = [int(one) for one in (*LANGUAGES, *source.versions(NAME)) if one.isdecimal()]
    return str(max(numbers) + 1)


def _publish(
    training: Training,
    version: str,
    languages: Sequence[str],
    corrections: Corrections | None = None,
) -> None:
    profiles = read_profiles(languages)
    artifact = fit(profiles, corrections.texts if corrections else None)
    examples = [
        GoldenExample({"text": text}, {"language": code})
        for code in languages
        for text in SENTENCES[code]
    ]
    files = {FILE: artifact_bytes(artifact), GOLDEN: golden_bytes(examples)}
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
    training.publish(NAME, version, files, facts)
    print(f"{NAME}:{version}  {len(languages)} languages  {len(files[FILE]):,} bytes")
    print(f"  {' '.join(languages)}")
    if corrections:
        print(f"  learned from {sum(map(len, corrections.texts.values()))} corrections")


def _metrics(version: str, artifact: Artifact) -> dict[str, float]:
    """Raises TrainingError when the model is not good enough to be published."""
    model = LanguageModel(artifact)
    found = accuracy(model, sentences_in(artifact.languages))
    examples = accuracy(model, {code: SENTENCES[code] for code in artifact.languages})
    if found < LEAST_ACCURACY or examples < 1:
        raise TrainingError(
            f"{NAME}:{version} would find {found:.1%} of the held-out sentences and {examples:.1%}"
            f" of its own examples, where {LEAST_ACCURACY:.0%} and all are needed:"
            " nothing was published."
        )
    return {"accuracy": round(found, 4)}


def _read(file: Path) -> list[Correction]:
    """Raises TrainingError when there is something else in it, and OSError."""
    with file.open(encoding="utf-8") as lines:
        try:
            return read_corrections(lines)
        except UnicodeDecodeError:
            raise TrainingError(f"{file} is no text in UTF-8.") from None
