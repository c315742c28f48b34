"""Counts answers by model version."""

from servekit.contracts import Meter

MAX_VERSIONS = 20
"""Versions that are labels in one process; further ones share `OTHER`."""

OTHER = "other"
UNKNOWN = "unknown"


class VersionCounter:
    """Counts answers, and streams of answers, by version.

    Args:
        model: Name of the model.
        meter: Takes the counts.
    """

    def __init__(self, model: str, meter: Meter) -> None:
        self._model = model
        self._meter = meter
        self._labels: dict[str, str] = {}

    def count(self, reference: str, answers: int = 1) -> None:
        version = self._labels.get(reference) or self._label(reference)
        self._meter.count("model_answers_total", answers, model=self._model, version=version)

    def _label(self, reference: str) -> str:
        if len(self._labels) >= MAX_VERSIONS:
            return OTHER
        self._labels[reference] = reference.partition(":")[2] or UNKNOWN
        return self._labels[reference]
