"""The answers that are remembered: in this process first, in Redis behind it."""

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from acme_service.ports import MAX_CANDIDATES, Detection

from .settings import CacheSettings

if TYPE_CHECKING:
    from servekit.stores.redis import SharedRedis

PREFIX = f"{__name__.partition('.')[0]}:cache:1"
"""Before all keys in Redis. The number changes with the shape of what is stored."""

_Score = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
_AtMost = Field(max_length=MAX_CANDIDATES)

_STORED: TypeAdapter[Any] = TypeAdapter(
    tuple[Annotated[tuple[str, ...], _AtMost], Annotated[tuple[_Score, ...], _AtMost], str]
)
"""A Detection as Redis has it, where anybody may have written it."""

Found = list[Detection | None]


class Answers:
    """Keyed by model and by question, so an answer can only be found for the model that gave it."""

    def __init__(self, settings: CacheSettings, redis: "SharedRedis | None") -> None:
        self._max_entries = settings.max_entries
        self._ttl_s = settings.ttl_s
        self._redis = redis
        self._entries: OrderedDict[tuple[str, str], tuple[float, Detection]] = OrderedDict()

    async def find(self, model: str, keys: Sequence[str]) -> Found:
        """What `model` answered, one a key; None where that is not known."""
        found = [self._remembered(model, key) for key in keys]
        if self._redis is None or None not in found:
            return found
        missing = [index for index, answer in enumerate(found) if answer is None]
        names = [_name(model, keys[index]) for index in missing]
        values = await self._redis.ask("MGET", *names)
        for index, value in zip(missing, values or (), strict=False):
            if answer := _read(value, model):
                found[index] = answer
                self._remember(model, keys[index], answer)
        return found

    def keep(self, key: str, answer: Detection) -> None:
        """Remember it for the model that gave it, if that is known."""
        if not answer.model:
            return
        self._remember(answer.model, key, answer)
        if self._redis:
            value = _STORED.dump_json(answer)
            self._redis.tell("SET", _name(answer.model, key), value, "EX", self._ttl_s)

    def _remembered(self, model: str, key: str) -> Detection | None:
        expires, answer = self._entries.get((model, key), (0.0, None))
        if answer is None:
            return None
        if expires < monotonic():
            del self._entries[model, key]
            return None
        self._entries.move_to_end((model, key))
        return answer

    def _remember(self, model: str, key: str, answer: Detection) -> None:
        self._entries[model, key] = (monotonic() + self._ttl_s, answer)
        self._entries.move_to_end((model, key))
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)


def _name(model: str, key: str) -> str:
    return f"{PREFIX}:{model}:{key}"


def _read(value: bytes | None, model: str) -> Detection | None:
    """The stored value, or None when it is not in the form that this cache writes."""
    if value is None:
        return None
    try:
        answer = Detection(*_STORED.validate_json(value))
    except ValidationError:
        return None
    whole = len(answer.languages) == len(answer.scores)
    return answer if whole and answer.model == model else None
