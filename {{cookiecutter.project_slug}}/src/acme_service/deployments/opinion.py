"""The second detector as a service."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

from acme_service.ports.opinion import Opinion, Question

if TYPE_CHECKING:
    from acme_service.models.opinion import OpinionModel


class OpinionDeployment:
    """Holds the second detector. What computes is `def`, so Serve runs it in a thread.

    Its model takes half a second to load. A replica of its own loads it before it answers
    anybody; where it shares a process with all the rest, a thread does, and nothing waits for
    it but the first who ask.

    in_background: whether a thread loads it.
    """

    def __init__(self, *, in_background: bool = False) -> None:
        self._model: Future[OpinionModel] = Future()
        if in_background:
            Thread(target=self._load, name="opinion", daemon=True).start()
        else:
            self._load()
            self._model.result()

    def _load(self) -> None:
        try:
            from acme_service.models.opinion import OpinionModel

            self._model.set_result(OpinionModel())
        except Exception as error:
            self._model.set_exception(error)

    def predict_batch(self, questions: Sequence[Question]) -> list[Opinion]:
        return self._model.result().predict_batch(questions)

    def ping(self) -> None:
        """Answers when the model is there."""
        self._model.result()
