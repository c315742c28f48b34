"""The interface of a model to the API, its answers, and a wrapper around it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

Input_contra = TypeVar("Input_contra", contravariant=True)
Output = TypeVar("Output")

CHAMPION = ""
"""The version that answers every request that asks for no other."""

CHALLENGER = "challenger"
"""The version that is tried on a fraction of the callers."""


def is_reference(version: str) -> bool:
    """Whether this names one version, such as "churn:3", and not a role that versions have."""
    return ":" in version


class Prediction(NamedTuple, Generic[Output]):
    """The answer to one item.

    value: of the output type of the contract.
    version: the reference of the version that answered, such as "churn:3"; "" when unknown.
    """

    value: Output
    version: str = ""


class ModelCard(NamedTuple):
    """The version of a model that answers now.

    name, version: as the model store has them.
    facts: what the model says of itself, such as the classes that it knows.
    note: one sentence for operators when something is not as it should be, such as a version
        that was refused; it names no path and no address.
    """

    name: str
    version: str
    facts: Mapping[str, Any] = {}
    note: str = ""

    @property
    def reference(self) -> str:
        """One name for this version of this model."""
        return f"{self.name}:{self.version}" if self.version else self.name


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


class WrappedPredictor:
    """Answers what `inner` answers. A feature overrides the methods that it has a part in."""

    def __init__(self, inner: Predictor[Any, Any]) -> None:
        self.inner = inner

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        return await self.inner.predict(item, version)

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        return await self.inner.predict_batch(items, version)

    def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        return self.inner.predict_each(items, version)

    def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        return self.inner.stream(item, version)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return await self.inner.card(version)

    async def check(self) -> str | None:
        return await self.inner.check()
