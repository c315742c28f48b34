"""What is shared out goes by principal, else by an address that is one caller's."""

from types import SimpleNamespace
from typing import Any

import pytest

from servekit.api.principal import SHARED_PEER, Principal, caller_of
from servekit.api.settings import ApiSettings

PEER = ("192.0.2.1", 4711)
FORWARDED = [(b"x-forwarded-for", b"198.51.100.7")]
KNOWN = {"caller": Principal("ada")}


def scope_of(trusted_hops: int = 0, **parts: Any) -> dict[str, Any]:
    app = SimpleNamespace(state=SimpleNamespace(settings=ApiSettings(trusted_hops=trusted_hops)))
    return {"app": app, "state": {}, "client": PEER, "headers": FORWARDED} | parts


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (scope_of(state=KNOWN), "caller:ada"),
        (scope_of(**{"state": KNOWN, SHARED_PEER: True}), "caller:ada"),
        (scope_of(), "address:192.0.2.1"),
        (scope_of(**{SHARED_PEER: True}), ""),
        (scope_of(1), "address:198.51.100.7"),
        (scope_of(1, **{SHARED_PEER: True}), "address:198.51.100.7"),
        (scope_of(client=("2001:db8::7", 1)), "address:2001:db8::/64"),
        (scope_of(client=None), ""),
        (scope_of(state={"caller": Principal()}), "address:192.0.2.1"),
    ],
)
def test_a_caller_is_named_by_what_is_known_of_it(scope: dict[str, Any], name: str) -> None:
    assert caller_of(scope) == name
