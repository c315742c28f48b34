"""Refuses contracts whose types cannot travel or be documented, before anything starts."""

import pickle
from collections.abc import Iterable

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from servekit.contracts import Contract
from servekit.settings import SettingsError


def check_contracts(contracts: Iterable[Contract]) -> None:
    """Raises SettingsError, which names the contract and the type that will not do."""
    for contract in contracts:
        for side, kind in {"input": contract.input, "output": contract.output}.items():
            where = f"In the contract of {contract.name!r}, the {side} type"
            try:
                TypeAdapter(kind).json_schema()
            except PydanticUserError as error:
                reason = str(error).splitlines()[0].rstrip(".")
                raise SettingsError(f"{where} has no JSON Schema: {reason}.") from None
            try:
                pickle.dumps(kind)
            except (pickle.PicklingError, AttributeError, TypeError):
                raise SettingsError(
                    f"{where} cannot be pickled: define it at the top of a module."
                ) from None
