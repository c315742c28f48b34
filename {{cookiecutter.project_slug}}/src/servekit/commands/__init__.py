"""The command line of a service: `python -m my_service serve`, as `make` calls it."""

# Only the standard library is imported here, and each command once Ctrl-C is handled: Ray alone
# takes seconds, and a Ctrl-C in the meantime must not end in a stack trace.

import argparse
import os
import signal
import sys
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import resolve_name


def run(wiring: str, name: str) -> None:
    """Run the command that the command line names.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        name: `__name__` of the program; nothing is run where it is merely imported.
    """
    if name == "__mp_main__":
        # The process that uvicorn reloads: its parent sees the Ctrl-C too, and ends it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if name == "__main__":
        main(wiring)


def main(wiring: str, arguments: list[str] | None = None) -> None:
    """Run one of the commands.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        arguments: Of the command line; by default those of this process.

    Raises:
        SystemExit: It cannot be done; the sentence says why.
    """
    options = parsed(arguments)
    refuse_unknown_propagators()
    if options.command == "serve" and options.address:
        end_on_signals()
        from .launcher.remote import deploy_to

        deploy_to(options)
    elif options.command == "serve":
        from .serve import serve

        serve(f"{wiring}.check_all", options)
    elif options.command == "dev":
        end_on_signals()
        from .dev import develop

        develop(wiring, options.port)
    elif options.command == "load":
        from .load import measure

        measure(wiring, options)
    elif options.command == "model":
        from .scaffold import scaffold

        scaffold(resolve_name(wiring), options)
    else:
        from .models import work_on_models

        work_on_models(resolve_name(wiring), options)


def end_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Stopped."))


def refuse_unknown_propagators() -> None:
    """Raises SystemExit for one of OpenTelemetry's: its own error is a traceback at any import."""
    named = {one.strip() for one in os.environ.get("OTEL_PROPAGATORS", "").split(",")} - {
        "",
        "none",
    }
    if not named:
        return
    there = {one.name for one in entry_points(group="opentelemetry_propagator")}
    if there and (unknown := sorted(named - there)):
        sys.exit(
            f"OTEL_PROPAGATORS names {', '.join(unknown)}, for which no package is installed:"
            f" there are {', '.join(sorted(there))}."
        )


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m", description="The commands of the service.")
    commands = parser.add_subparsers(dest="command", required=True)

    serve = commands.add_parser("serve", help="serve on a local Ray until Ctrl-C")
    serve.add_argument("--config", type=Path, default=Path("serve.yaml"))
    serve.add_argument("--profile", type=Path, default=Path("deploy/serve.env"))
    serve.add_argument("--host", help="listen there and not where the configuration says")
    serve.add_argument("--address", default="", help="deploy to the cluster there, or auto")

    dev = commands.add_parser("dev", help="serve without Ray, and reload on changes")
    dev.add_argument("--port", type=int, default=8000)

    load = commands.add_parser("load", help="measure a running service")
    load.add_argument("--url", default="http://127.0.0.1:8000")
    load.add_argument("--connections", default="32")
    load.add_argument("--seconds", default="15")
    load.add_argument("--retries", default="0")
    load.add_argument("--plot", type=Path, default=Path("build/load.svg"))

    model = commands.add_parser("model", help="add a model, or remove one")
    model.add_argument("name")
    model.add_argument("--kind", default="python")
    model.add_argument(
        "--from", dest="source", default="", help="an ONNX file, or a version such as churn:3"
    )
    model.set_defaults(file="model.onnx")
    model.add_argument("--remove", action="store_true")
    model.add_argument("--setup", default="make setup", help="installs packages")

    models = commands.add_parser("models", help="list versions and aliases")
    publish = commands.add_parser("publish", help="put the models of model_store/ into the store")
    promote = commands.add_parser("promote", help="let an alias mean a version")
    promote.add_argument("version")
    rollback = commands.add_parser("rollback", help="let an alias mean the version before")
    train = commands.add_parser("train", help="train a model and publish the version")
    train.add_argument("--corrections", type=Path, help="JSON lines to learn from")
    train.add_argument("--from", dest="source", type=Path, help="a file of a model to publish")
    train.add_argument("--version", default="", help="by default the next number")
    train.add_argument("--store", help="by default the one that MODEL_STORE names")
    for command in (promote, rollback):
        command.add_argument("--alias", default="champion")
    for command in (load, models, publish, promote, rollback, train):
        command.add_argument("--model", default="", help="its name, where there are several")
    return parser.parse_args(arguments)
