"""Golden examples: predictions that a version has to make before it serves.

They are the file `golden.jsonl` of the version, a JSON object a line:

    {"input": {"months": 3, "spend": 12.5}, "output": {"churn": 0.82}}

`input` is an item of the contract, as a request has it. `output` is what has to be in the
prediction: of an object only the fields that it names, of an array each element, numbers to
within a thousandth.
"""

import asyncio
import inspect
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python

from servekit.contracts import Contract

from .errors import ModelStoreError
from .version_files import ModelFiles, bytes_of

GOLDEN = "golden.jsonl"
TOLERANCE = 1e-3
"""Relative to the larger of two numbers; below one, absolute."""


class GoldenExample(NamedTuple):
    """An item, and what has to be in the prediction for it; both as JSON values."""

    input: Any
    output: Any

    def item(self, contract: Contract) -> Any:
        """The input as the model takes it. Raises ValidationError."""
        return TypeAdapter(contract.input).validate_json(to_json(self.input))


def golden_bytes(examples: Iterable[GoldenExample]) -> bytes:
    """The content of the file."""
    lines = (json.dumps(one._asdict(), ensure_ascii=False) for one in examples)
    return "".join(f"{line}\n" for line in lines).encode()


def read_golden(files: ModelFiles, contract: Contract) -> list[GoldenExample]:
    """The golden examples of a version, with inputs that are items of the contract.

    Raises:
        ModelStoreError: There are none, or a line holds something else.
    """
    path = files.path(GOLDEN)
    examples: list[GoldenExample] = []
    for number, line in enumerate(bytes_of(path, is_json=False).splitlines(), 1):
        try:
            examples.append(GoldenExample(**json.loads(line)))
            examples[-1].item(contract)
        except (ValidationError, ValueError, TypeError, RecursionError):
            raise ModelStoreError(
                f"Line {number} of {path} is not an input of {contract.name} with its output."
            ) from None
    if not examples:
        raise ModelStoreError(f"{path} holds no examples.")
    return examples


def check_golden(files: ModelFiles, contract: Contract, model: Any) -> None:
    """Hold a model to the golden examples of its version.

    Raises:
        ModelStoreError: It fails one of them, or there are none.
    """
    examples = read_golden(files, contract)
    _check(
        files.reference,
        lambda number: f"line {number} of {files.path(GOLDEN)}",
        examples,
        contract,
        model,
    )


def check_examples(examples: Sequence[GoldenExample], contract: Contract, model: Any) -> None:
    """Hold a model without versions to the `golden` of its class.

    Raises:
        ModelStoreError: It fails one of them, or one is not an input of the contract.
    """
    try:
        for example in examples:
            example.item(contract)
    except ValidationError:
        raise ModelStoreError(
            f"The `golden` of the {contract.name} model has an input that the contract does not."
        ) from None
    if examples:
        _check(
            f"The {contract.name} model",
            lambda number: f"number {number}",
            examples,
            contract,
            model,
        )


def _check(
    name: str,
    where: Callable[[int], str],
    examples: Sequence[GoldenExample],
    contract: Contract,
    model: Any,
) -> None:
    found = _predicted(model, [one.item(contract) for one in examples])
    if not isinstance(found, Sized) or len(found) != len(examples):
        raise ModelStoreError(
            f"{name} fails its own examples: predict has to give a sequence of"
            f" {len(examples)} answers, and gives {_shown(found)}."
        )
    for number, (example, value) in enumerate(zip(examples, found, strict=True), 1):
        if not matches(example.output, as_answered(contract, value)):
            raise ModelStoreError(
                f"{name} fails one of its own examples: {where(number)} expects"
                f" {json.dumps(example.output)}, but it answers {_shown(value)}."
            )


def _predicted(model: Any, items: Sequence[Any]) -> Sequence[Any]:
    values = model.predict(items)
    if not inspect.isawaitable(values):
        return values

    async def awaited() -> Sequence[Any]:
        return await values

    # In a thread, because this one may run an event loop already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, awaited()).result()


def as_answered(contract: Contract, value: Any) -> Any:
    """Return a prediction as the output type makes it; what is not of that type, as it is.

    A named tuple stays one, because its fields have names in examples.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(contract.output)
    try:
        checked = adapter.validate_python(value, from_attributes=True)
        if isinstance(checked, tuple):
            return checked
        return adapter.dump_python(checked, mode="json", by_alias=True)
    except ValueError:
        return value


def matches(expected: Any, actual: Any) -> bool:
    """Whether a prediction, or its JSON, has in it what a golden example expects."""
    if isinstance(actual, BaseModel):
        actual = actual.model_dump(mode="json", by_alias=True)
    if isinstance(expected, Mapping):
        if isinstance(actual, str | int | float | list | None):
            return False
        return all(matches(one, _field(actual, name)) for name, one in expected.items())
    if isinstance(expected, list | tuple):
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(expected)
            and all(map(matches, expected, actual))
        )
    actual = to_jsonable_python(actual, fallback=repr)
    if _is_number(expected) and _is_number(actual):
        return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(expected) is type(actual) and expected == actual


def _field(value: Any, name: str) -> Any:
    """A field by its name; what no example expects where there is none."""
    return value.get(name, ...) if isinstance(value, Mapping) else getattr(value, name, ...)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = to_json(value, fallback=repr).decode()
    return text if len(text) <= 200 else f"{text[:200]}…"
