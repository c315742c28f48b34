"""Requests and answers over HTTP: JSON, and after it what is sent as binary tensors."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Response
from pydantic import BaseModel, FailFast, Field, ValidationError
from pydantic_core import to_json

from servekit.api.errors import ProblemError, invalid_fields
from servekit.inference.tensors import (
    JSON_CONTENT,
    MAX_NAME,
    MAX_RANK,
    MAX_TENSORS,
    Tensor,
    TensorError,
    checked,
    pack,
    unpack,
)

LENGTH_HEADER = "Inference-Header-Content-Length"
"""How many bytes of a body are JSON; the others are binary tensors."""

BINARY_SIZE = "binary_data_size"

Parameters = dict[str, Any]
Size = Annotated[int, Field(ge=0, lt=2**63)]
# One error is enough: a list of a million invalid elements would have as many.
Several = Field(max_length=MAX_TENSORS)


class InferInput(BaseModel):
    """A tensor of a request."""

    name: str = Field(max_length=MAX_NAME)
    datatype: str = Field(max_length=MAX_NAME)
    shape: list[Size] = Field(min_length=1, max_length=MAX_RANK)
    parameters: Parameters | None = None
    data: Any = None


class InferOutputWanted(BaseModel):
    """A tensor that the answer shall have."""

    name: str
    parameters: Parameters | None = None


class InferRequest(BaseModel):
    """What a model is asked."""

    id: str | None = None
    parameters: Parameters | None = None
    inputs: Annotated[list[InferInput], Several, FailFast()]
    outputs: Annotated[list[InferOutputWanted] | None, Several, FailFast()] = None


class InferOutput(BaseModel):
    """A tensor of an answer."""

    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters | None = None
    data: list[Any] | None = None


class InferResponse(BaseModel):
    """What a model answers."""

    model_name: str
    model_version: str | None = None
    id: str | None = None
    outputs: list[InferOutput]


def read(body: bytes, length: str | None) -> tuple[InferRequest, list[Tensor]]:
    """Read a request.

    Args:
        body: All of it.
        length: Of the JSON in front, as the header says; None where all is JSON.

    Raises:
        ProblemError: The JSON is not a request.
        TensorError: A tensor is not what it says.
    """
    size = len(body)
    if length is not None:
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else -1
        if not 0 <= size <= len(body):
            raise TensorError(f"{LENGTH_HEADER} is not a number of bytes in the body.")
    try:
        request = InferRequest.model_validate_json(body[:size])
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = invalid_fields(found, "body")
        raise ProblemError(422, "The request is not valid.", errors=errors) from None
    tensors: list[Tensor] = []
    for one in request.inputs:
        end = (one.parameters or {}).get(BINARY_SIZE)
        if end is None:
            tensors.append(_from_json(one))
            continue
        if not isinstance(end, int) or isinstance(end, bool) or not 0 <= end <= len(body) - size:
            raise TensorError(
                f"Tensor {one.name!r} has a {BINARY_SIZE} that the body does not hold."
            )
        tensors.append(unpack(one.name, one.datatype, one.shape, body[size : size + end]))
        size += end
    if size != len(body):
        raise TensorError(f"The body has {len(body) - size} bytes that belong to no tensor.")
    return request, tensors


def _from_json(given: InferInput) -> Tensor:
    if given.data is None:
        raise TensorError(f"Tensor {given.name!r} has neither data nor {BINARY_SIZE}.")
    data: list[Any] = []
    _flatten(given.data if isinstance(given.data, list) else [given.data], data)
    return checked(given.name, given.datatype, given.shape, data)


def _flatten(value: list[Any], into: list[Any]) -> None:
    for one in value:
        if isinstance(one, list):
            _flatten(one, into)
        else:
            into.append(one)


def response(request: InferRequest, name: str, version: str, tensors: Sequence[Tensor]) -> Response:
    """Write an answer, with the tensors that were asked for, binary where that was asked."""
    by_name = {one.name: one for one in tensors}
    all_binary = (request.parameters or {}).get("binary_data_output") is True
    wanted = {
        one.name: (one.parameters or {}).get("binary_data", all_binary) is True
        for one in request.outputs or ()
    } or dict.fromkeys(by_name, all_binary)
    outputs: list[InferOutput] = []
    binary: list[bytes] = []
    for tensor in map(by_name.__getitem__, wanted):
        parameters: Parameters = {**JSON_CONTENT} if tensor.is_json else {}
        data = None
        if wanted[tensor.name]:
            binary.append(pack(tensor))
            parameters[BINARY_SIZE] = len(binary[-1])
        else:
            data = [*tensor.data]
        output = InferOutput(
            name=tensor.name,
            datatype=tensor.datatype,
            shape=[*tensor.shape],
            parameters=parameters or None,
            data=data,
        )
        outputs.append(output)
    answer = InferResponse(
        model_name=name, model_version=version or None, id=request.id, outputs=outputs
    )
    head = to_json(answer, exclude_none=True, inf_nan_mode="null")
    if not binary:
        return Response(head, media_type="application/json")
    return Response(
        b"".join([head, *binary]),
        media_type="application/octet-stream",
        headers={LENGTH_HEADER: str(len(head))},
    )
