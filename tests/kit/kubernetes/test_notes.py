"""`make manifests` notes what is valid, and may not be what is meant."""

import pytest

from servekit.commands.manifests.notes import notes
from servekit.commands.manifests.rules import Manifests

from tests.kubernetes.edits import Edit, changed, of_model, one_of, params, said_of

NOTED: dict[str, tuple[Edit, str]] = {
    "another build": (
        lambda m: m.serve["applications"][0]["args"].update(build="0.0.9"),
        "build of 'default' is 0.0.9, and the tag of the image 1.2.3.",
    ),
    "a type of GPU that Ray has no name for": (
        lambda m: of_model(m, accelerator_type="A1000"),
        "accelerator_type A1000 is not in Ray's list: check its name.",
    ),
    "more CPUs than are requested": (
        lambda m: params(m, 1, num_cpus="16"),
        "The group 'serve' has num-cpus 16, and requests 4 CPUs.",
    ),
    "a service that does not run": (
        lambda m: m.service["spec"].update(suspend=True),
        "suspend is true: nothing runs.",
    ),
    "upgrades that do nothing": (
        lambda m: m.service["spec"]["upgradeStrategy"].update(type="None"),
        "upgradeStrategy.type is None: a new image, settings or pods reach no cluster.",
    ),
    "a limit of requests": (
        lambda m: one_of(m, "HTTPRoute")["spec"]["rules"][1]["timeouts"].update(request="5s"),
        "HTTPRoute 'acme-service' cuts streams after 5s.",
    ),
}


@pytest.mark.parametrize(("edit", "sentence"), NOTED.values(), ids=NOTED)
def test_a_value_is_noted_and_not_refused(everything: Manifests, edit: Edit, sentence: str) -> None:
    made = changed(everything, edit)
    assert said_of(made) == []
    assert sentence in [*notes(made)]
    assert sentence not in [*notes(everything)]
