"""The types of a contract: what a request may hold, and which types are refused."""

import inspect
import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from servekit.contracts import Contract, not_finite
from servekit.settings import SettingsError


def input_type(contract: Contract) -> Any:
    """Return the type of an item in a request: with finite numbers, if the contract wants them.

    Pydantic takes NaN and infinity from JSON that has them, and from text such as "nan".
    """
    if contract.allow_inf_nan or not _has_numbers(contract.input):
        return contract.input
    return Annotated[contract.input, AfterValidator(_finite)]


def _has_numbers(kind: Any) -> bool:
    """Whether a value may hold a float; without any, requests are not searched for one."""
    schema = repr(TypeAdapter(kind).core_schema)
    return any(f"'type': '{one}'" in schema for one in ("float", "any", "is-instance"))


def _finite(value: Any) -> Any:
    """Raises ValidationError, as Pydantic does for a field that has `allow_inf_nan=False`."""
    way = not_finite(value)
    if way is not None:
        problem: Any = {"type": "finite_number", "loc": way, "input": None}
        raise ValidationError.from_exception_data("input", [problem])
    return value


def check_contracts(contracts: Iterable[Contract]) -> None:
    """Raises SettingsError, which names the contract and the type that will not do."""
    for contract in contracts:
        for side, kind in _types(contract):
            where = f"In the contract of {contract.name!r}, the {side} type"
            try:
                adapter: TypeAdapter[Any] = TypeAdapter(kind)
                adapter.json_schema(mode="serialization" if side == "output" else "validation")
            except PydanticUserError as error:
                reason = str(error).splitlines()[0].rstrip(".")
                raise SettingsError(f"{where} has no JSON Schema: {reason}.") from None
            try:
                for one in _classes(adapter.core_schema):
                    pickle.dumps(one)
            except (pickle.PicklingError, AttributeError, TypeError):
                raise SettingsError(
                    f"{where} cannot be pickled: define it at the top of a module."
                ) from None


def _types(contract: Contract) -> Iterator[tuple[str, Any]]:
    yield "input", contract.input
    yield "output", contract.output
    if contract.label is not None:
        yield "label", contract.label


def _classes(schema: Any) -> Iterator[type]:
    """The classes in a core schema of Pydantic with instances that travel between processes.

    Classes of typed dictionaries are none: what travels is a dict.
    """
    if isinstance(schema, Mapping):
        for key in ("cls", "function"):  # that of a named tuple is called
            kind = schema.get(key)
            if inspect.isclass(kind) and schema["type"] != "typed-dict":
                yield kind
        schema = schema.values()
    if isinstance(schema, Iterable) and not isinstance(schema, str):
        for one in schema:
            yield from _classes(one)
