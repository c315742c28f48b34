"""The feature `open_inference` for models of any contract: tensors in, tensors out."""

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, PlainSerializer, RootModel, WithJsonSchema

from servekit.api import Feature, Service, create_app
from servekit.api.errors import ProblemError
from servekit.api.models import model_router
from servekit.contracts import Contract
from servekit.features.open_inference import open_inference
from servekit.inference.signature import Signature
from servekit.inference.tensors import Tensor

from tests.api.test_models import client_of
from tests.in_process import ports_around


class Point(BaseModel):
    place: tuple[float, float]
    weight: int = 1
    tags: list[str] = []
    more: dict[str, int] | None = None


class Seen(BaseModel):
    total: float
    counts: list[int]
    label: str
    kept: Point


POINT = Contract("point", Point, Seen)


class Points:
    version = "7"

    def predict(self, items: Sequence[Point]) -> list[Seen]:
        return [
            Seen(
                total=sum(item.place) * item.weight,
                counts=[*map(len, item.tags)],
                label="ü" * len(item.tags),
                kept=item,
            )
            for item in items
        ]


@pytest.fixture
def client() -> Iterator[TestClient]:
    service = Service(name="Points", slug="points", package="points", version="2")
    routers = [model_router(POINT, "/points")]
    ports = ports_around({POINT: Points})
    with TestClient(create_app(service, ports, routers, [open_inference()])) as client:
        yield client


def tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


PLACES = tensor("place", "FP64", [2, 2], [1.0, 2.0, 3.0, 4.0])


def outputs(answer: Any) -> dict[str, Any]:
    return {one["name"]: one["data"] for one in answer.json()["outputs"]}


def test_the_server_and_its_models_describe_themselves(client: TestClient) -> None:
    server = client.get("/v2").json()
    assert server == {"name": "Points", "version": "2", "extensions": ["binary_tensor_data"]}
    json_content = {"parameters": {"content_type": "application/json"}}
    assert client.get("/v2/models/point").json() == {
        "name": "point",
        "versions": ["7"],
        "platform": "ray-serve",
        "inputs": [
            {"name": "place", "datatype": "FP64", "shape": [-1, 2]},
            {"name": "weight", "datatype": "INT64", "shape": [-1]},
            {"name": "tags", "datatype": "BYTES", "shape": [-1, -1]},
            {"name": "more", "datatype": "BYTES", "shape": [-1], **json_content},
        ],
        "outputs": [
            {"name": "total", "datatype": "FP64", "shape": [-1]},
            {"name": "counts", "datatype": "INT64", "shape": [-1, -1]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "kept", "datatype": "BYTES", "shape": [-1], **json_content},
        ],
    }


