"""What `/openapi.json` tells people, and what generators make clients from."""

import json
import re
from typing import Any

import pytest
from httpx2 import Client

from acme_service import DESCRIPTION, NAME, VERSION

METHODS = {"get", "post", "put", "delete"}


def schema(client: Client) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def operations(client: Client) -> dict[str, dict[str, Any]]:
    """Every operation, by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, operations in schema(client)["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def test_it_says_what_the_service_is(client: Client) -> None:
    info = schema(client)["info"]
    assert info == {"title": NAME, "description": DESCRIPTION, "version": VERSION}


def test_every_operation_has_a_tag_and_a_description(client: Client) -> None:
    for name, operation in operations(client).items():
        assert operation["tags"], name
        assert operation["description"], name


def test_tags_of_the_service_are_described(client: Client) -> None:
    described = {tag["name"]: tag["description"] for tag in schema(client)["tags"]}
    assert described.keys() >= {"language", "models", "service"}
    assert all(described.values())


def test_operation_ids_make_good_method_names(client: Client) -> None:
    ids = [operation["operationId"] for operation in operations(client).values()]
    assert {"predict_language", "detect_file", "list_languages", "health_ready"} <= {*ids}
    assert len(ids) == len({*ids})
    assert [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", one)] == []


def test_every_parameter_is_described(client: Client) -> None:
    for name, operation in operations(client).items():
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']}"


@pytest.mark.parametrize(
    ("operation", "where", "name", "description", "examples"),
    [
        ("POST /v1/detect/file", "query", "top", "How many candidates to answer with.", [1]),
        ("POST /v1/detect/file", "header", "accept-language", "Decides a tie.", ["de, en;q=0.8"]),
        (
            "POST /v1/detect/file",
            "cookie",
            "languages",
            "Restricts the candidates: language codes joined with dots.",
            ["de.en"],
        ),
        ("GET /v1/languages/{code}", "path", "code", "ISO 639-1 code.", ["de"]),
    ],
)
def test_a_parameter_of_each_kind_has_its_example(
    client: Client, operation: str, where: str, name: str, description: str, examples: list[Any]
) -> None:
    parameters = operations(client)[operation]["parameters"]
    [found] = [one for one in parameters if (one["in"], one["name"]) == (where, name)]
    assert found["description"] == description
    assert found["schema"]["examples"] == examples


def test_bodies_have_examples(client: Client) -> None:
    schemas = schema(client)["components"]["schemas"]
    assert schemas["Query"]["examples"]


def test_problems_are_described_as_they_are(client: Client) -> None:
    problem = client.post("/v1/detect", json={})
    described = schema(client)
    documented = described["paths"]["/v1/detect"]["post"]["responses"][str(problem.status_code)]
    media = documented["content"][problem.headers["content-type"]]
    schemas = described["components"]["schemas"]
    model = schemas[media["schema"]["$ref"].rpartition("/")[2]]
    assert problem.json().keys() <= model["properties"].keys()
    mentioned = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described))
    assert {*mentioned} <= schemas.keys()


def test_no_route_is_deprecated(client: Client) -> None:
    deprecated = [name for name, one in operations(client).items() if one.get("deprecated")]
    assert deprecated == []
