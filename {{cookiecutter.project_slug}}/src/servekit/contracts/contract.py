"""The contract of a model: its name, input and output."""

import re
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]*")
INGRESS = "ingress"
"""The deployment that calls the models; no model can have its name."""


@dataclass(frozen=True)
class Contract:
    """The agreement between the API and a model.

    Attributes:
        name: Of the model, everywhere: in the store, in `serve.yaml`, in metrics and routes.
        input: The type of one item: whatever Pydantic can validate and FastAPI can document.
        output: The type of the answer to one item.
        label: The type of a correction; None for a model whose answers are not corrected.
        streams: Whether the model has `stream`, which answers one item piece by piece.
        cacheable: Whether an answer may be given again to an equal item.
        required: Whether the service is not ready without the model.
        allow_inf_nan: Whether numbers may be NaN or infinite, which become null in JSON. Else a
            request with one is refused, and an answer with one is an error of the model.

    Raises:
        ValueError: The name cannot be that of a model.
    """

    name: str
    input: Any
    output: Any
    label: Any = None
    streams: bool = False
    cacheable: bool = True
    required: bool = True
    allow_inf_nan: bool = False

    def __post_init__(self) -> None:
        if self.name == INGRESS or not NAME.fullmatch(self.name):
            raise ValueError(
                f"Invalid model name {self.name!r}: use lower-case letters, digits and underscores."
            )
