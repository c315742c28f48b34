"""The feature `feedback`, over SQLite and for models of several contracts."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from servekit.api.settings import ApiSettings
from servekit.features.feedback import feedback
from servekit.features.feedback.receipts import Answer, Content, Receipts
from servekit.settings import SettingsError

from acme_service import features as wiring

from .feedback_answers import (
    BILLING,
    RECEIPT,
    ROUTING,
    SUPPORT,
    TEXT,
    VERSION,
    Answered,
    api,
    ask,
    ask_model,
    correction,
    counted,
    delete,
    get,
    keeping,
    put,
    rows,
    service,
    signing,
    url_of,
)

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
        ("/v1/triage", {"subject": TEXT}),
        ("/v1/triage/batch", {"items": [{"subject": TEXT}]}),
        ("/v1/own/one model", {"subject": TEXT}),
        ("/v1/own/unlabelled model", {"subject": TEXT}),
    ],
)
def test_every_single_answer_can_be_corrected(client: TestClient, route: str, body: Any) -> None:
    request_id = f"single-{next(NUMBERS)}"
    response = client.post(route, json=body, headers={"X-Request-ID": request_id})
    # Not every route gives the answer as the model has made it, so it may be left out.
    answer = Answered(request_id, response.headers[RECEIPT], {"subject": TEXT})
    corrected = put(client, answer)
    assert corrected.status_code == 201
    assert (corrected.json()["version"], corrected.json()["output"]) == (VERSION, None)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/triage/batch", {"items": [{"subject": TEXT}, {"subject": TEXT}]}),
        ("/v1/triage/lines", {"items": [{"subject": TEXT}]}),
        ("/v1/triage/stream", {"subject": TEXT}),
        ("/v1/triage", {"subject": ""}),
        ("/v1/own/two models", {"subject": TEXT}),
        ("/v1/own/two items", {"subject": TEXT}),
        ("/v1/parity", 1),
    ],
)
def test_other_answers_have_no_receipt(client: TestClient, route: str, body: Any) -> None:
    response = client.post(route, json=body)
    assert response.status_code in {200, 422}
    assert RECEIPT not in response.headers
    assert RECEIPT not in client.get("/v1/models").headers


def test_a_correction_is_kept_read_replaced_and_taken_back(
    client: TestClient, file: Path, answer: Answered
) -> None:
    assert get(client, answer).status_code == 404
    first = put(client, answer)
    expected = {
        "request_id": answer.id,
        "model": "triage",
        "version": VERSION,
        "input": {"subject": TEXT, "tags": [], "more": {}},
        "output": ROUTING,
        "label": BILLING,
    }
    assert (first.status_code, first.json()) == (201, expected)
    assert first.headers["Cache-Control"] == "no-store"
    assert (put(client, answer).status_code, get(client, answer).json()) == (200, expected)
    label = SUPPORT | {"note": "a refund is theirs"}
    assert put(client, answer, label).status_code == 200
    assert get(client, answer).json() == expected | {"label": label}
    [row] = kept(file, answer)
    assert (json.loads(row["label"]), row["times"]) == (label, 3)
    assert delete(client, answer).status_code == 204
    assert kept(file, answer) == []
    assert [get(client, answer).status_code, delete(client, answer).status_code] == [404, 404]
    assert put(client, answer).status_code == 201


def test_each_model_has_labels_of_its_own_type(client: TestClient) -> None:
    answer = ask_model(client, "/v1/mood", "glad", "mood-1")
    assert put(client, answer, 0.25).json()["label"] == 0.25
    wrong = put(client, answer, BILLING)
    assert (wrong.status_code, wrong.json()["errors"][0]["location"]) == (422, ["body", "label"])


def test_corrections_match_answers_by_equal_values(client: TestClient, file: Path) -> None:
    item = {"subject": TEXT, "tags": ["a", "b"], "more": {"x": 1, "y": [None]}}
    answer = ask_model(client, "/v1/triage", item, f"equal-{next(NUMBERS)}")
    # As JavaScript writes numbers, and with keys and sets in another order.
    output = {"expected-seconds": 1, "confidence": 1, "team": "support"}
    equal = {"more": {"y": [None], "x": 1}, "tags": ["b", "a", "b"], "subject": TEXT}
    assert put(client, answer._replace(input=equal, output=output)).status_code == 201
    for other in [{"confidence": 0.5}, {"more": None}, {"team": "billing"}]:
        assert put(client, answer._replace(output=output | other)).status_code == 404


def test_openapi_shows_the_labels_of_models_that_have_some(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    schemas, path = schema["components"]["schemas"], schema["paths"]["/v1/feedback/{request_id}"]
    body = path["put"]["requestBody"]["content"]["application/json"]["schema"]
    kinds = [one["$ref"].rpartition("/")[2] for one in body["anyOf"]]
    assert kinds == ["TriageCorrectionIn", "MoodCorrectionIn"]
    label = schemas[kinds[0]]["properties"]["label"]
    assert label["$ref"] == "#/components/schemas/Verdict"
    assert schemas["Verdict"]["properties"]["team"]["enum"] == ["billing", "support"]
    assert schemas[kinds[1]]["properties"]["label"]["maximum"] == 1
    assert schemas[kinds[0]]["required"] == ["input", "label"]
    for method, status in [("put", "200"), ("put", "201"), ("get", "200")]:
        shown = path[method]["responses"][status]["content"]["application/json"]["schema"]
        assert shown["anyOf"][0] == {"$ref": "#/components/schemas/TriageCorrection"}
    assert "expected-seconds" in schemas["Routing"]["properties"]
    assert "feedback" in {tag["name"] for tag in schema["tags"] if tag["description"]}


def test_without_labels_there_is_no_feedback(tmp_path: Path) -> None:
    from servekit.api import Service, create_app
    from servekit.contracts import Ports
    from servekit.testing.fakes import FakeMeter

    feature = keeping(url_of(tmp_path / "feedback.db"))
    named = Service(name="Desk", slug="desk", package="desk", version="1")
    with TestClient(create_app(named, Ports({}, FakeMeter()), [], [feature])) as client:
        assert put(client, Answered("1", "", "a")).status_code == 404
        assert not any("feedback" in path for path in client.get("/openapi.json").json()["paths"])


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


@pytest.mark.parametrize(
    ("label", "location"),
    [
        ("billing", ["body", "label"]),
        (None, ["body", "label"]),
        ({}, ["body", "label", "team"]),
        ({"team": "s3cret"}, ["body", "label", "team"]),
        ({"team": SQL}, ["body", "label", "team"]),
        ({"team": "billing", "note": ["s3cret"]}, ["body", "label", "note"]),
        ({"team": "billing", "note": "s3cret\ud800"}, ["body"]),
    ],
)
def test_a_label_of_another_type_is_refused_and_not_repeated(
    client: TestClient, file: Path, answer: Answered, label: Any, location: list[str]
) -> None:
    body = json.dumps(correction(answer, label))
    response = client.put(
        f"/v1/feedback/{answer.id}",
        content=body,
        headers={RECEIPT: answer.receipt, "Content-Type": "application/json"},
    )
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["location"] == location
    assert "s3cret" not in response.text
    assert kept(file, answer) == []


DEEP: list[Any] = []
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        1,
        {},
        {"label": BILLING},
        {"input": {"tags": 1}},
        {"input": {"subject": "a", "more": {"deep": DEEP}}, "label": BILLING},
    ],
    ids=range(7),
)
def test_a_body_that_is_no_correction_is_refused(
    client: TestClient, answer: Answered, body: Any
) -> None:
    url = f"/v1/feedback/{answer.id}"
    response = client.put(url, json=body, headers={RECEIPT: answer.receipt})
    assert (response.status_code, response.json()["errors"][0]["location"][0]) == (422, "body")


@pytest.mark.parametrize(
    "text", [SQL, "\U0001f600 \u202e", "a" * 10_000, "\n\t'\"\\%_?:a", "NUL \0"]
)
def test_a_text_comes_back_as_it_was(client: TestClient, text: str) -> None:
    answer = ask(client, text, f"text-{next(NUMBERS)}")
    assert put(client, answer).status_code == 201
    assert get(client, answer).json()["input"]["subject"] == text


def test_what_is_no_unicode_is_refused_and_not_stored(client: TestClient) -> None:
    headers = {"X-Request-ID": "half", "Content-Type": "application/json"}
    item = json.dumps({"subject": TEXT, "more": {"half": "s3cret\ud800"}})
    receipt = client.post("/v1/triage", content=item, headers=headers).headers[RECEIPT]
    body = f'{{"input": {item}, "label": {{"team": "billing"}}}}'
    response = client.put("/v1/feedback/half", content=body, headers=headers | {RECEIPT: receipt})
    assert (response.status_code, "s3cret" in response.text) == (422, False)


def test_a_request_larger_than_others_may_be_is_refused(client: TestClient) -> None:
    answer = Answered("large", "", {"subject": "a" * 5_000_000})
    assert put(client, answer).status_code == 413


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_whatever_is_wrong_with_a_receipt_the_answer_is_the_same(
    client: TestClient, file: Path, method: str
) -> None:
    answer = ask(client, request_id=f"right-{method}")
    put(client, answer)
    other = ask(client, "another text", f"other-{method}")
    expired = answer._replace(receipt=aged(answer))
    forged = answer._replace(receipt=forged_receipt(answer))
    unserved = answer._replace(receipt=of_another_model(answer))
    short = answer.receipt[: len(answer.receipt) // 2]
    wrong = [
        *(answer._replace(receipt=one) for one in ["", "x", "%", "é", short, answer.receipt * 2]),
        answer._replace(receipt=flipped(answer.receipt)),
        answer._replace(receipt=other.receipt),
        answer._replace(id="right"),
        answer._replace(id=f"{answer.id}%00"),
        expired,
        forged,
        *([unserved] if method == "PUT" else []),
        *([answer._replace(input={"subject": "another"})] if method == "PUT" else []),
        *([answer._replace(output=ROUTING | {"team": "billing"})] if method == "PUT" else []),
    ]
    responses = [
        client.request(
            method,
            f"/v1/feedback/{one.id}",
            headers=[(RECEIPT.encode(), one.receipt.encode())],
            json=correction(one, SUPPORT) if method == "PUT" else None,
        )
        for one in wrong
    ]
    assert {response.status_code for response in responses} == {404}
    assert len({said(response.json()) for response in responses}) == 1
    assert get(client, answer).json()["label"] == BILLING


def test_without_the_header_it_is_the_same_too(client: TestClient, answer: Answered) -> None:
    response = client.get(f"/v1/feedback/{answer.id}")
    assert (response.status_code, said(response.json())) == (
        404,
        said(get(client, answer).json()),
    )


def test_a_receipt_signed_with_the_previous_secret_is_valid(
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
    assert put(client, mine).status_code == put(client, theirs, SUPPORT).status_code == 201
    assert get(client, mine).json()["label"] == BILLING
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


def test_scripts_in_browsers_may_read_receipts_and_send_them(tmp_path: Path) -> None:
    settings = ApiSettings.model_validate({"cors_origins": "https://app.example"})
    client = TestClient(api(keeping(url_of(tmp_path / "feedback.db")), api=settings))
    origin = {"Origin": "https://app.example"}
    response = client.post("/v1/triage", json={"subject": TEXT}, headers=origin)
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
        ({"SECRET": "a" * 32}, "FEEDBACK_URL: field required."),
        ({"SECRET": "a" * 32, "URL": "mysql://user:s3cret@host/name"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "postgresql://user:s3cret@host"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "sqlite://"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "sqlite:///:memory:"}, "FEEDBACK_URL: "),
        ({"SECRET": "a" * 32, "URL": "s3cret"}, "FEEDBACK_URL: "),
        (
            {"SECRET": "a" * 32, "URL": "postgresql://user:s3cret@host/name?pool=yes"},
            "FEEDBACK_URL: its address has an unknown parameter 'pool'",
        ),
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
        (
            {"SECRET": "a" * 32, "URL": "sqlite:////tmp/a.db", "TIMEOUT_S": "0"},
            "FEEDBACK_TIMEOUT_S: ",
        ),
    ],
)
def test_settings_that_cannot_work_stop_the_start(
    settings: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEEDBACK_SECRET")
    monkeypatch.delenv("FEEDBACK_URL")
    for name, value in settings.items():
        monkeypatch.setenv(f"FEEDBACK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        feedback(service="desk")
    assert str(caught.value).startswith(complaint)
    assert "s3cret" not in str(caught.value)


def said(problem: dict[str, Any]) -> str:
    """All but the id, which is each request's own."""
    return str({key: value for key, value in problem.items() if key != "request_id"})


def flipped(receipt: str) -> str:
    """With another last character, of which some bits mean nothing."""
    return receipt[:-1] + chr(ord(receipt[-1]) ^ 1)


def issued_by(receipts: Receipts, answer: Answered, model: str = "triage") -> str:
    """A receipt for the same request, and for any content."""
    return receipts.issue(Answer(answer.id, "anonymous", model, VERSION, Content("", "")))


def aged(answer: Answered) -> str:
    """One of the same request that was given long ago."""
    return issued_by(Receipts(signing().secrets, 60, clock=lambda: 1_000_000_000), answer)


def forged_receipt(answer: Answered) -> str:
    """One of the same request by somebody who does not know the secret."""
    return issued_by(Receipts([b"f" * 32], 60), answer)


def of_another_model(answer: Answered) -> str:
    """One of the same request for a model that is no longer served."""
    return issued_by(Receipts(signing().secrets, 60), answer, "retired")
