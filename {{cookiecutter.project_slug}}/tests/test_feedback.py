"""The feature `feedback` is on: an answer can be corrected."""

from uuid import uuid4

from httpx2 import Client


def test_an_answer_can_be_corrected(client: Client) -> None:
    text = f"Grüezi mitenand {uuid4()}"
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id}
    answer = client.post("/v1/detect", json={"text": text}, headers=headers)
    receipt = {"X-Feedback-Receipt": answer.headers["X-Feedback-Receipt"]}
    url, item = f"/v1/feedback/{request_id}", {"text": text}
    wrong = client.put(url, json={"input": item, "label": "german"}, headers=receipt)
    assert (wrong.status_code, wrong.json()["errors"][0]["location"]) == (422, ["body", "label"])
    right = client.put(url, json={"input": item, "label": "de"}, headers=receipt)
    assert (right.status_code, right.json()["label"]) == (201, "de")