def test_what_is_ready_says_so(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    for path in ("/v2/models/point/ready", "/v2/models/point/versions/7/ready"):
        assert client.get(path).json() == {"name": "point", "ready": True}


def test_a_row_is_an_item(client: TestClient) -> None:
    asked = {
        "id": "42",
        "inputs": [
            PLACES,
            tensor("weight", "INT8", [2, 1], [1, 2]),
            tensor("tags", "BYTES", [2, 2], ["a", "bc", "", "ü"]),
            tensor("more", "BYTES", [2], ["null", '{"x": 1}']),
        ],
    }
    answer = client.post("/v2/models/point/infer", json=asked)
    assert answer.headers["x-model"] == "point:7"
    body = answer.json()
    assert (body["model_name"], body["model_version"], body["id"]) == ("point", "7", "42")
    assert [one["shape"] for one in body["outputs"]] == [[2], [2, 2], [2], [2]]
    given = outputs(answer)
    kept = [json.loads(one) for one in given.pop("kept")]
    assert given == {"total": [3.0, 14.0], "counts": [1, 2, 0, 1], "label": ["üü", "üü"]}
    assert kept == [
        {"place": [1.0, 2.0], "weight": 1, "tags": ["a", "bc"], "more": None},
        {"place": [3.0, 4.0], "weight": 2, "tags": ["", "ü"], "more": {"x": 1}},
    ]


def test_lists_of_different_lengths_are_json(client: TestClient) -> None:
    asked = {"inputs": [PLACES, tensor("tags", "BYTES", [2], ['["a"]', "[]"])]}
    [counts] = [
        one
        for one in client.post("/v2/models/point/infer", json=asked).json()["outputs"]
        if one["name"] == "counts"
    ]
    assert (counts["datatype"], counts["shape"], counts["data"]) == ("BYTES", [2], ["[1]", "[]"])
    assert counts["parameters"] == {"content_type": "application/json"}


def test_only_the_tensors_that_are_asked_for_are_given(client: TestClient) -> None:
    asked = {"inputs": [PLACES], "outputs": [{"name": "label"}, {"name": "total"}]}
    answer = client.post("/v2/models/point/versions/7/infer", json=asked)
    assert [*outputs(answer)] == ["label", "total"]
    wrong = client.post("/v2/models/point/infer", json=asked | {"outputs": [{"name": "labels"}]})
    assert wrong.json()["error"] == (
        "Unknown tensor 'labels': the point model gives total, counts, label, kept."
    )


def binary(head: dict[str, Any], *parts: bytes, length: int | str | None = None) -> dict[str, Any]:
    text = json.dumps(head).encode()
    size = len(text) if length is None else length
    return {
        "content": b"".join([text, *parts]),
        "headers": {"Inference-Header-Content-Length": str(size)},
    }


def test_binary_tensors_go_both_ways(client: TestClient) -> None:
    place = struct.pack("<4f", 1.0, 2.0, 3.0, 4.0)
    tags = b"".join(struct.pack("<I", len(one)) + one for one in (b"a", "ü".encode()))
    head = {
        "parameters": {"binary_data_output": True},
        "inputs": [
            {"name": "place", "datatype": "FP32", "shape": [2, 2]}
            | {"parameters": {"binary_data_size": len(place)}},
            {"name": "tags", "datatype": "BYTES", "shape": [2, 1]}
            | {"parameters": {"binary_data_size": len(tags)}},
        ],
        "outputs": [
            {"name": "total"},
            {"name": "label", "parameters": {"binary_data": False}},
            {"name": "counts"},
        ],
    }
    answer = client.post("/v2/models/point/infer", **binary(head, place, tags))
    assert answer.headers["content-type"] == "application/octet-stream"
    size = int(answer.headers["inference-header-content-length"])
    total, label, counts = json.loads(answer.content[:size])["outputs"]
    assert label["data"] == ["ü", "ü"]
    assert [one["parameters"] for one in (total, counts)] == [{"binary_data_size": 16}] * 2
    assert struct.unpack("<2d2q", answer.content[size:]) == (3.0, 7.0, 1, 1)


FP32 = {"name": "place", "datatype": "FP32", "shape": [1, 2]}
HUGE = [1_000_000_000, 2]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([], "Tensor 'place' is missing."),
        ([PLACES, PLACES], "Each tensor can be given once."),
        ([tensor("x", "FP64", [1], [1])], "Unknown tensor 'x'"),
        ([tensor("place", "FP128", [1, 2], [1, 2])], "unknown datatype 'FP128'"),
        ([tensor("place", "BOOL", [1, 2], [True, False])], "is BOOL, and the model takes FP64."),
        ([tensor("place", "BYTES", [1, 2], ["1", "2"])], "is BYTES, and the model takes FP64."),
        (
            [tensor("place", "FP64", [1, 3], [1, 2, 3])],
            "shape [1, 3], and the model takes [-1, 2].",
        ),
        ([tensor("place", "FP64", [2], [1, 2])], "shape [2], and the model takes [-1, 2]."),
        (
            [tensor("place", "FP64", [1, -2], [1, 2])],
            "inputs.0.shape.1: Input should be greater than or equal to 0.",
        ),
        (
            [tensor("place", "FP64", [2, 2], [1, 2])],
            "has 2 elements, and its shape [2, 2] takes 4.",
        ),
        ([tensor("place", "FP64", HUGE, [1, 2])], "takes 2000000000."),
        ([tensor("place", "INT8", [1, 2], [1, 200])], "an element that is no INT8."),
        ([tensor("place", "FP64", [1, 2], [1, None])], "an element that is no FP64."),
        ([tensor("place", "FP64", [1, 2], [1, "2"])], "an element that is no FP64."),
        ([tensor("place", "FP64", [0, 2], [])], "number of items, 1 to 1000."),
        ([PLACES, tensor("weight", "INT64", [1], [1])], "number of items, 1 to 1000."),
        ([PLACES, tensor("more", "BYTES", [2], ["{", "1"])], "an element that is not JSON."),
        ([PLACES, tensor("more", "BYTES", [2], ["null", "1"])], "inputs.1.more"),
        ([PLACES, tensor("more", "BYTES", [2, 2], ["1"] * 4)], "and the model takes [-1]."),
        ([PLACES, tensor("more", "FP64", [2], [1, 2])], "the model takes BYTES with JSON."),
        ([PLACES, tensor("tags", "BYTES", [2], ["a", "b"])], "unless its shape is [-1, -1]."),
        ([PLACES, tensor("tags", "BYTES", [100, 10**9, 0], [])], "too many empty lists"),
        ([PLACES, tensor("tags", "BYTES", [1500, 0], [])], "number of items, 1 to 1000."),
        ([{"name": "place", "datatype": "FP64", "shape": [1, 2]}], "neither data nor"),
        ([1] * 300_000, "inputs"),
        ([{"name": "place"}], "body.inputs.0.datatype"),
        ([PLACES | {"shape": [2.5]}], "body.inputs.0.shape"),
        ([FP32 | {"parameters": {"binary_data_size": 8}}], "that the body does not hold."),
    ],
)
def test_what_is_wrong_with_a_tensor_is_one_sentence(
    client: TestClient, inputs: list[Any], reason: str
) -> None:
    answer = client.post("/v2/models/point/infer", json={"inputs": inputs})
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert reason in problem["error"]
    assert "\n" not in problem["error"]


