"""The tensors of a contract: each field of an item is one, with a row for each item of a batch."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from servekit.api.contract_types import input_type
from servekit.api.errors import ProblemError, invalid_fields
from servekit.api.models import MAX_ITEMS, dumped, failing_the_model
from servekit.contracts import Contract, ModelError, Ports

from .tensors import BYTES, FLOATS, INTEGERS, JSON_CONTENT, MAX_RANK, Tensor, TensorError, fits

log = logging.getLogger(__name__)

Schema = Mapping[str, Any]

_DATATYPES = {"boolean": "BOOL", "integer": "INT64", "number": "FP64", "string": BYTES}
_ACCEPTED = {"BOOL": {"BOOL"}, "INT64": INTEGERS, "FP64": INTEGERS | FLOATS, BYTES: {BYTES}}
"""The datatypes that a client may send; it need not know that numbers have 64 bits here."""

ITEMS = f"The first dimension of every tensor is the number of items, 1 to {MAX_ITEMS}."
ANY = -1
"""A dimension of any size."""

MAX_DIMENSIONS = MAX_RANK - 1
"""The most dimensions of one item; what has more, or contains itself, is JSON."""


@dataclass(frozen=True)
class Field:
    """A tensor that a model takes or gives.

    Attributes:
        name: Of the field in the contract; "input" or "output" where the type has no fields.
        datatype: INT64, FP64, BOOL, or BYTES for text.
        dimensions: Of one item: none for one value, one number for a list.
        as_json: Whether each element is the JSON of the field, in BYTES: the type of the field is
            neither a value nor a list of such.
        required: Whether a request has to have it.
    """

    name: str
    datatype: str
    dimensions: tuple[int, ...] = ()
    as_json: bool = False
    required: bool = True

    @property
    def metadata(self) -> dict[str, Any]:
        """What the protocol says about it."""
        tensor = {"name": self.name, "datatype": self.datatype, "shape": [ANY, *self.dimensions]}
        return tensor | ({"parameters": JSON_CONTENT} if self.as_json else {})


class Signature:
    """Makes items of tensors, and tensors of answers."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._input: TypeAdapter[Any] = TypeAdapter(input_type(contract))
        self._output: TypeAdapter[Any] = TypeAdapter(contract.output)
        schema = self._input.json_schema()
        self._takes_fields, self.inputs = _fields(schema, "input")
        schema = self._output.json_schema(mode="serialization")
        self._gives_fields, self.outputs = _fields(schema, "output")

    def items(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Make the items of a batch.

        Raises:
            TensorError: A tensor is missing, unknown, or not what the model takes.
            ProblemError: An item is not what the contract says.
        """
        given = {one.name: one for one in tensors}
        if len(given) < len(tensors):
            raise TensorError("Each tensor can be given once.")
        for name in given.keys() - {one.name for one in self.inputs}:
            known = ", ".join(one.name for one in self.inputs)
            raise TensorError(
                f"Unknown tensor {name!r}: the {self._contract.name} model takes {known}."
            )
        for field in self.inputs:
            if field.required and field.name not in given:
                raise TensorError(f"Tensor {field.name!r} is missing.")
        columns = {
            one.name: _values(one, given[one.name]) for one in self.inputs if one.name in given
        }
        counts = {len(column) for column in columns.values()}
        if len(counts) != 1 or not 1 <= min(counts) <= MAX_ITEMS:
            raise TensorError(ITEMS if columns else "No tensor is given.")
        if not self._takes_fields:
            return self._checked(columns["input"])
        return self._checked(
            [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        )

    def _checked(self, values: Sequence[Any]) -> list[Any]:
        items: list[Any] = []
        for place, value in enumerate(values):
            try:
                # As JSON, so that no type is taken otherwise than in a body of the routes beside.
                items.append(self._input.validate_json(to_json(value, inf_nan_mode="constants")))
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False, include_input=False)
                errors = invalid_fields(found, "inputs", place)
                raise ProblemError(422, "The request is not valid.", errors=errors) from None
        return items

    def check_outputs(self, names: Iterable[str]) -> None:
        """Raise TensorError for a tensor that the model does not give."""
        known = [one.name for one in self.outputs]
        for name in names:
            if name not in known:
                model = self._contract.name
                raise TensorError(
                    f"Unknown tensor {name!r}: the {model} model gives {', '.join(known)}."
                )

    def tensors(self, answers: Sequence[Any]) -> list[Tensor]:
        """Make tensors of the answers to a batch.

        Raises:
            ModelError: An answer is not what the contract says.
        """
        values = [dumped(self._contract, self._output, one) for one in answers]
        if not self._gives_fields:
            return [_tensor(self.outputs[0], values)]
        if not all(isinstance(value, dict) for value in values):
            log.error("the %s model serializes an answer without fields", self._contract.name)
            raise ModelError(f"The {self._contract.name} model failed.")
        with failing_the_model(self._contract):
            return [_tensor(one, [value.get(one.name) for value in values]) for one in self.outputs]


class Signatures(dict[str, Signature]):
    """The signatures of all models, by name."""

    def sign(self, ports: Ports) -> Ports:
        """Read the contracts of the models, which stay as they are."""
        for name, contract in ports.contracts.items():
            self[name] = Signature(contract)
        return ports


def _fields(schema: Schema, alone: str) -> tuple[bool, list[Field]]:
    """Return the fields of a type, or one field called `alone` for a type without any."""
    parts: Schema = schema.get("$defs", {})
    whole = _resolved(schema, parts)
    properties: Mapping[str, Schema] = whole.get("properties", {})
    if whole.get("type") != "object" or not properties or whole.get("additionalProperties"):
        return False, [_field(alone, whole, parts)]
    required = whole.get("required", ())
    return True, [
        _field(name, one, parts, required=name in required) for name, one in properties.items()
    ]


def _field(name: str, schema: Schema, parts: Schema, required: bool = True) -> Field:
    dimensions: list[int] = []
    element: Schema | None = _resolved(schema, parts)
    while (
        element is not None and element.get("type") == "array" and len(dimensions) < MAX_DIMENSIONS
    ):
        least, most = element.get("minItems", 0), element.get("maxItems")
        dimensions.append(least if least == most else ANY)
        element = _element(element, parts)
    datatype = _datatype(element)
    if datatype is None:
        return Field(name, BYTES, as_json=True, required=required)
    return Field(name, datatype, tuple(dimensions), required=required)


def _datatype(schema: Schema | None) -> str | None:
    """The datatype of one value; None for what is no bool, number or text."""
    kind = schema.get("type") if schema else None
    return _DATATYPES.get(kind) if isinstance(kind, str) else None


def _element(schema: Schema, parts: Schema) -> Schema | None:
    """The type of all elements of a list; None where they differ, or may be anything."""
    several = schema.get("prefixItems", ())
    if not several:
        return _resolved(schema.get("items"), parts)
    resolved = [_resolved(one, parts) for one in several]
    datatypes = {_datatype(one) for one in resolved}
    fixed = schema.get("minItems") == schema.get("maxItems") == len(several)
    return resolved[0] if fixed and len(datatypes) == 1 and None not in datatypes else None


def _resolved(schema: Any, parts: Schema) -> Schema:
    """What `$ref` leads to; nothing where it leads nowhere or in a circle."""
    seen: set[str] = set()
    while isinstance(schema, Mapping) and "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = None if name in seen else parts.get(name)
        seen.add(name)
    return schema if isinstance(schema, Mapping) else {}


def _values(field: Field, tensor: Tensor) -> list[Any]:
    """The value of a field for each item."""
    shape = [*tensor.shape]
    if shape[0] > MAX_ITEMS:
        raise TensorError(ITEMS)
    if not field.dimensions and len(shape) == 2 and shape[1] == 1:
        shape.pop()  # as clients send one value an item, by habit
    # Lists may be JSON, because those of a batch may differ in length.
    if tensor.datatype == BYTES and len(shape) == 1 and (field.as_json or field.dimensions):
        return [_from_json(field, one) for one in tensor.data]
    if tensor.datatype not in _ACCEPTED[field.datatype]:
        takes = f"{field.datatype} with JSON" if field.as_json else field.datatype
        raise TensorError(
            f"Tensor {field.name!r} is {tensor.datatype}, and the model takes {takes}."
        )
    wanted = [ANY, *field.dimensions]
    if len(shape) != len(wanted) or any(
        own not in {ANY, size} for own, size in zip(wanted, shape, strict=True)
    ):
        raise TensorError(
            f"Tensor {field.name!r} has the shape {shape}, and the model takes {wanted}."
        )
    values = tensor.data
    if field.datatype == BYTES:
        values = [_text(field, one) for one in values]
    for left, size in zip(range(len(shape) - 1, 0, -1), reversed(shape[1:]), strict=True):
        # Of lists without elements there are as many as the dimensions before them say.
        starts = range(0, len(values), size) if size else [0] * prod(shape[:left])
        values = [[*values[start : start + size]] for start in starts]
    return [*values]


def _text(field: Field, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise TensorError(f"Tensor {field.name!r} has text that is not UTF-8.") from None


def _from_json(field: Field, raw: bytes) -> Any:
    try:
        return from_json(raw)
    except ValueError:
        shape = [ANY, *field.dimensions]
        wanted = "" if field.as_json else f", unless its shape is {shape}"
        raise TensorError(
            f"Tensor {field.name!r} has an element that is not JSON{wanted}."
        ) from None


def _tensor(field: Field, values: Sequence[Any]) -> Tensor:
    data: list[Any] = []
    shape = None if field.as_json else _flatten(values, 1 + len(field.dimensions), data)
    if shape is None or not all(fits(one, field.datatype) for one in data):
        # A tensor has no rows of different lengths, no nulls, and nothing of another type, as a
        # serializer of the contract's own may write.
        texts = [to_json(one) for one in values]
        return Tensor(field.name, BYTES, [len(values)], texts, is_json=True)
    if field.datatype == BYTES:
        data = [one.encode() for one in data]
    return Tensor(field.name, field.datatype, shape, data)


def _flatten(value: Any, rank: int, into: list[Any]) -> list[int] | None:
    """Append the elements; return the shape, or None where there is no rectangular one."""
    if rank == 0:
        into.append(value)
        return []
    if not isinstance(value, list):
        return None
    shapes = [_flatten(one, rank - 1, into) for one in value]
    first = shapes[0] if shapes else [0] * (rank - 1)
    if first is None or any(one != first for one in shapes):
        return None
    return [len(shapes), *first]
