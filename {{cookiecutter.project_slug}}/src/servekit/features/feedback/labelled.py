"""A contract with a label type: its types, from JSON and to JSON."""

import json
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model

from servekit.contracts import Contract, NoKeyError, key_of

from .receipts import Content

# JavaScript writes 1 for 1.0, and the order of keys says nothing.
_all_floats = json.JSONDecoder(parse_int=float)
_canonical_json = json.JSONEncoder(sort_keys=True)

UNUSABLE = (NoKeyError, ValueError, RecursionError)
"""What is raised for half of a pair of surrogates or a deep nest, where a type is `Any`, for an
object of which it cannot be told whether it is equal to another, and for an output that is not of
its type."""


class Given(NamedTuple):
    """A correction as it was sent, checked.

    content: what a receipt has to be for.
    input, output, label: JSON; output is None where it was left out.
    """

    content: Content
    input: str
    output: str | None
    label: str


class LabelledContract:
    """Reads corrections of the answers of one model.

    body: what a request sends, and `stored` what is answered, as Pydantic models.
    """

    def __init__(self, contract: Contract) -> None:
        title = contract.name.title().replace("_", "")
        self.name = contract.name
        self.body: type[BaseModel] = create_model(
            f"{title}CorrectionIn",
            input=(contract.input, Field(description="The item that the model was asked.")),
            output=(Any, Field(None, description="What it answered; it may be left out.")),
            label=(contract.label, Field(description="What is right.")),
        )
        output: Any = contract.output | None
        self.stored: type[BaseModel] = create_model(
            f"{title}Correction",
            request_id=(str, ...),
            model=(str, ...),
            version=(str, Field(description="The version that answered.")),
            input=(contract.input, ...),
            output=(output, ...),
            label=(contract.label, ...),
        )
        self._input: TypeAdapter[Any] = TypeAdapter(contract.input)
        self._output: TypeAdapter[Any] = TypeAdapter(contract.output)
        self._label: TypeAdapter[Any] = TypeAdapter(contract.label)

    def content_of(self, item: Any, output: Any) -> Content:
        """What the receipt for an answer is for. Raises one of UNUSABLE where there is none."""
        checked = self._output.validate_python(output, from_attributes=True)
        sent = self._output.dump_json(checked, by_alias=True).decode()
        return Content(key_of(item), _canonical(sent))

    def read(self, body: Any) -> Given:
        """Raises RequestValidationError when the input or the label is not of its type."""
        try:
            given: Any = self.body.model_validate(body)
            sent = None if given.output is None else json.dumps(given.output, ensure_ascii=False)
            return Given(
                Content(key_of(given.input), sent and _canonical(sent)),
                _stored(self._input, given.input),
                sent,
                _stored(self._label, given.label),
            )
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
        except UNUSABLE:
            problems = [{"loc": (), "msg": "It cannot be stored as JSON."}]
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in problems])


def _stored(adapter: TypeAdapter[Any], value: Any) -> str:
    """Write a value as JSON that is read as the same value. Raises one of UNUSABLE."""
    text = adapter.dump_json(value, by_alias=True)
    try:
        again = adapter.validate_json(text)
    except ValidationError as error:
        raise ValueError("What was written cannot be read.") from error
    if key_of(again) != key_of(value):  # infinity, for one, is null in JSON
        raise ValueError("What was written is read as another value.")
    return text.decode()


def _canonical(text: str) -> str:
    return _canonical_json.encode(_all_floats.decode(text))
