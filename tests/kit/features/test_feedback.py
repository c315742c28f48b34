"""The feature `feedback`, over SQLite and with fake models."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from servekit.api.settings import ApiSettings
from servekit.settings import SettingsError

from acme_service import features as wiring
from acme_service.api import create_app
from acme_service.features.feedback import feedback

from .feedback_answers import (
    RECEIPT,
    TEXT,
    Answered,
    ask,
    counted,
    delete,
    get,
    put,
    rows,
    service,
    settings_for,
    signing,
    url_of,
)
from tests.fakes import CARD, fake_ports

NUMBERS = count()
SQL = "'; DROP TABLE feedback; --"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "made by the service" / "feedback.db"


@pytest.fixture(scope="module")
def client(file: Path) -> Iterator[TestClient]:
    with service(url_of(file)) as client:
        yield client


@pytest.fixture
def answer(client: TestClient) -> Answered:
    return ask(client, request_id=f"request-{next(NUMBERS)}")


def kept(file: Path, answer: Answered) -> list[dict[str, Any]]:
    return [row for row in rows(file) if row["request_id"] == answer.id]


def test_it_is_enabled_and_above_whatever_answers_in_place_of_a_model() -> None:
    names = [feature.name for feature in wiring.features()]
    assert "feedback" in names
    assert "cache" not in names[: names.index("feedback")]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/detect", {"json": {"text": TEXT}}),
        ("/v1/detect/file", {"files": {"file": ("a.txt", TEXT.encode())}}),
        ("/v1/detect/batch", {"json": {"items": [{"text": TEXT}]}}),
    ],
)
def test_every_answer_about_one_text_can_be_corrected(
    client: TestClient, route: str, body: dict[str, Any]
) -> None:
    response = client.post(route, **body, headers={"X-Request-ID": route.replace("/", "-")})
    corrected = put(client, Answered(route.replace("/", "-"), response.headers[RECEIPT]))
    assert corrected.status_code == 201
    assert corrected.json()["model"] == CARD.reference


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/detect/batch", {"items": [{"text": TEXT}] * 2}),
        ("/v1/detect/lines", {"items": [{"text": TEXT}]}),
        ("/v1/detect/stream", {"text": TEXT}),
        ("/v1/detect", {"text": ""}),
        ("/v1/detect", {"text": TEXT, "allowed": "de"}),
    ],
)
def test_other_answers_have_no_receipt(client: TestClient, route: str, body: Any) -> None:
    response = client.post(route, json=body)
    assert RECEIPT not in response.headers
    assert RECEIPT not in client.get("/v1/languages").headers


def test_a_correction_is_kept_read_replaced_and_taken_back(
    client: TestClient, file: Path, answer: Answered
) -> None:
    assert get(client, answer).status_code == 404
    first = put(client, answer)
    expected = {
        "request_id": answer.id,
        "text": TEXT,
        "language": "de",
        "model": CARD.reference,
    }
    assert (first.status_code, first.json()) == (201, expected)
    assert first.headers["Cache-Control"] == "no-store"
    assert (put(client, answer).status_code, get(client, answer).json()) == (200, expected)
    assert put(client, answer, "lb").status_code == 200
    assert get(client, answer).json() == expected | {"language": "lb"}
    [row] = kept(file, answer)
    assert (row["language"], row["times"]) == ("lb", 3)
    assert delete(client, answer).status_code == 204
    assert kept(file, answer) == []
    assert [get(client, answer).status_code, delete(client, answer).status_code] == [404, 404]
    assert put(client, answer).status_code == 201


def test_what_is_deleted_is_not_left_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "feedback.db"
    with service(url_of(file)) as client:
        answer = ask(client, "my telephone number is s3cret", "1")
        put(client, answer)
    assert b"s3cret" in file.read_bytes()
    with service(url_of(file)) as client:
        assert delete(client, answer).status_code == 204
    # The last who closes it moves all that was written from the log into the file.
    assert [path.name for path in tmp_path.iterdir()] == ["feedback.db"]
    assert b"s3cret" not in file.read_bytes()


def test_the_file_never_holds_who_has_asked_in_plain(
    client: TestClient, file: Path, answer: Answered
) -> None:
    put(client, answer)
    [row] = kept(file, answer)
    assert "anonymous" not in str(row)
    assert len(row["owner"]) == 32


@pytest.mark.parametrize("language", ["und", "de", "gd", "no", "zu"])
def test_a_label_may_be_a_language_that_the_model_does_not_know(
    client: TestClient, answer: Answered, language: str
) -> None:
    assert put(client, answer, language).json()["language"] == language


@pytest.mark.parametrize(
    "label", ["xx", "DE", "de-CH", "german", "", " fr", "d\0e", SQL, "s3cret", "s3cret" * 100]
)
def test_a_label_that_is_no_language_is_refused_and_not_repeated(
    client: TestClient, file: Path, answer: Answered, label: str
) -> None:
    response = put(client, answer, label)
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == ["body", "language"]
    assert not label.strip() or label not in response.text
    assert kept(file, answer) == []


@pytest.mark.parametrize("text", [SQL, "\U0001f600 \u202e", "a" * 10_000, "\n\t'\"\\%_?:a"])
def test_a_text_comes_back_as_it_was(client: TestClient, text: str) -> None:
    answer = ask(client, text, f"text-{next(NUMBERS)}")
    assert put(client, answer).status_code == 201
    assert get(client, answer).json()["text"] == text


def test_a_text_that_no_database_takes_is_refused_by_all(client: TestClient) -> None:
    answer = ask(client, "s3cret\0", "nul")
    response = put(client, answer)
    assert (response.status_code, "s3cret" in response.text) == (422, False)


def test_a_request_larger_than_others_may_be_is_refused(client: TestClient) -> None:
    answer = Answered("large", "", "a" * 5_000_000)
    assert put(client, answer).status_code == 413


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_whatever_is_wrong_with_a_receipt_the_answer_is_the_same(
    client: TestClient, file: Path, method: str
) -> None:
    answer = ask(client, request_id=f"right-{method}")
    put(client, answer)
    other = ask(client, "another text", f"other-{method}")
    expired = Answered(answer.id, aged(answer))
    forged = Answered(answer.id, forged_receipt(answer))
    short = answer.receipt[: len(answer.receipt) // 2]
    wrong = [
        *(answer._replace(receipt=one) for one in ["", "x", "%", "é", short, answer.receipt * 2]),
        answer._replace(receipt=flipped(answer.receipt)),
        answer._replace(receipt=other.receipt),
        answer._replace(id="right"),
        answer._replace(id=f"{answer.id}%00"),
        expired,
        forged,
        *([answer._replace(text="another text")] if method == "PUT" else []),
    ]
    responses = [
        client.request(
            method,
            f"/v1/feedback/{one.id}",
            headers=[(RECEIPT.encode(), one.receipt.encode())],
            json={"text": one.text, "language": "en"} if method == "PUT" else None,
        )
        for one in wrong
    ]
    assert {response.status_code for response in responses} == {404}
    assert len({said(response.json()) for response in responses}) == 1
    assert get(client, answer).json()["language"] == "de"


def test_without_the_header_it_is_the_same_too(client: TestClient, answer: Answered) -> None:
    response = client.get(f"/v1/feedback/{answer.id}")
    assert (response.status_code, said(response.json())) == (
        404,
        said(get(client, answer).json()),
    )


def test_a_receipt_that_was_signed_with_the_secret_before_is_still_good(
    client: TestClient, file: Path, answer: Answered
) -> None:
    put(client, answer)
    before = signing().secret
    with service(url_of(file), secret="n" * 32, previous_secret=before) as rotated:
        assert get(rotated, answer).status_code == 200
        fresh = ask(rotated, request_id="fresh")
    assert put(client, fresh).status_code == 404


def test_an_id_that_was_used_twice_does_not_reach_what_another_gave(client: TestClient) -> None:
    mine, theirs = ask(client, request_id="same"), ask(client, request_id="same")
    assert put(client, mine, "de").status_code == put(client, theirs, "fr").status_code == 201
    assert get(client, mine).json()["language"] == "de"
    assert delete(client, theirs).status_code == 204
    assert get(client, mine).status_code == 200


@pytest.mark.parametrize("request_id", ["Zm9v/YmFy+w==", "a b", "a?b#c", "a/"])
def test_an_id_may_hold_whatever_callers_put_into_theirs(
    client: TestClient, request_id: str
) -> None:
    answer = ask(client, request_id=request_id)
    quoted = answer._replace(id=quote(request_id, safe=""))
    assert put(client, quoted).status_code == 201
    assert get(client, quoted).json()["request_id"] == request_id
    assert delete(client, quoted).status_code == 204


@pytest.mark.parametrize("request_id", [b"a" * 201, "é".encode()], ids=["too long", "no ASCII"])
def test_an_id_that_no_address_can_name_gets_no_receipt(
    client: TestClient, request_id: bytes
) -> None:
    answer = client.post("/v1/detect", json={"text": "a"}, headers={b"x-request-id": request_id})
    assert answer.is_success
    assert RECEIPT not in answer.headers


def test_scripts_in_browsers_may_read_receipts_and_send_them(tmp_path: Path) -> None:
    settings = ApiSettings.model_validate({"cors_origins": "https://app.example"})
    feature = feedback(signing(), settings_for(url_of(tmp_path / "feedback.db")))
    client = TestClient(create_app(fake_ports(), [feature], settings=settings))
    origin = {"Origin": "https://app.example"}
    response = client.post("/v1/detect", json={"text": TEXT}, headers=origin)
    assert RECEIPT.lower() in response.headers["access-control-expose-headers"]
    asking = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": RECEIPT}
    assert client.options("/v1/feedback/1", headers=origin | asking).status_code == 200


def test_it_counts_how_requests_have_ended(tmp_path: Path) -> None:
    with service(url_of(tmp_path / "feedback.db")) as client:
        answer = ask(client, request_id="1")
        for one in [get, put, put, get, delete]:
            one(client, answer)
        get(client, answer._replace(receipt=""))
        expected = {"missing": 1, "created": 1, "replaced": 1, "read": 1, "deleted": 1}
        assert counted(client) == expected | {"refused": 1}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "FEEDBACK_SECRET: wants a random secret of at least 32 bytes."),
        ({"SECRET": "s3cret"}, "FEEDBACK_SECRET: wants a random secret of at least 32 bytes."),
        (
            {"SECRET": "a" * 32, "PREVIOUS_SECRET": "s3cret"},
            "FEEDBACK_PREVIOUS_SECRET: wants a random secret of at least 32 bytes.",
        ),
        ({"SECRET": "a" * 32, "URL": "mysql://user:s3cret@host/name"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "postgresql://user:s3cret@host"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "sqlite://"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "sqlite:///:memory:"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "s3cret"}, "FEEDBACK_URL: "),
        (
            {"SECRET": "a" * 32, "URL": "postgresql://user:s3cret@host/name?sslmode=yes"},
            "FEEDBACK_URL: its sslmode is one of disable, allow, prefer, require,",
        ),
        (
            {"SECRET": "a" * 32, "URL": "postgresql://user:s3cret@host:99999/name"},
            "FEEDBACK_URL: its port is 65535 at most.",
        ),
        *(
            ({"SECRET": "a" * 32, "URL": url}, "FEEDBACK_URL: a file has three slashes before")
            for url in ["sqlite://s3cret/feedback.db", "sqlite:///feedback.db?s3cret=1"]
        ),
        ({"SECRET": "a" * 32, "TIMEOUT_S": "0"}, "FEEDBACK_TIMEOUT_S: "),
    ],
)
def test_settings_that_cannot_work_stop_the_start(
    settings: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEEDBACK_SECRET")
    for name, value in settings.items():
        monkeypatch.setenv(f"FEEDBACK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        feedback()
    assert str(caught.value).startswith(complaint)
    assert "s3cret" not in str(caught.value)


def said(problem: dict[str, Any]) -> str:
    """All but the id, which is each request's own."""
    return str({key: value for key, value in problem.items() if key != "request_id"})


def flipped(receipt: str) -> str:
    """With another last character, of which some bits mean nothing."""
    return receipt[:-1] + chr(ord(receipt[-1]) ^ 1)


def aged(answer: Answered) -> str:
    """One of the same request that was given long ago."""
    from acme_service.features.feedback.receipts import Answer, Receipts

    long_ago = Receipts(signing().secrets, 60, clock=lambda: 1_000_000_000)
    return long_ago.issue(Answer(answer.id, "anonymous", answer.text, CARD.reference))


def forged_receipt(answer: Answered) -> str:
    """One of the same request by somebody who does not know the secret."""
    from acme_service.features.feedback.receipts import Answer, Receipts

    forger = Receipts([b"f" * 32], 60)
    return forger.issue(Answer(answer.id, "anonymous", answer.text, CARD.reference))
