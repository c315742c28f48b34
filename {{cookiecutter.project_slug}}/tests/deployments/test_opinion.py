"""The second detector loads before it answers, or while others answer."""

from threading import Event

import pytest

from acme_service.deployments import opinion
from acme_service.deployments.opinion import OpinionDeployment
from acme_service.ingress import develop
from acme_service.models import opinion as models
from acme_service.models.opinion import OpinionModel
from acme_service.ports.opinion import Question

from tests.processes import printed_by
from tests.visitor import visiting


@pytest.mark.parametrize("in_background", [True, False])
def test_questions_are_answered_in_order(in_background: bool) -> None:
    deployment = OpinionDeployment(in_background=in_background)
    questions = [Question("Guten Morgen!"), Question("12"), Question("Good morning!")]
    languages = [one.language for one in deployment.predict_batch(questions)]
    assert languages == ["de", "und", "en"]
    deployment.ping()


def test_a_model_that_does_not_load_ends_its_own_replica_and_no_other_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise OSError("damaged")

    monkeypatch.setattr(models, "OpinionModel", broken)
    with pytest.raises(OSError, match="damaged"):
        OpinionDeployment()
    shared = OpinionDeployment(in_background=True)
    with pytest.raises(OSError, match="damaged"):
        shared.predict_batch([Question("fine")])


def test_where_it_shares_a_process_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    may_load = Event()

    def slow() -> OpinionModel:
        assert may_load.wait(5), "The service did not answer before it was loaded."
        return OpinionModel()

    monkeypatch.setattr(models, "OpinionModel", slow)
    with visiting(develop.app()) as client:
        assert client.post("/v1/detect", json={"text": "Guten Morgen!"}).is_success
    may_load.set()


def test_importing_the_deployment_loads_nothing() -> None:
    source = f"""if True:
        import sys
        import {opinion.__name__}
        print({{"ray", "numpy", "py3langid"}} & set(sys.modules))
    """
    assert printed_by(source) == "set()"
