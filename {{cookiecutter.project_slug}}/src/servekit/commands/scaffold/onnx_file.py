"""A model made from an ONNX file: its tensors become the fields of a contract."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from re import sub
from typing import Any

from pydantic import BaseModel

from .edits import EditError

READ = """
import json, shutil, sys, tempfile, onnxruntime
def opened(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
with tempfile.TemporaryDirectory() as elsewhere:
    try:
        session = opened(shutil.copy(sys.argv[1], elsewhere))
    except Exception:
        try:
            opened(sys.argv[1])
        except Exception as error:
            sys.exit(str(error).splitlines()[0])
        sys.exit("its weights are in another file; export it with external_data=False.")
sides = (session.get_inputs(), session.get_outputs())
print(json.dumps([[(one.name, one.type, one.shape) for one in side] for side in sides]))
"""
"""Run in a process of its own, which finds ONNX Runtime where it was just installed."""

NUMBERS = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    **{
        f"tensor({sign}int{bits})": f"{sign}int{bits}"
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
OTHERS = {"tensor(bool)": ("bool", "bool_"), "tensor(string)": ("str", "object_")}


@dataclass(frozen=True)
class Tensor:
    """An input or output of an ONNX model, as a field.

    Attributes:
        name: In the file.
        field: What the field is called.
        element: The type of one element, as Python writes it.
        dtype: The type of an array of them, as NumPy calls it.
        shape: Of one item; None for a dimension of any length.
    """

    name: str
    field: str
    element: str
    dtype: str
    shape: Sequence[int | None]

    @property
    def asked(self) -> str:
        """The type of the field in a request."""
        kind = self.element
        if "int" in self.dtype:
            kind = "Annotated[int, Field(ge={}, le={})]".format(*_range_of(self.dtype))
        for length in reversed(self.shape):
            kind = f"list[{kind}]"
            if length is not None:
                kind = f"Annotated[{kind}, Field(min_length={length}, max_length={length})]"
        return kind

    @property
    def answered(self) -> str:
        """The type of the field in an answer."""
        return "list[" * len(self.shape) + self.element + "]" * len(self.shape)

    @property
    def example(self) -> str:
        """A Python expression for nested lists of this shape, filled with `value`."""
        filling = {"bool": "bool(value)", "str": "str(value)"}.get(self.element, "value")
        return f"filled({[length or 1 for length in self.shape]}, {filling})"


def read_tensors(path: Path) -> tuple[list[Tensor], list[Tensor]]:
    """Return the inputs and the outputs of an ONNX file.

    Raises:
        EditError: It is none, or it has a tensor that no field of a contract can be.
    """
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise EditError(f"{path} is not an ONNX model that ONNX Runtime can load: {reason}")
    inputs, outputs = json.loads(done.stdout)
    return [*_tensors(inputs, "input")], [*_tensors(outputs, "output")]


def _tensors(described: Sequence[tuple[str, str, Any]], side: str) -> Iterator[Tensor]:
    fields: set[str] = set()
    for name, kind, shape in described:
        if kind in NUMBERS:
            dtype = NUMBERS[kind]
            element = "int" if "int" in dtype else "float"
        elif kind in OTHERS:
            element, dtype = OTHERS[kind]
        else:
            raise EditError(
                f"The {side} {name!r} is of the type {kind}: export tensors of numbers, strings or"
                " booleans alone, such as with zipmap=False from scikit-learn."
            )
        if not shape or isinstance(shape[0], int):
            raise EditError(
                f"The {side} {name!r} has the shape {shape}: export the model with a first"
                " dimension of any length, for the batch."
            )
        field = _field(name)
        if field in fields:
            raise EditError(f"Two of the {side}s would be called {field!r}: rename one of them.")
        fields.add(field)
        yield Tensor(
            name,
            field,
            element,
            dtype,
            [one if isinstance(one, int) else None for one in shape[1:]],
        )


def _field(name: str) -> str:
    """A name of a field that Python and Pydantic allow."""
    field = sub(r"\W+", "_", name.lower()).strip("_") or "value"
    if not field.isascii() or field[0].isdigit():
        field = f"value_{field.encode('ascii', 'ignore').decode()}"
    taken = iskeyword(field) or field.startswith("model_") or hasattr(BaseModel, field)
    return f"{field}_" if taken else field


def _range_of(dtype: str) -> tuple[int, int]:
    bits = int(dtype.rpartition("int")[2])
    if dtype.startswith("u"):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def parts(path: Path, file: str) -> Mapping[str, str]:
    """Return what the templates of this kind need besides names.

    Args:
        path: Of the ONNX file.
        file: Its path in a version.

    Raises:
        EditError: As `read_tensors`.
    """
    inputs, outputs = read_tensors(path)
    arrays = (
        f"{one.name!r}: np.array([item.{one.field} for item in items], dtype=np.{one.dtype}),"
        for one in inputs
    )
    return {
        "file": json.dumps(file),
        "asked": _lines(f"{one.field}: {one.asked}" for one in inputs),
        "answered": _lines(f"{one.field}: {one.answered}" for one in outputs),
        "arrays": "".join(arrays),
        "names": repr([one.name for one in outputs]),
        "fields": repr([one.field for one in outputs]),
        **_predicting(inputs),
        "example": "".join(f"{one.field}={one.example}," for one in inputs),
    }


def _predicting(inputs: Sequence[Tensor]) -> dict[str, str]:
    """How `items` are answered, which do not all fit into one array where a length is free."""
    shapes = [f"np.shape(item.{one.field})" for one in inputs if None in one.shape]
    if not shapes:
        return {"grouping": "", "predicted": "self._predict(items)"}
    key = f"({', '.join(shapes)},)"
    return {
        "grouping": "from servekit.contracts import predict_in_groups",
        "predicted": f"predict_in_groups(items, lambda item: {key}, self._predict)",
    }


def _lines(fields: Iterator[str]) -> str:
    return "\n    ".join(fields)
