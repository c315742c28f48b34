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

from . import onnx_file
from .edits import EditError
from .in_store import fetched, is_in_store
from .kinds import KINDS, ONNX_FILE, Names, files_of
from .plan import added, check_constant, check_free, removed, required, wired

MAX_NAME = 40


def scaffold(wiring: Wiring, options: Namespace) -> None:
    """Add a model and train its first version, or remove one.

    Args:
        wiring: Of the service.
        options: The `name` and `kind` of the model, the `source` that it is made from, whether to
            `remove` it, and the command that installs packages, `setup`.

    Raises:
        SystemExit: It cannot be done; nothing was changed.
    """
    project, names = Path.cwd(), Names(wiring.service.package, options.name)
    try:
        if options.remove:
            changes = removed(project, names)
            changes.make()
            paths = changes.paths
        else:
            check(wiring, options)
            if is_in_store(options.source):
                take_from_store(wiring, options)
            paths = add(project, names, options)
    except (EditError, SettingsError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing was changed.")
    for path in paths:
        print(f"  {path.relative_to(project)}")
    if options.remove:
        print(f"The {names.name} model is removed.")
        return
    print(f"The {names.name} model is ready: `make dev`, then POST /v1/{names.name}.")
    print(next_step(names, options))
    if not KINDS[options.kind].versioned:
        return
    store = StoreSettings.load().store
    if store != OWN_FOLDER:
        print(f"`make publish MODEL={names.name}` puts the first version into {shown(store)}.")


def next_step(names: Names, options: Namespace) -> str:
    """Return the sentence that says how a new model becomes the user's own."""
    if not KINDS[options.kind].versioned:
        return "Next: replace the contract and the model with your own."
    if options.source:
        return (
            "Next: adapt the contract, the model and its golden examples, then publish a version:"
            f" `make train MODEL={names.name} FROM={names.name}.onnx`."
        )
    return (
        "Next: replace the contract, the model and its training with your own, delete the example"
        f" version ({names.versions}), then publish yours: `make train MODEL={names.name}`."
    )


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
    if options.source and options.kind != "onnx":
        raise EditError("FROM takes an ONNX file: leave out KIND, or set KIND=onnx.")
    if options.source and not Path(options.source).is_file() and not is_in_store(options.source):
        raise EditError(f"There is no file {options.source}.")
    if name in {one.name for one in wiring.models()}:
        raise EditError(f"The model {name!r} already exists.")
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    for path in wiring.paths():
        if f"{path}/".startswith(f"/v1/{name}/"):
            raise EditError(f"Invalid model name {name!r}: there is a route {path} already.")


def take_from_store(wiring: Wiring, options: Namespace) -> None:
    """Let the `source` be the ONNX file of the version that it names, and `file` its path there.

    Raises:
        EditError: There is none.
    """
    kinds = tuple(wiring.sources())
    path, options.file = fetched(kinds, options.name, options.source)
    options.source = str(path)


def add(project: Path, names: Names, options: Namespace) -> list[Path]:
    """Install what the model needs, write its files, and publish its first version.

    Returns:
        What was written.

    Raises:
        EditError: It cannot be done; nothing was changed.
    """
    kind = ONNX_FILE if options.source else KINDS[options.kind]
    check_free(project, names)
    shared, requirements = wired(project, names, kind), required(project, kind)
    with requirements:
        run(shlex.split(options.setup), "The requirements of the model cannot be installed")
        parts = onnx_file.parts(Path(options.source), options.file) if options.source else {}
        files = files_of(kind, names, parts)
        check_constant(names, files[names.contract])
        own = {project / path: text for path, text in files.items()}
        changes = added(project, names, kind, {**own, **shared})
        with changes:
            if not kind.versioned:
                return sorted([*requirements.paths, *changes.paths])
            # In a process of its own, which finds the new packages.
            training = [sys.executable, "-m", names.package, "train", "--model", names.name]
            given = ["--from", options.source] if options.source else []
            run(
                [*training, *given, "--store", OWN_FOLDER], "The first version could not be trained"
            )
    return sorted([*requirements.paths, *changes.paths])


def run(command: Sequence[str], failure: str) -> None:
    """Raises EditError when the command fails, which says why itself."""
    if subprocess.run(command, check=False).returncode:
        raise EditError(f"{failure}, see above: nothing was changed.")
