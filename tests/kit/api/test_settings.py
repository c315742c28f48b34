"""Settings are refused in one sentence that names the variable."""

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from servekit.api.settings import ApiSettings
from servekit.settings import Settings, SettingsError, refuse_misspellings


class DemoSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    secret: SecretStr


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("API_MAX_FILE_BYTES", "0", "API_MAX_FILE_BYTES: input should be greater than or equal"),
        ("API_DOCS", "perhaps", "API_DOCS: input should be a valid boolean"),
        ("API_MAX_BODY_BYTES", "lots", "API_MAX_BODY_BYTES: input should be a valid integer"),
        ("API_CORS_ORIGINS", "https://a.example/", "API_CORS_ORIGINS: an origin is a scheme"),
        ("API_LOG_LEVEL", "LOUD", "API_LOG_LEVEL: string should match pattern"),
    ],
)
def test_a_malformed_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=sentence) as refused:
        ApiSettings.load()
    assert "\n" not in str(refused.value)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^DEMO_SECRET: field required\.$"):
        DemoSettings.load()


def test_a_secret_shows_up_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_SECRET", "s3cret")
    assert "s3cret" not in repr(DemoSettings.load())


def test_commas_separate_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_CORS_ORIGINS", "https://a.example, https://b.example,")
    assert ApiSettings.load().cors_origins == ("https://a.example", "https://b.example")


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_MAX_FILE_BYTES", "")
    assert ApiSettings.load().max_file_bytes == 1024 * 1024


@pytest.mark.parametrize(
    "variable", ["API_MAX_FILE_BITES", "API_MAXFILE_BYTES", "APi_MAX_FILE_BYTES"]
)
def test_a_misspelling_is_refused_with_the_right_name(variable: str) -> None:
    with pytest.raises(SettingsError) as refused:
        refuse_misspellings(Settings.variables(), {variable: "1"})
    assert str(refused.value) == f"Unknown setting {variable}. Did you mean API_MAX_FILE_BYTES?"


@pytest.mark.parametrize(
    "variable",
    ["API_MAX_FILE_BYTES", "API_PORT", "API_SERVICE_HOST", "API_DOCS_PORT", "API_KEY", "APP_DOCS"],
)
def test_other_variables_are_left_alone(variable: str) -> None:
    refuse_misspellings(Settings.variables(), {variable: "1"})


def test_a_setting_that_was_renamed_is_refused_under_its_old_name() -> None:
    with pytest.raises(SettingsError, match="RATE_LIMIT_TRUSTED_HOPS is API_TRUSTED_HOPS now"):
        refuse_misspellings(Settings.variables(), {"RATE_LIMIT_TRUSTED_HOPS": "1"})
