"""Lets cookiecutter refuse a bad answer in one line, before it makes a folder.

Cookiecutter reports a hook that fails with a traceback of its own around what the hook says. What
an extension raises while answers are read is printed alone.

`cruft update` reads two versions of the template in one process, and keeps the first's extension:
the names that `cookiecutter.json` uses must stay, and the hook checks the answers again.
"""

from cookiecutter.exceptions import FailedHookException
from jinja2.ext import Extension

from hooks.pre_gen_project import complaints


class Refusals(Extension):
    """Adds the filter `accepted`, to be applied to all answers after the last question."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.filters["accepted"] = accepted


def accepted(answers):
    """Return nothing to show, or raise FailedHookException with the first complaint."""
    for complaint in complaints(answers):
        raise FailedHookException(complaint)
    return ""
