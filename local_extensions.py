"""Lets cookiecutter refuse a bad answer in one line, before it makes a folder.

Cookiecutter reports a hook that fails with a traceback of its own around what the hook says. What
an extension raises is printed alone.
"""

import json
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from jinja2.ext import Extension

from hooks.pre_gen_project import complaints


class Refusals(Extension):
    """Adds the filters `accepted`, after the last question, and `of_this_version`, in a hook."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.filters["accepted"] = accepted
        environment.filters["of_this_version"] = of_this_version


def accepted(answers):
    """Return nothing to show, or raise FailedHookException with the first complaint.

    Of a replay only the answers that it lacks are here; the hook checks all of them.
    """
    if "project_name" in answers:
        for complaint in complaints(answers):
            raise FailedHookException(complaint)
    return ""


def of_this_version(answers):
    """Return the answers, and whether the manifest among them is the one of this template.

    A replay brings the manifest of the version that has saved it. Called while a hook is rendered,
    which cookiecutter does in the folder of the template.
    """
    config = json.loads(Path("cookiecutter.json").read_text(encoding="utf-8"))
    constants = {key for key in config if key.startswith("_") and not key.startswith("__")}
    return {**answers, "_is_current": all(answers.get(key) == config[key] for key in constants)}
