"""Where models come from, as the environment says."""

from pathlib import Path

import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import CACHE, StoreSettings
from servekit.testing.store import STORE

from tests.registry import Registry


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e9"])
@pytest.mark.parametrize(
    "variable", ["MODEL_REFRESH_S", "MODEL_TIMEOUT_S", "MODEL_FETCH_TIMEOUT_S"]
)
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(ModelStoreError, match=f"^{variable}: a number of seconds above 0"):
        StoreSettings.load({variable: value})


@pytest.mark.parametrize("value", ["-1", "101", "1.5", "two", "²"])
def test_a_number_of_replaced_versions_that_cannot_be_is_named(value: str) -> None:
    with pytest.raises(ModelStoreError, match=r"^MODEL_MAX_REPLACED: a whole number from 0 to 100"):
        StoreSettings.load({"MODEL_MAX_REPLACED": value})


def test_a_cache_in_a_home_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelStoreError, match=r"^MODEL_CACHE: ~nobody-at-all/kept starts with ~"):
        StoreSettings.load({"MODEL_CACHE": "~nobody-at-all/kept"})


def test_files_may_take_as_long_as_their_own_setting_says(tmp_path: Path) -> None:
    registry = Registry(STORE)
    registry.fetch_s = 0.5
    settings = StoreSettings("registry://models", tmp_path, 10.0, timeout_s=0.2)
    assert settings.opened([registry.kind]).open("language:1").version == "1"


def test_settings_have_defaults() -> None:
    settings = StoreSettings.load({"MODEL_STORE": "", "MODEL_REFRESH_S": ""})
    assert settings == StoreSettings("file:model_store", Path(CACHE).expanduser(), 10.0, 5.0, 300.0)
    assert StoreSettings.load({"MODEL_CACHE": "~/kept"}).cache == Path.home() / "kept"
