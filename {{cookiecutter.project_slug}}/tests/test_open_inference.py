"""The feature `open_inference` is on: the server says so; `test_models.py` asks each model."""

from httpx2 import Client


def test_the_server_tells_its_extensions(client: Client) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
