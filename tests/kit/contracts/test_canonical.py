"""Equal items have equal keys, and no others have."""

from collections import deque
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servekit.contracts import NoKeyError, key_of
from servekit.serving.sizes import OVERHEAD_BYTES, size_bytes
from servekit.testing.subprocesses import printed_by


class Color(Enum):
    RED = 1
    BLUE = 2


class Item(BaseModel):
    model_config = ConfigDict(extra="allow")

    number: float | None = None
    secret: SecretStr = SecretStr("")
    hidden: str = Field(default="", exclude=True)
    colors: set[Color] = set()
    more: dict[str, Any] = {}
    nbytes: str = ""


@dataclass(slots=True)
class Point:
    x: float


class Mixin:
    """Without slots, so that what inherits from it has a dictionary, too."""


@dataclass(slots=True)
class Mixed(Mixin):
    x: float


class Pair(NamedTuple):
    one: str
    other: str


DIFFERENT: list[Any] = [
    None,
    "",
    "a",
    b"a",
    "None",
    0,
    0.0,
    False,
    1,
    "1",
    [],
    ["a", "b"],
    ["ab"],
    [["a"], "b"],
    Pair("a b", ""),
    {"a": 1},
    {"a": "1"},
    {1},
    {"1"},
    float("inf"),
    float("-inf"),
    float("nan"),
    "\ud800",
    Color.RED,
    Color.BLUE,
    Point(1.0),
    Point(2.0),
    Mixed(1.0),
    Mixed(2.0),
    date(2026, 1, 1),
    Decimal("1.0"),
    UUID(int=1),
    PurePosixPath("a"),
    np.zeros(2),
    np.zeros(3),
    np.zeros(2, np.float32),
    Item(),
    Item(number=float("inf")),
    Item(number=float("-inf")),
    Item(secret=SecretStr("a")),
    Item(secret=SecretStr("b")),
    Item(hidden="ann"),
    Item(hidden="bob"),
    Item(colors={Color.RED}),
    Item(more={"a": [1]}),
    Item(nbytes="many"),
    Item.model_validate({"further": 1}),
    Item.model_validate({"further": 2}),
]


def test_different_items_have_different_keys() -> None:
    keys = [key_of(item) for item in DIFFERENT]
    assert len({*keys}) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        (("a",), ["a"]),
        (Item(more={"x": 1, "y": 2}), Item(more={"y": 2, "x": 1})),
        (Point(1.0), Point(1.0)),
        (np.zeros(2), np.zeros(2)),
    ],
)
def test_equal_items_have_equal_keys(one: object, other: object) -> None:
    assert key_of(one) == key_of(other)


def test_a_key_is_the_same_in_every_process() -> None:
    source = "from servekit.contracts import key_of; print(key_of({'a', 'b', 'c'}))"
    assert printed_by(source) == key_of({"a", "b", "c"})


def test_an_object_of_an_unknown_kind_has_no_key() -> None:
    with pytest.raises(NoKeyError):
        key_of([object()])


@pytest.mark.parametrize("item", [*DIFFERENT, deque(range(100)), [object()] * 100])
def test_every_item_has_a_weight(item: object) -> None:
    assert OVERHEAD_BYTES <= size_bytes(item) < 100_000


def test_a_weight_is_no_less_than_what_is_in_an_item() -> None:
    long = "a" * 1_000_000
    for item in (long, [long], {"a": long}, Item(hidden=long), Point(1.0).__class__(long)):  # type: ignore[arg-type]
        assert size_bytes(item) >= len(long)
    assert size_bytes(Item.model_validate({"further": long})) >= len(long)
    assert size_bytes(np.zeros(1_000_000)) >= 8_000_000


def test_what_refers_to_itself_has_a_weight() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert size_bytes(loop) < 1_000
