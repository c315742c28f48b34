"""What the service says of itself."""

import pytest
from httpx2 import Client

from acme_service import NAME, VERSION


def test_the_root_says_what_this_is_and_where_to_go(client: Client) -> None:
    answer = client.get("/").json()
    assert (answer["name"], answer["version"]) == (NAME, VERSION)
    for link in answer["links"].values():
        assert client.get(_below(client, link)).status_code in {200, 405}


def _below(client: Client, link: str) -> str:
    # Links carry the prefix under which the service stands, and so does the client.
    return link.removeprefix(client.base_url.path.rstrip("/"))


@pytest.mark.parametrize("route", ["/health/live", "/health/ready"])
def test_a_healthy_service_is_alive_and_ready(client: Client, route: str) -> None:
    assert client.get(route).status_code == 200


def test_every_answer_has_exactly_one_request_id(client: Client) -> None:
    for route in ("/health/live", "/nowhere", "/v1/models/none"):
        assert len(client.get(route).headers.get_list("x-request-id")) == 1


def test_a_request_keeps_the_id_it_came_with(client: Client) -> None:
    response = client.get("/v1/models/none", headers={"x-request-id": "from-the-client"})
    assert response.headers["x-request-id"] == "from-the-client"
    assert response.json()["request_id"] == "from-the-client"


def test_an_error_names_the_id_of_its_request(client: Client) -> None:
    response = client.get("/nowhere")
    assert response.json()["request_id"] == response.headers["x-request-id"]
