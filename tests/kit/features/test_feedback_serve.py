"""The feature `feedback` in every placement, with the real model, and over two replicas."""

import asyncio
from collections import Counter
from typing import NamedTuple
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Client, Limits

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

from .feedback_answers import RECEIPT, Answered, ask_model, correction, delete, get, put, rows
from tests.applications.replicated import NAME, corrections

SWISS = "Grüezi mitenand, wie gaht's eu hüt?"
WRITES = 1_000
TWICE = 100


def detect(client: Client, text: str) -> Answered:
    answer = ask_model(client, "/v1/detect", {"text": text})
    return answer._replace(input={"text": text}, output=None)


def test_an_answer_is_corrected_and_the_correction_taken_back(client: Client) -> None:
    answer = detect(client, f"{SWISS} {uuid4()}")
    labels = ("gsw", "de", "gd")
    assert [put(client, answer, label).status_code for label in labels] == [422, 201, 200]
    found = get(client, answer).json()
    assert (found["label"], found["model"]) == ("gd", "language")
    assert found["version"].startswith("language:")
    assert get(client, answer._replace(id="another")).status_code == 404
    assert put(client, answer._replace(input={"text": "another"}), "de").status_code == 404
    assert delete(client, answer).status_code == 204
    assert get(client, answer).status_code == 404


def test_an_answer_that_was_given_before_has_a_receipt_of_its_own(client: Client) -> None:
    text = f"{SWISS} {uuid4()}"
    first, second = detect(client, text), detect(client, text)
    assert first.id != second.id
    assert "" not in {first.receipt, second.receipt}
    assert put(client, second._replace(receipt=first.receipt), "de").status_code == 404
    assert put(client, second, "de").status_code == 201


class Given(NamedTuple):
    """How the writes of one replica or both have ended, and which of them it was about."""

    statuses: Counter[int]
    answers: list[Answered]


async def thousand(url: str) -> Given:
    """As many writes at once, some of them twice, about answers that were given before."""
    limits = Limits(max_connections=WRITES + TWICE)
    async with AsyncClient(base_url=url, headers=HEADERS, timeout=100, limits=limits) as client:

        async def answered(number: int) -> Answered:
            text = f"Text {number}"
            response = await client.post("/v1/detect", json={"text": text})
            headers = response.headers
            return Answered(headers["X-Request-ID"], headers[RECEIPT], {"text": text})

        async def give(answer: Answered) -> int:
            response = await client.put(
                f"/v1/feedback/{answer.id}",
                json=correction(answer, "de"),
                headers={RECEIPT: answer.receipt},
            )
            return response.status_code

        answers: list[Answered] = []
        for start in range(0, WRITES, 50):
            answers += await asyncio.gather(*(answered(start + one) for one in range(50)))
        statuses = await asyncio.gather(*map(give, [*answers, *answers[:TWICE]]))
        return Given(Counter(statuses), answers)


@pytest.mark.serve
@pytest.mark.application(NAME)
def test_of_a_thousand_at_once_none_is_lost_or_doubled(url_of: UrlOf) -> None:
    given = asyncio.run(thousand(url_of(NAME)))
    assert given.statuses == {201: WRITES, 200: TWICE}
    ids = {answer.id for answer in given.answers}
    kept = [row for row in rows(corrections()) if row["request_id"] in ids]
    assert len(kept) == len(ids) == WRITES
    assert sum(row["times"] for row in kept) == WRITES + TWICE