@pytest.mark.parametrize(
    ("declared", "raw", "reason"),
    [
        (FP32, bytes(7), "has 7 bytes, and its shape [1, 2] of FP32 takes 8."),
        (FP32 | {"shape": HUGE}, bytes(8), "has 8 bytes, and its shape"),
        (FP32 | {"shape": [2**63 - 1] * 16}, bytes(8), "has 8 bytes, and its shape"),
        (FP32 | {"shape": [10**4000, 2]}, bytes(8), "inputs.0.shape.0"),
        (FP32, struct.pack("<2f", 1.0, float("nan")), "inputs.0.place.1"),
        (FP32 | {"datatype": "BYTES"}, struct.pack("<I", 99) + b"ab", "2 elements of BYTES"),
        (FP32 | {"datatype": "BYTES"}, b"ab", "2 elements of BYTES"),
        (
            {"name": "tags", "datatype": "BYTES", "shape": [1, 1]},
            struct.pack("<I", 1) + b"\xff",
            "text that is not UTF-8.",
        ),
    ],
)
def test_what_is_wrong_with_a_binary_tensor_is_one_sentence(
    client: TestClient, declared: dict[str, Any], raw: bytes, reason: str
) -> None:
    given = [declared | {"parameters": {"binary_data_size": len(raw)}}]
    if declared["name"] != "place":
        given.append(tensor("place", "FP64", [1, 2], [1.0, 2.0]))
    answer = client.post("/v2/models/point/infer", **binary({"inputs": given}, raw))
    assert (answer.status_code, reason in answer.json()["error"]) == (422, True), answer.json()


@pytest.mark.parametrize("length", ["-1", "x", "9999", "²", "9" * 5000])
def test_a_header_that_is_no_length_is_refused(client: TestClient, length: str) -> None:
    asked = binary({"inputs": [PLACES]}, length=length)
    asked["headers"] = {"Inference-Header-Content-Length": length.encode()}
    assert client.post("/v2/models/point/infer", **asked).status_code == 422


def test_bytes_that_belong_to_no_tensor_are_refused(client: TestClient) -> None:
    answer = client.post("/v2/models/point/infer", **binary({"inputs": [PLACES]}, b"more"))
    assert answer.json()["error"] == "The body has 4 bytes that belong to no tensor."


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/line",
        "/v2/models/line/ready",
        "/v2/models/point/versions/8",
        "/v2/models/point/nowhere",
    ],
)
def test_what_is_not_there_is_a_404_with_a_reason(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["line/infer", "point/versions/8/infer"])
def test_what_is_not_there_is_not_asked(client: TestClient, path: str) -> None:
    answer = client.post(f"/v2/models/{path}", json={"inputs": [PLACES]})
    assert answer.status_code == 404


def test_a_type_without_fields_is_one_tensor() -> None:
    client = client_of(open_inference())
    [given] = client.get("/v2/models/parity").json()["inputs"]
    assert given == {"name": "input", "datatype": "INT64", "shape": [-1]}
    asked = {"inputs": [tensor("input", "UINT8", [3], [1, 2, 3])]}
    answer = client.post("/v2/models/parity/infer", json=asked)
    assert answer.json()["outputs"] == [tensor("output", "BOOL", [3], [False, True, False])]
    assert "model_version" not in answer.json()
    assert client.get("/v2/models/parity").json()["versions"] == []


