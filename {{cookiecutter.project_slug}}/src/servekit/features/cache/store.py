"""Stores answers in this process, and in Redis behind it."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from servekit.contracts import Contract, Prediction, is_reference

from .settings import CacheSettings

if TYPE_CHECKING:
    from servekit.stores.redis import SharedRedis

log = logging.getLogger(__name__)

FORMAT = "cache:2"
"""In all keys in Redis. The number changes with the shape of what is stored."""

Found = list[Prediction[Any] | None]


class CacheStore:
    """Stores the answers of one model, by version and item.

    An answer can only be found for the version that gave it. That of a model without versions
    stays in this process: it may be another model after the next deployment. In Redis an answer
    is the JSON of the contract's output, which is checked when it is written and when it is read:
    anything may have written there.

    contract: of the model.
    service: before all keys in Redis.
    """

    def __init__(
        self,
        contract: Contract,
        settings: CacheSettings,
        redis: "SharedRedis | None",
        service: str,
    ) -> None:
        self._model = contract.name
        self._warned = False
        self._max_entries = settings.max_entries
        self._ttl_s = settings.ttl_s
        self._redis = redis
        self._prefix = f"{service}:{FORMAT}"
        self._output: TypeAdapter[Any] = TypeAdapter(contract.output)
        self._entries: OrderedDict[tuple[str, str], tuple[float, Prediction[Any]]] = OrderedDict()

    async def find(self, version: str, keys: Sequence[str]) -> Found:
        """Return the answer of `version` for each key; None where there is none."""
        found = [self._remembered(version, key) for key in keys]
        if self._redis is None or None not in found or not is_reference(version):
            return found
        missing = [index for index, answer in enumerate(found) if answer is None]
        names = [self._name(version, keys[index]) for index in missing]
        values = await self._redis.ask("MGET", *names)
        for index, value in zip(missing, values or (), strict=False):
            if answer := self._read(value, version):
                found[index] = answer
                self._remember(keys[index], answer)
        return found

    def keep(self, key: str, answer: Prediction[Any]) -> None:
        """Store an answer under its version, if that is known."""
        if not answer.version:
            return
        self._remember(key, answer)
        if self._redis and is_reference(answer.version):
            value = self._written(answer.value)
            if self._read(value, answer.version) == answer:
                name = self._name(answer.version, key)
                self._redis.tell("SET", name, value, "EX", self._ttl_s)
            elif not self._warned:
                self._warned = True
                log.warning("answers of %s are not kept in Redis: they change as JSON", self._model)

    def _written(self, value: Any) -> bytes:
        return self._output.dump_json(value, by_alias=True, round_trip=True)

    def _name(self, version: str, key: str) -> str:
        return f"{self._prefix}:{version}:{key}"

    def _read(self, value: bytes | None, version: str) -> Prediction[Any] | None:
        """The stored answer, or None when it is not in the form that this cache writes."""
        if value is None:
            return None
        try:
            answer = self._output.validate_json(value)
            # Validation also takes what only resembles it, such as an object for a tuple.
            return Prediction(answer, version) if self._written(answer) == value else None
        except ValueError:
            return None

    def _remembered(self, version: str, key: str) -> Prediction[Any] | None:
        expires, answer = self._entries.get((version, key), (0.0, None))
        if answer is None:
            return None
        if expires < monotonic():
            del self._entries[version, key]
            return None
        self._entries.move_to_end((version, key))
        return answer

    def _remember(self, key: str, answer: Prediction[Any]) -> None:
        place = (answer.version, key)
        self._entries[place] = (monotonic() + self._ttl_s, answer)
        self._entries.move_to_end(place)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
