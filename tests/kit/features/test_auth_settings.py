"""Settings of `auth`: refused in one sentence that names the variable and repeats no secret."""

import pytest
from ray import cloudpickle

from servekit.features.auth.settings import AuthSettings
from servekit.ingress.application import ingress
from servekit.settings import SettingsError
from servekit.testing.features.auth import KEY, SECRET, SETTINGS, USER

from acme_service.app import WIRING

ENTRY = USER.entry()
PROVIDER = {"AUTH_ISSUER": "https://id.example/", "AUTH_AUDIENCE": "me"}

SECRETS_WANTED = "AUTH_SECRETS: wants 1 to 8 secrets of at least 32 bytes, joined by commas."
ADDRESS_WANTED = "AUTH_ISSUER: wants an https address, exactly as the provider's tokens say it."
NO_ISSUERS = [
    "http://id.example",
    "id.example",
    "https://",
    "https://[",
    "https://:443",
    "https://id.example:99999",
    "http://localhost:99999",
    "https://user:password@id.example",
]

NOBODY = (
    "AUTH_USERS, AUTH_API_KEYS and AUTH_ISSUER are all empty, so every request would be refused: "
    "set one of them."
)


def set_all(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name in ("SECRETS", "USERS", "API_KEYS", "ISSUER", "AUDIENCE"):
        monkeypatch.delenv(f"AUTH_{name}", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"AUTH_SECRETS": ""}, SECRETS_WANTED),
        ({"AUTH_SECRETS": ","}, SECRETS_WANTED),
        ({"AUTH_SECRETS": f"{SECRET},s3cret"}, SECRETS_WANTED),
        ({"AUTH_SECRETS": ",".join([SECRET] * 9)}, SECRETS_WANTED),
        (
            {"AUTH_USERS": "s3cret"},
            "AUTH_USERS: wants entries as `make user` prints them, joined by commas.",
        ),
        (
            {"AUTH_USERS": f"ada:predict:{USER.proof}"},
            "AUTH_USERS: wants entries as `make user` prints them, joined by commas.",
        ),
        ({"AUTH_USERS": f"{ENTRY},{ENTRY}"}, "AUTH_USERS: has one name twice."),
        (
            {"AUTH_USERS": ENTRY.replace("visitor", "a b")},
            "AUTH_USERS: a name has 1 to 64 letters, digits and . _ @ -.",
        ),
        (
            {"AUTH_USERS": ENTRY.replace("predict", "pedrict")},
            "AUTH_USERS: the scopes are predict and admin, joined by +.",
        ),
        (
            {"AUTH_API_KEYS": KEY.secret},
            "AUTH_API_KEYS: wants entries as `make key` prints them, joined by commas.",
        ),
        (
            {"AUTH_API_KEYS": f"ada:predict:{KEY.secret}"},
            "AUTH_API_KEYS: wants entries as `make key` prints them, joined by commas.",
        ),
        (
            {"AUTH_API_KEYS": f"{KEY.entry},{KEY.entry.replace('visitor', 'ada')}"},
            "AUTH_API_KEYS: has one hash twice, so two names would share it.",
        ),
        *((PROVIDER | {"AUTH_ISSUER": address}, ADDRESS_WANTED) for address in NO_ISSUERS),
        (
            PROVIDER | {"AUTH_AUDIENCE": ""},
            "AUTH_ISSUER and AUTH_AUDIENCE need each other: set both or neither.",
        ),
        (
            {"AUTH_AUDIENCE": "me"},
            "AUTH_ISSUER and AUTH_AUDIENCE need each other: set both or neither.",
        ),
        ({"AUTH_USERS": "", "AUTH_API_KEYS": ""}, NOBODY),
        (
            {"AUTH_TOKEN_LIFETIME_S": "1"},
            "AUTH_TOKEN_LIFETIME_S: input should be greater than or equal to 60.",
        ),
        ({"AUTH_SECRET": SECRET}, "Unknown setting AUTH_SECRET. Did you mean AUTH_SECRETS?"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_a_bad_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], sentence: str
) -> None:
    set_all(monkeypatch, SETTINGS | changed)
    with pytest.raises(SettingsError) as refused:
        WIRING.check()
    assert str(refused.value) == sentence


@pytest.mark.parametrize("door", ["AUTH_USERS", "AUTH_API_KEYS", "AUTH_ISSUER"])
def test_one_way_to_authenticate_is_enough(monkeypatch: pytest.MonkeyPatch, door: str) -> None:
    ways = SETTINGS | PROVIDER
    needed = {"AUTH_SECRETS", door} | ({"AUTH_AUDIENCE"} if door == "AUTH_ISSUER" else set())
    set_all(monkeypatch, {name: ways[name] for name in needed})
    WIRING.check()


def test_settings_show_no_secret() -> None:
    shown = repr(AuthSettings.load())
    for secret in (SECRET, USER.proof, KEY.entry.rpartition(":")[2]):
        assert secret not in shown


def test_an_entry_needs_no_quotes_anywhere() -> None:
    assert set(ENTRY) & set("$,;'\"\\ #{}`") == set()


def test_no_secret_travels_with_the_ingress() -> None:
    pickled = cloudpickle.dumps(ingress.func_or_class)  # pyright: ignore[reportPrivateImportUsage]
    for value in SETTINGS.values():
        assert value.encode() not in pickled
