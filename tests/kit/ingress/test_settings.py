"""The example of settings and the settings are the same."""

import re
from pathlib import Path

from servekit.commands.launcher import settings as launching
from servekit.registry.settings import VARIABLES
from servekit.settings import Settings

from acme_service.app import WIRING


def test_the_example_has_every_setting_with_its_default(project: Path) -> None:
    example = (project / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    # What is set, rather than shown, is set as suits the project; clients have variables too.
    chosen = dict(re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE))
    WIRING.check()  # imports every module that has settings, but for the launcher's
    launching.LaunchSettings.load()
    defaults = {
        one.variable(name): field.default
        for one in Settings.__subclasses__()
        if not one.__module__.startswith("tests.")
        for name, field in one.model_fields.items()
    }
    settings = {*defaults, *VARIABLES}
    assert {*shown, *chosen} >= settings >= shown.keys()
    for variable in defaults.keys() & shown.keys():
        default = defaults[variable]
        assert read_as(type(default), shown[variable]) == default, variable


def read_as(kind: type, text: str) -> object:
    if kind is bool:
        return text == "true"
    if kind is tuple:
        return tuple(text.split(",")) if text else ()
    return kind(text) if text else kind()
