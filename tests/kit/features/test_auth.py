"""The feature `auth`: who gets in, with what, and what they may do then."""

from functools import cache
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, HTTPException, Security
from fastapi.security import SecurityScopes
from fastapi.testclient import TestClient
from httpx2 import Response

from servekit.api import Feature
from servekit.api.principal import Principal, current_principal, demand
from servekit.features.auth import auth
from servekit.features.auth.accounts import Account
from servekit.features.auth.credentials import new_key
from servekit.features.request_log import request_log
from servekit.testing.features.auth import (
    HEADERS,
    KEY,
    NAME,
    PASSWORD,
    SECRET,
    USER,
    WEAK,
    knowing,
    token,
)

from acme_service import SLUG
from acme_service import features as wiring

from tests.fakes import create_app, fake_ports

TEXT = {"text": "fine"}
LIMITED = new_key("nobody", [])
READER = Account("reader", frozenset(["predict"]), WEAK.hash(PASSWORD))

MODEL_ROUTES = [
    ("POST", "/v1/detect", {"json": TEXT}),
    ("POST", "/v1/detect/batch", {"json": {"items": [{"text": "fine"}]}}),
    ("POST", "/v1/detect/lines", {"json": {"items": [{"text": "fine"}]}}),
    ("POST", "/v1/detect/stream", {"json": TEXT}),
    ("POST", "/v1/detect/file", {"files": {"file": b"fine"}}),
    ("GET", "/v1/languages", {}),
    ("GET", "/v1/languages/de", {}),
    ("GET", "/v1/preferences", {}),
]

on_every_model_route = pytest.mark.parametrize(
    ("method", "path", "sends"), MODEL_ROUTES, ids=[path for _, path, _ in MODEL_ROUTES]
)


def admin_route() -> Feature:
    """A route of somebody else's, for administrators."""
    router = APIRouter()

    @router.get("/v1/admin")
    async def admin(
        caller: Annotated[Principal, Security(current_principal, scopes=["admin"])],
    ) -> str:
        return caller.id

    return Feature(name="admin", model_routers=[router])


@cache
def client() -> TestClient:
    settings = knowing(users=(USER, READER), api_keys=f"{KEY.entry},{LIMITED.entry}")
    return TestClient(
        create_app(fake_ports(), [auth(service=SLUG, settings=settings), admin_route()])
    )


def ask(headers: dict[str, str] | None = None, **options: Any) -> Response:
    return client().post("/v1/detect", json=TEXT, headers=headers, **options)


def log_in(name: str = NAME, password: str = PASSWORD, **fields: str) -> Response:
    return client().post("/v1/token", data={"username": name, "password": password} | fields)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def me(headers: dict[str, str]) -> Any:
    return client().get("/v1/me", headers=headers).json()


@on_every_model_route
def test_model_routes_refuse_anonymous_callers(
    method: str, path: str, sends: dict[str, Any]
) -> None:
    response = client().request(method, path, **sends)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert client().request(method, path, headers=HEADERS, **sends).is_success


def test_what_is_not_about_models_is_open() -> None:
    for path in ("/", "/health/live", "/health/ready", "/openapi.json", "/docs"):
        assert client().get(path).is_success


def test_a_password_gives_a_token_that_opens_the_models() -> None:
    response = log_in()
    answer = response.json()
    assert answer | {"access_token": ""} == {
        "access_token": "",
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "admin predict",
    }
    assert response.headers["cache-control"] == "no-store"
    assert ask(bearer(answer["access_token"])).is_success
    assert me(bearer(answer["access_token"])) == {"id": NAME, "scopes": ["admin", "predict"]}


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (NAME, "wrong"),
        (NAME, PASSWORD + " "),
        (NAME, "x" * 10_000),
        (NAME, PASSWORD + "x" * 2000),
        (NAME, "\0"),
        ("stranger", PASSWORD),
        ("stranger", "wrong"),
        (NAME.upper(), PASSWORD),
        ("x" * 10_000, PASSWORD),
    ],
    ids=lambda text: text[:12],
)
def test_a_wrong_name_and_a_wrong_password_are_told_the_same(name: str, password: str) -> None:
    wrong = log_in(name, password)
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert wrong.json()["detail"] == "The name or the password is wrong."


