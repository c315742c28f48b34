"""The feature `feedback` is on: an answer can be corrected."""

from uuid import uuid4

from httpx2 import Client


def test_an_answer_can_be_corrected(client: Client) -> None:
    text = f"Grüezi mitenand {uuid4()}"
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id}
    answer = client.post("/v1/detect", json={"text": text}, headers=headers)
    receipt = {"X-Feedback-Receipt": answer.headers["X-Feedback-Receipt"]}
    url, correction = f"/v1/feedback/{request_id}", {"text": text, "language": "de"}
    assert client.put(url, json=correction, headers=receipt).status_code == 201
    assert client.get(url, headers=receipt).json()["language"] == "de"
