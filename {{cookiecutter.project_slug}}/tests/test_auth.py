"""The feature `auth` is on: requests need credentials."""

from httpx2 import Client

from servekit.testing.features.auth import HEADERS, NAME, PASSWORD


def test_a_wrong_key_is_refused(client: Client) -> None:
    refused = client.get("/v1/models", headers={"X-API-Key": "wrong"})
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/models", headers=HEADERS).is_success


def test_a_password_gets_a_token(client: Client) -> None:
    granted = client.post("/v1/token", data={"username": NAME, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {granted.json()['access_token']}"}
    request = client.build_request("GET", "/v1/me", headers=headers)
    del request.headers["X-API-Key"]
    assert client.send(request).json()["id"] == NAME
