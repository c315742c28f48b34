"""The feature `feedback` is on; `test_models.py` has its models answer with a receipt."""

from acme_service.features import features


def test_feedback_is_on() -> None:
    assert "feedback" in [feature.name for feature in features()]
