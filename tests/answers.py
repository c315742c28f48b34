"""The answers that are tried, computed from cookiecutter.json: a new prompt is covered unasked."""

import json
from collections.abc import Iterator

import yaml
from allpairspy import AllPairs

from scripts.export import ROOT

Answers = dict[str, str | bool]

CONFIG = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
PROMPTS = [name for name in CONFIG if not name.startswith("_")]
FEATURES = [prompt for prompt in PROMPTS if isinstance(CONFIG[prompt], bool)]
CHOICES = {prompt: CONFIG[prompt] for prompt in PROMPTS if isinstance(CONFIG[prompt], list)}
OPTIONS = {name: [True, False] for name in FEATURES} | CHOICES
"""What may be answered, to prompts that do not ask for a text."""

NEEDS_THE_SAMPLE = ("composition",)
NEEDS_THE_IMAGE = ("kubernetes",)


def is_accepted(answers: Answers) -> bool:
    """Whether a project can be made of these answers."""
    sample = answers.get("sample", CHOICES["sample"][0])
    if sample != "language" and any(answers.get(name) for name in NEEDS_THE_SAMPLE):
        return False
    image = answers.get("docker", CONFIG["docker"])
    return bool(image) or not any(answers.get(name) for name in NEEDS_THE_IMAGE)


ALL: Answers = dict.fromkeys(FEATURES, True)
# The last option of a choice is the one that brings least.
BARE: Answers = dict.fromkeys(FEATURES, False)
BARE |= {prompt: options[-1] for prompt, options in CHOICES.items()}

LEAST: Answers = BARE | {"sample": "language"}
"""The sample, and nothing else."""

PRESETS: dict[str, Answers] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["default_context"]
    for path in sorted((ROOT / "presets").glob("*.yaml"))
}

UNUSUAL: Answers = {
    "project_name": "Über Ångström Übersetzer 🚀 l'outil <R&D> #1 à 100 % | {x} 言語".ljust(
        80, "検"
    ),
    "description": "Acme Service's heir: <b>100 %</b> & “more” in {one} line; $HOME ~".ljust(
        200, "言"
    ),
    "author_name": "Łukasz O'Brien <R&D>, 東京",
    "author_email": "o'brien+acme@bücher.example",
}


def pairs() -> Iterator[Answers]:
    """A covering array: any two options of any two prompts meet in at least one of these."""

    def possible(row: list[str | bool]) -> bool:
        return is_accepted(dict(zip(OPTIONS, row, strict=False)))

    for row in AllPairs([*OPTIONS.values()], filter_func=possible):
        yield dict(zip(OPTIONS, row, strict=True))


def only(name: str) -> Answers:
    """The sample and one feature, with what that needs."""
    return LEAST | {name: True} | ({"docker": True} if name in NEEDS_THE_IMAGE else {})


def without(name: str) -> Answers:
    """Everything but one feature, and what needs that."""
    gone = (name, *(NEEDS_THE_IMAGE if name == "docker" else ()))
    return ALL | dict.fromkeys(gone, False)


def matrix() -> dict[str, Answers]:
    """Answers by a readable name, each once."""
    candidates = {
        "bare": BARE,
        "all": ALL,
        **{f"only {name}": only(name) for name in FEATURES},
        **{f"without {name}": without(name) for name in FEATURES},
        **{f"{name} {one}": ALL | {name: one} for name, many in CHOICES.items() for one in many},
        "all but the sample": ALL | dict.fromkeys(NEEDS_THE_SAMPLE, False) | {"sample": "none"},
        **{f"preset {name}": answers for name, answers in PRESETS.items()},
        **{f"pairs {number}": answers for number, answers in enumerate(pairs(), 1)},
        "a short name": ALL | {"project_name": "Ox"},
        "unusual texts": ALL | UNUSUAL,
    }
    defaults = {prompt: options[0] for prompt, options in CHOICES.items()}
    once: dict[str, Answers] = {}
    for name, answers in candidates.items():
        if is_accepted(answers) and defaults | answers not in [
            defaults | known for known in once.values()
        ]:
            once[name] = answers
    return once
