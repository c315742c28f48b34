"""Two models, one answer."""

import pytest
from httpx2 import Client


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("What a wonderful day, I love this place!", "positive"),
        ("This is a terrible failure and I hate it.", "negative"),
        ("The train leaves the station in the morning.", "neutral"),
    ],
)
def test_an_english_text_gets_its_mood(client: Client, text: str, label: str) -> None:
    answer = client.post("/v1/analyze", json={"text": text}).json()
    assert (answer["language"], answer["sentiment"]["label"]) == ("en", label)
    assert -1 <= answer["sentiment"]["score"] <= 1


def test_another_language_gets_none(client: Client) -> None:
    answer = client.post("/v1/analyze", json={"text": "Das ist ein schöner Tag."}).json()
    assert (answer["language"], answer["sentiment"]) == ("de", None)
