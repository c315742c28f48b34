"""A model that gives one answer for one item, as the API sees it."""

from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)


class Predictor(Protocol[Item_contra, Answer_co]):
    """Answers one kind of item.

    Every method raises ModelOverloadedError, ModelUnavailableError or ModelTimeoutError when
    the model cannot answer in time, and ModelError when it fails.
    """

    async def predict(self, item: Item_contra, /) -> Answer_co:
        """One answer for one item."""
        ...

    async def check(self) -> str | None:
        """Return when the model can answer, or is merely busy; raise ModelError otherwise.

        What comes back, if anything, is a note for operators.
        """
        ...
