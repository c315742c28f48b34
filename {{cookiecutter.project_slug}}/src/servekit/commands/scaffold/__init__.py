"""`make model`: adds a model that serves at once, and removes it again."""

import builtins
import os
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from keyword import iskeyword
from pathlib import Path

from dotenv import load_dotenv

from servekit.contracts import Contract
from servekit.ingress.wiring import Wiring
from servekit.registry.settings import OWN_FOLDER, StoreSettings
from servekit.registry.store import shown
from servekit.settings import SettingsError

from .changes import Changes
from .edits import EditError
from .kinds import KINDS, Names
from .plan import added, removed

MAX_NAME = 40


def scaffold(wiring: Wiring, options: Namespace) -> None:
    """Add a model and train its first version, or remove one.

    Args:
        wiring: Of the service.
        options: The `name` and `kind` of the model, whether to `remove` it, and the command
            that installs packages, `setup`.

    Raises:
        SystemExit: It cannot be done; nothing was changed.
    """
    project, names = Path.cwd(), Names(wiring.service.package, options.name)
    try:
        if options.remove:
            changes = removed(project, names)
            changes.make()
            told(changes, project)
            print(f"The {names.name} model is removed.")
            return
        check(wiring, options)
        changes = added(project, names, options.kind)
    except (EditError, SettingsError) as error:
        sys.exit(str(error))
    train(changes, names, shlex.split(options.setup))
    told(changes, project)
    print(
        f"The {names.name} model is ready: `make dev`, then POST /v1/{names.name}.\n"
        "Make the contract, the model and its training yours, and publish the next version:"
        f" `make train MODEL={names.name}`."
    )
    store = StoreSettings.load().store
    if store != OWN_FOLDER:
        print(f"`make publish MODEL={names.name}` puts the first version into {shown(store)}.")


def check(wiring: Wiring, options: Namespace) -> None:
    """Check that a new model can have this name and be of this kind.

    Raises:
        EditError: It cannot.
        SettingsError: The service could not start as it is.
    """
    name: str = options.name
    if not name:
        raise EditError("NAME is required, e.g. `make model NAME=churn`.")
    try:
        Contract(name, input=str, output=str)
    except ValueError as error:
        raise EditError(str(error)) from None
    if iskeyword(name) or name in dir(builtins) or len(name) > MAX_NAME:
        raise EditError(
            f"Invalid model name {name!r}: use no word of Python, and at most {MAX_NAME}"
            " characters."
        )
    if options.kind not in KINDS:
        raise EditError(f"Unknown kind {options.kind!r}: the kinds are {', '.join(KINDS)}.")
    if name in {one.name for one in wiring.models()}:
        raise EditError(f"There is a model {name!r} already.")
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    for path in wiring.paths():
        if f"{path}/".startswith(f"/v1/{name}/"):
            raise EditError(f"Invalid model name {name!r}: there is a route {path} already.")


def train(changes: Changes, names: Names, setup: Sequence[str]) -> None:
    """Make the changes, install what the model needs, and publish its first version.

    In a process of its own, which finds the new packages.

    Raises:
        SystemExit: It failed, and has said why; nothing was changed.
    """
    try:
        changes.make()
        command = [sys.executable, "-m", names.package, "train", "--model", names.name]
        failed = (
            subprocess.run(setup, check=False).returncode
            or subprocess.run([*command, "--store", OWN_FOLDER], check=False).returncode
        )
    except BaseException:
        changes.undo()
        raise
    if failed:
        changes.undo()
        sys.exit("The first version could not be trained, see above: nothing was changed.")


def told(changes: Changes, project: Path) -> None:
    for path in changes.paths:
        print(f"  {path.relative_to(project)}")
