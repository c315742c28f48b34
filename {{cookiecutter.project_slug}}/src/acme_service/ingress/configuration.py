"""What is wrong with a Serve configuration, found before anything starts.

`make serve` asks for `serve.yaml`, and `make config` for any file, before `serve deploy` takes it.
Serve itself ignores what it does not know, and finds the rest when half of the cluster is up.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from ray._common.utils import import_attr
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve._private.build_app import build_app
from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema

from .keys import or_rather, unknown_keys

CODE_FROM_ELSEWHERE = {"conda", "container", "image_uri", "pip", "py_modules", "uv", "working_dir"}
"""With one of these in its `runtime_env`, an application may be one that is not here to look at."""

Block = dict[str, Any]


class ConfigurationError(ValueError):
    """The configuration cannot be meant like this."""


def read(path: Path) -> Any:
    """What the file holds. Raises ConfigurationError when it is no YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"It cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigurationError("It is no YAML.") from None


def checked(config: Any) -> ServeDeploySchema:
    """The configuration as Serve takes it. Raises ConfigurationError when it is wrong."""
    for mistake in mistakes(config):
        raise ConfigurationError(mistake)
    return ServeDeploySchema.model_validate(config)


def mistakes(config: Any) -> Iterator[str]:
    """A sentence for each; what depends on what is wrong is not looked at."""
    for look in (in_keys, among_applications, in_values, in_applications):
        found = list(look(config))
        yield from found
        if found:
            return


def in_keys(config: Any) -> Iterator[str]:
    if not isinstance(config, dict):
        yield "It holds no keys, and so no applications."
    yield from unknown_keys(config, ServeDeploySchema)


def among_applications(config: Block) -> Iterator[str]:
    """Before Serve's own look at them, which names nobody."""
    listed = config.get("applications")
    if not isinstance(listed, list):
        return
    applications = [one for one in listed if isinstance(one, dict)]
    names = [str(one.get("name", "default")) for one in applications]
    yield from (f"Two applications are called {name!r}." for name in twice(names))
    prefixes = [str(one.get("route_prefix", "/")) for one in applications]
    for prefix in twice(one for one in prefixes if one != "None"):
        sharing = [name for name, one in zip(names, prefixes, strict=True) if one == prefix]
        yield f"{' and '.join(map(repr, sharing))} have the same route prefix {prefix}."
    for name, prefix in zip(names, prefixes, strict=True):
        if fault := fault_of(prefix):
            yield f"The route prefix {prefix!r} of {name!r} {fault}."


def twice(words: Iterable[str]) -> list[str]:
    return [word for word, times in Counter(words).items() if times > 1]


def fault_of(prefix: str) -> str | None:
    if prefix in {"None", "/"}:  # no route at all, or all that others leave
        return None
    if not prefix.startswith("/"):
        return 'does not begin with "/"'
    if prefix.endswith("/"):
        return 'ends with "/"'
    return "holds braces, but is no pattern" if {"{", "}"} & {*prefix} else None


def in_values(config: Block) -> Iterator[str]:
    try:
        schema = ServeDeploySchema.model_validate(config)
    except ValidationError as error:
        yield described(error)
        return
    if schema.http_options.request_timeout_s is not None:
        yield (
            "http_options.request_timeout_s would cut streams and WebSockets too: leave it unset; "
            "GATHER_TIMEOUT_S limits the time of each model call."
        )


def in_applications(config: Block) -> Iterator[str]:
    for application in ServeDeploySchema.model_validate(config).applications:
        for name, value in application.runtime_env.get("env_vars", {}).items():
            if not isinstance(value, str):
                yield f"The variable {name} of {application.name!r} is no text: put it in quotes."
        if not CODE_FROM_ELSEWHERE & application.runtime_env.keys():
            yield from in_deployments(application)


def in_deployments(application: ServeApplicationSchema) -> Iterator[str]:
    """Whether the application can be built, and has the deployments that are configured."""
    try:
        there = deployments_of(application)
    except ValidationError as error:
        yield f"The args of {application.name!r} are wrong at {described(error)}"
    except Exception as error:  # whatever the code of an application may raise
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        yield f"{application.name!r} cannot be built from {application.import_path}: {reason}."
    else:
        named = [one.name for one in application.deployments]
        yield from (f"{application.name!r} has two blocks for {name!r}." for name in twice(named))
        for name in named:
            if name not in there:
                near = or_rather(name, there)
                others = f" There are: {', '.join(there)}."
                yield f"{application.name!r} has no deployment {name!r}{near}{others}"


def deployments_of(application: ServeApplicationSchema) -> Sequence[str]:
    """The names of what the application consists of. Nothing is started."""
    builder = import_attr(application.import_path)
    built = call_user_app_builder_with_args_if_necessary(builder, application.args)
    return sorted(one.name for one in build_app(built, name=application.name).deployments)


def described(error: ValidationError) -> str:
    """Where and what, without the values."""
    wrong = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, wrong["loc"])) or "the top"
    return f"{place}: {wrong['msg'].removeprefix('Value error, ').rstrip('.')}."


def main() -> None:
    parser = argparse.ArgumentParser(description="Check Serve configurations.")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE")
    wrong = False
    for path in parser.parse_args().paths:
        try:
            found = list(mistakes(read(path)))
        except ConfigurationError as error:
            found = [str(error)]
        for mistake in found:
            print(f"{path}: {mistake}", file=sys.stderr)
        wrong |= bool(found)
        if not found:
            print(f"{path} is right.")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