@pytest.mark.parametrize(
    "sends",
    [
        {"data": {}},
        {"data": {"username": NAME}},
        {"data": {"username": NAME, "password": PASSWORD, "grant_type": "refresh_token"}},
        {"json": {"username": NAME, "password": PASSWORD}},
        {"files": {"username": b"a", "password": b"b"}},
        {"content": b"username=%ff%fe&password=\xff", "headers": {"content-type": "x/y"}},
        {"content": b"\xff", "headers": {"content-type": "multipart/form-data"}},
        {"data": {f"field{number}": "x" for number in range(2000)}},
    ],
    ids=["empty", "no password", "grant", "json", "files", "bytes", "no boundary", "many"],
)
def test_a_form_that_is_none_is_a_problem_that_repeats_nothing(sends: dict[str, Any]) -> None:
    response = client().post("/v1/token", **sends)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"
    assert PASSWORD not in response.text


def test_invalid_utf_8_in_a_form_is_a_wrong_password() -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    body = b"username=%ff&password=\xff\xfe"
    assert client().post("/v1/token", content=body, headers=kind).status_code == 401


def test_a_token_carries_no_more_than_was_asked_for_and_is_there() -> None:
    assert log_in(scope="predict").json()["scope"] == "predict"
    assert log_in("reader", scope="predict admin").json()["scope"] == "predict"
    powerless = log_in(scope="other").json()
    assert powerless["scope"] == ""
    assert ask(bearer(powerless["access_token"])).status_code == 403


def test_a_key_opens_the_models() -> None:
    assert ask({"X-API-Key": KEY.secret}).is_success
    assert me({"X-API-Key": KEY.secret}) == {"id": f"key:{NAME}", "scopes": ["admin", "predict"]}


