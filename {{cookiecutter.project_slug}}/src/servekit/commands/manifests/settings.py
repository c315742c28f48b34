"""Whether the service can start with the settings that its pods get: names, values, secrets."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from dotenv import dotenv_values

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import VARIABLES, StoreSettings
from servekit.settings import Settings, SettingsError, refuse_misspellings

from .rules import PROFILE_HERE, Manifests

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET = re.compile(
    r"(.+_)?(SECRETS?|PASSWORD|API_KEYS?|ACCESS_KEY|SECRET_KEY)|AUTH_USERS"
    r"|(HF|MLFLOW_TRACKING)_TOKEN"
)
WITH_A_PASSWORD = re.compile(r"[\w.+-]+://[^/@:\s]*:[^/@\s]+@.*")

Variables = Mapping[str, str]


def in_variables(manifests: Manifests) -> Iterator[str]:
    import_settings(manifests)
    of_profile = dotenv_values(PROFILE_HERE)
    for place, variables in of_pods(manifests):
        yield from (f"{place}: {one}" for one in faults_of(variables))
        for name in sorted(variables.keys() & of_profile.keys()):
            yield f"{place}: {name} has no effect, because {PROFILE_HERE} sets it: change it there."
    for application in manifests.serve["applications"]:
        variables = (application.get("runtime_env") or {}).get("env_vars") or {}
        place = f"env_vars of {application.get('name', 'default')!r}"
        yield from (f"{place}: {one}" for one in faults_of(variables))


def of_pods(manifests: Manifests) -> Iterator[tuple[str, Variables]]:
    """Yield what pods of the service have in their environment, with what to call it."""
    for name, data in manifests.config_maps.items():
        yield f"ConfigMap {name!r}", data
    for group in manifests.groups:
        yield group.what, group.env


def import_settings(manifests: Manifests) -> None:
    """Import what declares settings: modules of that name, in the kit and the applications.

    An application may be a module by itself. Folders that no import can name have no modules.
    """
    applications: list[str] = [one["import_path"] for one in manifests.serve["applications"]]
    for package in {"servekit", *(one.partition(":")[0].split(".")[0] for one in applications)}:
        for folder in map(Path, getattr(import_module(package), "__path__", ())):
            for path in sorted(folder.rglob("settings.py")):
                inside = path.relative_to(folder).with_suffix("").parts
                if all(one.isidentifier() for one in inside):
                    import_module(".".join([package, *inside]))


def faults_of(variables: Variables) -> Iterator[str]:
    for name, value in variables.items():
        if not NAME.fullmatch(name):
            yield f"{name!r} is not a name of a variable: write NAME=value."
        if value[:1] == value[-1:] and value[:1] in {"'", '"'}:
            yield f"remove the quotes of {name}: they would be a part of its value."
        if value and SECRET.fullmatch(name):
            yield f"{name} is a secret: move it into the Secret of the service."
        if WITH_A_PASSWORD.fullmatch(value):
            yield f"{name} has a password in it: move it into the Secret of the service."
    yield from in_names(variables)
    yield from in_values(variables)


def in_names(variables: Variables) -> Iterator[str]:
    try:
        refuse_misspellings([*Settings.variables(), *VARIABLES], variables)
    except SettingsError as error:
        yield str(error)


def in_values(variables: Variables) -> Iterator[str]:
    """Check each variable by itself, since others may be in a Secret."""
    with environment(variables):
        for kind in kinds_of(Settings):
            for name, wanted in kind.complaints().items():
                if name in variables:
                    yield f"{name}: {wanted}."
    try:
        StoreSettings.load(variables)
    except ModelStoreError as error:
        yield str(error)


def kinds_of(kind: type[Settings]) -> Iterator[type[Settings]]:
    for one in kind.__subclasses__():
        yield one
        yield from kinds_of(one)


@contextmanager
def environment(variables: Variables) -> Iterator[None]:
    """Have these variables alone in the environment."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
