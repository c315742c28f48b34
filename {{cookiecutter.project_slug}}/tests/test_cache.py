"""The feature `cache` is on; `test_models.py` sees that each model's answers are given again."""

from acme_service.features import features


def test_the_cache_is_on() -> None:
    assert "cache" in [feature.name for feature in features()]
