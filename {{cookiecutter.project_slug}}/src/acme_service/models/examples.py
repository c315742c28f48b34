"""Golden examples: answers that a version must give before it serves."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from servekit.registry.errors import ModelStoreError
from servekit.registry.version_files import ModelFiles, bytes_of

from acme_service.contracts.language import Detection, Query

EXAMPLES = "examples.json"


class Example(NamedTuple):
    """A text, and the language that the model has to find."""

    text: str
    language: str


def examples_bytes(examples: Sequence[Example]) -> bytes:
    """The file, a line for each example."""
    lines = (json.dumps(example._asdict(), ensure_ascii=False) for example in examples)
    return ("[\n  " + ",\n  ".join(lines) + "\n]\n").encode()


def check_examples(
    files: ModelFiles, predict: Callable[[Sequence[Query]], Sequence[Detection]]
) -> None:
    """Raises ModelStoreError unless the model finds what the version's examples say."""
    examples = _read_examples(files)
    detections = predict([Query(example.text) for example in examples])
    for example, detection in zip(examples, detections, strict=True):
        if detection.language != example.language:
            raise ModelStoreError(
                f"{files.reference} fails one of its own examples: of {example.text!r} it says"
                f" {detection.language}, where {files.path(EXAMPLES)} says {example.language}."
            )


def _read_examples(files: ModelFiles) -> list[Example]:
    path = files.path(EXAMPLES)
    try:
        examples = [Example(**example) for example in json.loads(bytes_of(path))]
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelStoreError(f"{path} holds no list of texts and their languages.") from error
    if not examples or not all(isinstance(part, str) for one in examples for part in one):
        raise ModelStoreError(f"{path} holds no list of texts and their languages.")
    return examples
