"""The interface of a model to the API."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeVar

from .prediction import ModelCard, Prediction
from .roles import CHAMPION

Input_contra = TypeVar("Input_contra", contravariant=True)
Output = TypeVar("Output")


class Predictor(Protocol[Input_contra, Output]):
    """Answers items of one contract.

    `version` says which version has to answer: CHAMPION, CHALLENGER (the champion where there is
    none), or the reference of a version. ModelReplacedError is raised when that one is not held.

    Every method raises ModelOverloadedError, ModelUnavailableError or ModelTimeoutError when
    the model cannot answer in time, and ModelError when it fails.

    Answers may be shared with other requests, for instance by a cache: do not change them.
    """

    async def predict(self, item: Input_contra, /, version: str = CHAMPION) -> Prediction[Output]:
        """Return the answer to one item."""
        ...

    async def predict_batch(
        self, items: Sequence[Input_contra], /, version: str = CHAMPION
    ) -> list[Prediction[Output]]:
        """Return one answer for each item, in order, all by one version.

        Args:
            items: At least one.
            version: The one that has to answer.

        Raises:
            ModelUnavailableError: Versions change faster than they answer.
        """
        ...

    def predict_each(
        self, items: Sequence[Input_contra], /, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Output]]:
        """Yield one answer for each item, in order, as soon as it is there."""
        ...

    def stream(
        self, item: Input_contra, /, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Output]]:
        """Yield the answers to one item piece by piece, where the contract streams."""
        ...

    async def card(self, version: str = CHAMPION) -> ModelCard:
        """Return the card of the version that answers now."""
        ...

    async def check(self) -> str | None:
        """Return when the model can answer, or is merely busy; raise ModelError otherwise.

        What comes back, if anything, is a note for operators.
        """
        ...
