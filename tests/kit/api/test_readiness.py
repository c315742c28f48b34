"""Readiness asks everybody, briefly, and not too often."""

import asyncio

from servekit.api.readiness import NO_ANSWER, Readiness
from servekit.contracts import ModelError


async def passes() -> None:
    return None


async def fails() -> None:
    raise ModelError("broken")


async def hangs() -> None:
    await asyncio.Event().wait()


async def surprises() -> None:
    raise ConnectionError("s3cret")


async def test_what_fails_or_hangs_is_named() -> None:
    checks = [("a", passes), ("b", fails), ("c", hangs), ("d", surprises)]
    assert await Readiness(checks, timeout_s=0.01).findings() == (["b", "c", "d"], {})


async def test_what_the_service_can_do_without_is_noted_however_it_fails() -> None:
    checks = [("a", passes), ("b", fails), ("c", hangs), ("d", surprises)]
    readiness = Readiness(checks, dispensable="abcd", timeout_s=0.01)
    assert await readiness.findings() == ([], dict.fromkeys("bcd", NO_ANSWER))


async def test_what_a_check_has_to_say_is_shown_by_its_name() -> None:
    async def warns() -> str:
        return "Version 2 was refused."

    async def content() -> str:
        return ""

    readiness = Readiness([("a", passes), ("b", warns), ("c", content)])
    assert await readiness.findings() == ([], {"b": "Version 2 was refused."})


async def test_many_who_ask_at_once_share_one_check() -> None:
    asked = 0

    async def counts() -> None:
        nonlocal asked
        asked += 1

    readiness = Readiness([("model", counts)])
    await asyncio.gather(*(readiness.findings() for _ in range(10)))
    assert asked == 1