WRONG = {
    "an unknown key": {"X-API-Key": "wrong"},
    "an empty key": {"X-API-Key": ""},
    "a shorter key": {"X-API-Key": KEY.secret[:-1]},
    "a key in other case": {"X-API-Key": KEY.secret.swapcase()},
    "a long key": {"X-API-Key": "x" * 8000},
    "a token as key": {"X-API-Key": token()},
    "an unknown key beside a token": {"X-API-Key": "wrong", **bearer(token())},
    "a key as token": {"Authorization": f"Bearer {KEY.secret}"},
    "a key alone": {"Authorization": KEY.secret},
    "a key as password": {"Authorization": f"Basic {KEY.secret}"},
    "a scheme alone": {"Authorization": "Bearer"},
    "many schemes": {"Authorization": "Bearer " * 1000},
    "an empty header": {"Authorization": ""},
    "cookies": {"Cookie": f"X-API-Key={KEY.secret}; access_token={token()}"},
    "another header": {"Api-Key": KEY.secret},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_wrong_credential_is_refused_without_a_hint(
    headers: dict[str, str],
) -> None:
    response = ask(headers)
    assert response.status_code == 401
    assert response.json() | {"request_id": ""} == ask().json() | {"request_id": ""}


def test_a_key_or_token_in_the_address_is_none() -> None:
    for query in ({"token": token()}, {"access_token": token()}, {"X-API-Key": KEY.secret}):
        assert ask(params=query).status_code == 401


def test_bytes_that_are_no_text_are_a_wrong_credential() -> None:
    for name in (b"x-api-key", b"authorization"):
        for value in (b"Bearer \xff\xfe.\x80.\x81", b"\xc3\x28", b"Bearer e30.e30.\xff"):
            raw = client().post("/v1/detect", json=TEXT, headers=[(name, value)])
            assert raw.status_code == 401


def test_a_header_that_comes_twice_counts_once() -> None:
    twice = [("authorization", f"Bearer {token()}"), ("authorization", "Bearer wrong")]
    assert ask(twice).is_success  # pyright: ignore[reportArgumentType]
    assert ask(twice[::-1]).status_code == 401  # pyright: ignore[reportArgumentType]


def test_a_missing_scope_is_named_in_the_challenge() -> None:
    response = ask({"X-API-Key": LIMITED.secret})
    assert response.status_code == 403
    challenge = 'Bearer error="insufficient_scope", scope="predict"'
    assert response.headers["www-authenticate"] == challenge
    assert me({"X-API-Key": LIMITED.secret})["scopes"] == []


def test_a_route_may_ask_for_a_scope_of_its_own() -> None:
    assert client().get("/v1/admin", headers=bearer(token())).json() == NAME
    refused = client().get("/v1/admin", headers=bearer(token("predict")))
    assert (refused.status_code, refused.json()["detail"]) == (403, "The scope admin is needed.")
    challenge = 'Bearer error="insufficient_scope", scope="admin"'
    assert refused.headers["www-authenticate"] == challenge
    assert client().get("/v1/admin").status_code == 401


def test_a_route_of_its_own_scope_is_a_model_route_too() -> None:
    refused = client().get("/v1/admin", headers=bearer(token("admin")))
    assert (refused.status_code, refused.json()["detail"]) == (403, "The scope predict is needed.")


def test_all_scopes_that_are_missing_are_named() -> None:
    with pytest.raises(HTTPException, match="The scope b and c is needed"):
        demand(Principal("ada", frozenset("a")), SecurityScopes(["a", "b", "c"]))


def test_without_the_feature_nobody_has_a_scope() -> None:
    unguarded = TestClient(create_app(fake_ports(), [admin_route()]))
    assert unguarded.get("/v1/admin", headers=HEADERS).status_code == 403


def test_the_line_of_a_file_says_who_asked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        for headers in (bearer(token()), {"X-API-Key": KEY.secret}):
            client().post("/v1/detect/file", files={"file": b"a"}, headers=headers)
        log_in()
        log_in(password="s3cret")
    callers = [vars(one)["caller"] for one in caplog.records if one.message == "file detected"]
    assert callers == [NAME, f"key:{NAME}"]
    said = " ".join(str(vars(record)) for record in caplog.records)
    for secret in (KEY.secret, PASSWORD, SECRET, "s3cret", token()[-40:]):
        assert secret not in said


def test_openapi_says_how_one_gets_in_and_what_each_route_needs() -> None:
    schema = client().get("/openapi.json").json()
    schemes = schema["components"]["securitySchemes"]
    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "v1/token"
    assert set(schemes["password"]["flows"]["password"]["scopes"]) == {"predict", "admin"}
    assert schemes["key"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    for method, path, _ in MODEL_ROUTES:
        route = schema["paths"][path.replace("languages/de", "languages/{code}")][method.lower()]
        assert route["security"] == [{"password": ["predict"]}, {"key": ["predict"]}], path
        assert {"401", "403"} <= route["responses"].keys()
    assert "security" not in schema["paths"]["/health/live"]["get"]
    assert schema["paths"]["/v1/me"]["get"]["security"] == [{"password": []}, {"key": []}]


def test_a_service_without_users_gives_no_tokens() -> None:
    keyed = TestClient(
        create_app(fake_ports(), [auth(service=SLUG, settings=knowing(api_keys=KEY.entry))])
    )
    assert keyed.post("/v1/token", data={"username": "a", "password": "b"}).status_code == 404
    assert keyed.post("/v1/detect", json=TEXT, headers=HEADERS).is_success
    schemes = keyed.get("/openapi.json").json()["components"]["securitySchemes"]
    assert [*schemes] == ["key"]


def test_the_feature_is_enabled() -> None:
    whole = TestClient(create_app(fake_ports(), list(wiring.features())))
    assert whole.post("/v1/detect", json=TEXT).status_code == 401
    assert whole.post("/v1/detect", json=TEXT, headers=HEADERS).is_success


def lines_of(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [vars(one) for one in caplog.records if one.getMessage() == message]


def test_the_line_of_a_request_says_who_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "servekit")
    settings = knowing(users=(USER,), api_keys=KEY.entry)
    app = create_app(fake_ports(), [request_log(), auth(service=SLUG, settings=settings)])
    for headers in (HEADERS, {}):
        TestClient(app).post("/v1/detect", json=TEXT, headers=headers)
    known, unknown = lines_of(caplog, "request")
    assert known["principal"] == f"key:{NAME}"
    assert "principal" not in unknown
