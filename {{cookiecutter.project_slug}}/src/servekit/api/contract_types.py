"""Refuses contracts with types that cannot be pickled or documented, before anything starts."""

import inspect
import pickle
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from servekit.contracts import Contract
from servekit.settings import SettingsError


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
                for one in _classes(kind):
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


def _classes(kind: Any) -> Iterator[type]:
    """The classes in a type: their instances travel between processes."""
    if inspect.isclass(kind):
        yield kind
    for one in get_args(kind):
        yield from _classes(one)
