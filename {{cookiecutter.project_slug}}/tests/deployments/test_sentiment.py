"""The sentiment model as a plain class."""

from acme_service.deployments.sentiment import SentimentDeployment

from tests.processes import printed_by


def test_sentiments_are_answered_in_order() -> None:
    labels = [one.label for one in SentimentDeployment().predict_batch(["great", "awful"])]
    assert labels == ["positive", "negative"]


def test_the_plain_class_needs_no_ray() -> None:
    source = """if True:
        import sys
        import acme_service.deployments.sentiment
        print("ray" in sys.modules)
    """
    assert printed_by(source) == "False"
