"""Converts gRPC messages to tensors and back."""

from collections.abc import Sequence
from typing import Any

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

from .protos.inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)

CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(["INT8", "INT16", "INT32"], "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(["UINT8", "UINT16", "UINT32"], "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of the elements of each datatype; FP16 has none."""

FINAL = "triton_final_response"
WANTS_FINAL = "triton_enable_empty_final_response"
"""Parameters by which Triton's clients learn that a request of a stream is answered."""


def tensors_of(message: ModelInferRequest) -> list[Tensor]:
    """Read the tensors of a request.

    Raises:
        TensorError: A tensor is not what it says.
    """
    if len(message.inputs) > MAX_TENSORS:
        raise TensorError(f"A request has at most {MAX_TENSORS} tensors.")
    for one in message.inputs:
        if max(len(one.name), len(one.datatype)) > MAX_NAME:
            raise TensorError(f"The name of a tensor has at most {MAX_NAME} characters.")
    raw = message.raw_input_contents
    if not raw:
        return [_from_contents(one) for one in message.inputs]
    if len(raw) != len(message.inputs) or any(one.HasField("contents") for one in message.inputs):
        raise TensorError("raw_input_contents holds all tensors of a request, or none.")
    return [
        unpack(one.name, one.datatype, _shape_of(one), content)
        for one, content in zip(message.inputs, raw, strict=True)
    ]


def _shape_of(given: Any) -> list[int]:
    shape = [*given.shape[: MAX_RANK + 1]]
    if not 1 <= len(shape) <= MAX_RANK or min(shape) < 0:
        raise TensorError(
            f"Tensor {given.name!r} has an invalid shape: 1 to {MAX_RANK} sizes are needed, none"
            " of them negative."
        )
    return shape


def _from_contents(given: Any) -> Tensor:
    shape = _shape_of(given)
    if given.datatype == "FP16":
        raise TensorError(f"Tensor {given.name!r} is FP16: send it in raw_input_contents.")
    # Of an unknown datatype nothing is read, and `checked` refuses it by name.
    field = CONTENTS.get(given.datatype)
    data = [*getattr(given.contents, field)] if field else []
    if field and any(other.name != field for other, _ in given.contents.ListFields()):
        raise TensorError(
            f"Tensor {given.name!r} is {given.datatype}, and has contents of another datatype."
        )
    return checked(given.name, given.datatype, shape, data)


def response_of(
    request: ModelInferRequest, version: str, tensors: Sequence[Tensor]
) -> ModelInferResponse:
    """Write an answer with the tensors that were asked for: binary where the request was."""
    by_name = {one.name: one for one in tensors}
    wanted = [one.name for one in request.outputs] or [*by_name]
    response = ModelInferResponse(
        model_name=request.model_name, model_version=version, id=request.id
    )
    for tensor in map(by_name.__getitem__, dict.fromkeys(wanted)):
        output = response.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
        )
        if tensor.is_json:
            for name, text in JSON_CONTENT.items():
                output.parameters[name].string_param = text
        if request.raw_input_contents:
            response.raw_output_contents.append(pack(tensor))
        else:
            getattr(output.contents, CONTENTS[tensor.datatype]).extend(tensor.data)
    return response


def piece_of(answer: ModelInferResponse, *, is_final: bool) -> ModelStreamInferResponse:
    """Wrap an answer, or a piece of one, as a stream brings it."""
    answer.parameters[FINAL].bool_param = is_final
    return ModelStreamInferResponse(infer_response=answer)


def failure_of(request: ModelInferRequest, reason: str) -> ModelStreamInferResponse:
    """Write what a stream brings for a request that failed."""
    answer = ModelInferResponse(model_name=request.model_name, id=request.id)
    answer.parameters[FINAL].bool_param = True
    return ModelStreamInferResponse(error_message=reason, infer_response=answer)


def wants_final(request: ModelInferRequest) -> bool:
    """Whether an empty message shall follow the last piece of an answer."""
    return WANTS_FINAL in request.parameters and request.parameters[WANTS_FINAL].bool_param
