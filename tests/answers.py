"""The answers that are tried, computed from cookiecutter.json: a new prompt is covered unasked."""

import json

from scripts.export import ROOT

Answers = dict[str, str | bool]

CONFIG = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
PROMPTS = [name for name in CONFIG if not name.startswith("_")]
FEATURES = [prompt for prompt in PROMPTS if isinstance(CONFIG[prompt], bool)]
CHOICES = {prompt: CONFIG[prompt] for prompt in PROMPTS if isinstance(CONFIG[prompt], list)}

ALL: Answers = dict.fromkeys(FEATURES, True)
# The last option of a choice is the one that brings least.
BARE: Answers = dict.fromkeys(FEATURES, False)
BARE |= {prompt: options[-1] for prompt, options in CHOICES.items()}

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


def matrix() -> dict[str, Answers]:
    """Answers by a readable name, each once."""
    candidates = {
        "bare": BARE,
        "all": ALL,
        **{f"only {name}": BARE | {name: True} for name in FEATURES},
        **{f"without {name}": ALL | {name: False} for name in FEATURES},
        **{f"{name} {one}": ALL | {name: one} for name, many in CHOICES.items() for one in many},
        "a long name": ALL | {"project_name": "Multilingual Document Gateways"},
        "a short name": ALL | {"project_name": "Ox"},
        "unusual texts": ALL | UNUSUAL,
    }
    once: dict[str, Answers] = {}
    for name, answers in candidates.items():
        if answers not in once.values():
            once[name] = answers
    return once
