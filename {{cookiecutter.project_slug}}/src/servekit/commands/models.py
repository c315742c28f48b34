"""`make models`, `promote`, `rollback`, `publish` and `train`."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name

from dotenv import load_dotenv

from servekit.ingress.wiring import Wiring
from servekit.logs import write_audit_trail
from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import OWN_FOLDER, StoreSettings
from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.layout import CHAMPION
from servekit.registry.sources.source import ModelSource, SourceKind
from servekit.registry.store import open_source, shown
from servekit.registry.training import Training, TrainingError
from servekit.serving.model import Model

from .aliases import Aliases


def work_on_models(wiring: Wiring, options: Namespace) -> None:
    """Run one of these commands.

    Args:
        wiring: Of the service.
        options: As the command line names them: the command, the model, and what it takes.

    Raises:
        SystemExit: It cannot be done.
    """
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    write_audit_trail()
    models, sources = list(wiring.models()), tuple(wiring.sources())
    try:
        for line in output_of(options, models, sources, StoreSettings.load()):
            print(line, flush=True)
    except (ModelStoreError, TrainingError, OSError) as error:
        sys.exit(str(error))


def output_of(
    options: Namespace,
    models: Sequence[Model],
    sources: Sequence[SourceKind],
    settings: StoreSettings,
) -> Iterator[str]:
    """Run the command, and yield the lines to print.

    Raises:
        ModelStoreError: The store, a model or a version is not what is wanted.
        TrainingError: Nothing was learned.
    """
    if options.command == "models":
        for model in chosen(models, options.model):
            yield from Aliases(model, settings, sources).listed()
    elif options.command == "publish":
        theirs = open_source(sources, settings.store, settings.fetch_timeout_s)
        ours = FolderSource(OWN_FOLDER, settings.timeout_s)
        references = [
            reference
            for model in chosen(models, options.model)
            for reference in publish(model.name, ours, theirs)
        ]
        yield f"{shown(settings.store)} has {', '.join(references)}."
    elif options.command == "train":
        trained = [one for one in models if one.training]
        model = only(trained, options.model, "training")
        store = open_source(sources, options.store or settings.store, settings.fetch_timeout_s)
        training = Training(store, options.corrections, options.version, options.source)
        trainer(model)(training)
        if training.published:
            yield f"{shown(options.store or settings.store)} has {', '.join(training.published)}."
    else:
        aliases = Aliases(only(versioned(models), options.model), settings, sources)
        if options.command == "promote":
            yield aliases.promote(options.alias, options.version)
        else:
            yield aliases.roll_back(options.alias)


def trainer(model: Model) -> Callable[[Training], None]:
    """Import the training of a model.

    Raises:
        TrainingError: It is not where the model says.
    """
    try:
        return resolve_name(model.training)
    except (ImportError, AttributeError, ValueError) as error:
        raise TrainingError(
            f"The training {model.training!r} cannot be imported: {error}."
        ) from None


def versioned(models: Iterable[Model]) -> list[Model]:
    return [one for one in models if one.versioned]


def chosen(models: Iterable[Model], name: str) -> list[Model]:
    """Return the models that have versions, or the one of that name.

    Raises:
        ModelStoreError: There is none.
    """
    return named(versioned(models), name, "versions")


def only(models: Sequence[Model], name: str, what: str = "versions") -> Model:
    """Return the model of that name, or the only one.

    Raises:
        ModelStoreError: There is none, or the name is needed.
    """
    found = named(models, name, what)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise ModelStoreError(f"MODEL is required: one of {names}.")
    return found[0]


def named(models: Sequence[Model], name: str, what: str) -> list[Model]:
    found = [one for one in models if name in {"", one.name}]
    if not found:
        known = ", ".join(one.name for one in models) or "none"
        which = f" of the model {name!r}" if name else ""
        raise ModelStoreError(f"No {what}{which}. Models with {what}: {known}.")
    return found


def publish(name: str, ours: FolderSource, theirs: ModelSource) -> Iterator[str]:
    """Copy a model's versions from the project's folder, and its champion where there is none.

    Raises ModelStoreError when a version is there with other content.
    """
    for version in ours.versions(name):
        theirs.publish(name, version, ours.fetch(name, version, Path()))
        yield f"{name}:{version}"
    champion = ours.aliases(name).get(CHAMPION)
    if champion and CHAMPION not in theirs.aliases(name):
        theirs.move_alias(name, CHAMPION, champion, None)