def test_errors_of_the_model_are_those_of_other_routes() -> None:
    client = client_of(open_inference())
    asked = {"inputs": [tensor("months", "INT64", [1], [13])]}
    over_tensors = client.post("/v2/models/churn/infer", json=asked)
    over_json = client.post("/v1/churn", json={"months": 13})
    assert over_tensors.status_code == over_json.status_code == 500
    assert over_tensors.json()["error"] == over_json.json()["detail"]
    assert "error" not in over_json.json()


def test_an_unexpected_error_has_a_reason_too() -> None:
    async def fail(_: object) -> None:
        raise RuntimeError("secret")

    client = client_of(open_inference(), Feature(name="guard", guards=[fail]))
    client = TestClient(client.app, raise_server_exceptions=False)
    assert client.get("/v2/models/parity").json()["error"] == "Internal Server Error"
    assert "error" not in client.post("/parity", json=2).json()


@pytest.mark.parametrize("path", ["/v2/models/none", "/v2/models/parity/infer"])
def test_head_is_answered_with_the_status_of_get(path: str) -> None:
    client = client_of(open_inference())
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.status_code in {404, 405}
    assert head.headers["content-type"] == get.headers["content-type"]
    assert "content-length" not in head.headers


def test_models_are_behind_the_guards_and_health_is_not() -> None:
    async def refuse(_: object) -> None:
        raise ProblemError(401, "Who are you?")

    client = client_of(open_inference(), Feature(name="guard", guards=[refuse]))
    answer = client.post("/v2/models/parity/infer", json={})
    assert (answer.status_code, answer.json()["error"]) == (401, "Who are you?")
    assert client.get("/v2/models/parity").status_code == 401
    for path in ("/v2", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path).status_code == 200


class Tree(RootModel[list["Tree"]]):
    pass


class Written(BaseModel):
    amount: Annotated[float, PlainSerializer(lambda value: f"{value:.2f}")]


AnyType = Annotated[Any, WithJsonSchema({"type": ["string", "null"]})]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Tree, [("input", "BYTES", [-1], True)]),
        (AnyType, [("input", "BYTES", [-1], True)]),
        (list[Any], [("input", "BYTES", [-1], True)]),
        (Annotated[Any, WithJsonSchema({"type": "array", "items": True})], None),
        (Annotated[Any, WithJsonSchema({"$ref": "https://elsewhere.example"})], None),
        (dict[str, float], [("input", "BYTES", [-1], True)]),
        (tuple[int, str], [("input", "BYTES", [-1], True)]),
        (float | None, [("input", "BYTES", [-1], True)]),
        (Literal["a", "b"], [("input", "BYTES", [-1], False)]),
        (list[list[float]], [("input", "FP64", [-1, -1, -1], False)]),
        (list[datetime], [("input", "BYTES", [-1, -1], False)]),
    ],
)
def test_any_type_has_tensors(kind: Any, fields: list[Any] | None) -> None:
    found = [
        (one.name, one.datatype, one.metadata["shape"], one.as_json)
        for one in Signature(Contract("any", kind, kind)).inputs
    ]
    assert found == (fields or [("input", "BYTES", [-1], True)])


def test_what_a_serializer_writes_otherwise_is_json() -> None:
    signature = Signature(Contract("written", Written, Written))
    [amount] = signature.tensors([Written(amount=1), Written(amount=2)])
    assert (amount.datatype, amount.data) == ("BYTES", [b'"1.00"', b'"2.00"'])


def test_empty_lists_have_a_shape() -> None:
    signature = Signature(Contract("rows", list[list[int]], int))
    empty = Tensor("input", "INT64", [2, 3, 0], [])
    assert signature.items([empty]) == [[[], [], []]] * 2
    assert signature.items([Tensor("input", "INT64", [2, 0, 3], [])]) == [[], []]


def test_members_without_a_value_may_be_null(client: TestClient) -> None:
    asked = {
        "inputs": [PLACES | {"parameters": None}],
        "id": None,
        "parameters": None,
        "outputs": None,
    }
    assert client.post("/v2/models/point/infer", json=asked).status_code == 200


def test_without_the_feature_there_is_no_protocol() -> None:
    assert client_of().get("/v2").status_code == 404
