"""What is wrong with a Serve configuration, found before anything starts.

`make serve` asks for `serve.yaml`, and `make config` for any file, before `serve deploy` takes it.
Serve itself ignores what it does not know, and finds the rest when half of the cluster is up.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ray._common.utils import import_attr
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve._private.build_app import build_app
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import (
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from .schema_keys import or_rather, unknown_keys
from .strict_yaml import ConfigurationError, read

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
NAME = re.compile(r"[A-Za-z0-9._~-]+")

CODE_FROM_ELSEWHERE = {"conda", "container", "image_uri", "pip", "py_modules", "uv", "working_dir"}
"""With one of these in its `runtime_env`, an application may be one that is not here to look at."""

Block = dict[str, Any]


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
    """Check names and prefixes before Serve does, whose errors do not say which is wrong."""
    listed = config.get("applications")
    if not isinstance(listed, list):
        return
    applications = [one for one in listed if isinstance(one, dict)]
    names = [str(one.get("name", "default")) for one in applications]
    yield from (f"Two applications are called {name!r}." for name in twice(names))
    for name in names:
        if not NAME.fullmatch(name):
            yield f"The application name {name!r} holds more than letters, digits and -._~."
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
    if {"{", "}"} & {*prefix}:
        return "holds braces, but is no pattern"
    # All else is written in another way in addresses, and may mean something to HAProxy.
    return None if PREFIX.fullmatch(prefix) else "holds more than letters, digits and -._~/"


def in_values(config: Block) -> Iterator[str]:
    try:
        schema = ServeDeploySchema.model_validate(config)
        yield from in_autoscaling(schema)
    except ValidationError as error:
        yield described(error)
        return
    except Exception as error:  # Serve imports what some values name, and trusts in blocks
        yield f"Serve cannot take it: {reason_of(error)}."
        return
    if schema.http_options.request_timeout_s is not None:
        yield (
            "http_options.request_timeout_s would cut streams and WebSockets too: leave it unset; "
            "GATHER_TIMEOUT_S limits the time of each model call."
        )
    if schema.grpc_options.request_timeout_s is not None:
        yield (
            "grpc_options.request_timeout_s would cut streams too: leave it unset; callers set "
            "deadlines."
        )
    yield from in_listeners(schema)


def in_autoscaling(schema: ServeDeploySchema) -> Iterator[str]:
    """What Serve itself looks at once the application is there."""
    for application in schema.applications:
        for one in application.deployments:
            if isinstance(one.autoscaling_config, dict):
                unsaid = {"max_replicas": 100} if one.num_replicas == "auto" else {}
                place = f"applications.{application.name}.deployments.{one.name}.autoscaling_config"
                try:
                    AutoscalingConfig.model_validate(unsaid | one.autoscaling_config)
                except ValidationError as error:
                    yield described(error, place)


def in_listeners(schema: ServeDeploySchema) -> Iterator[str]:
    """What would show as an endless restart of the proxy."""
    http, grpc = schema.http_options, schema.grpc_options
    for name, port in [("http_options", http.port), ("grpc_options", grpc.port)]:
        if not 0 < port < 65536:
            yield f"{name}.port: {port} is no port."
    if not grpc.grpc_servicer_functions:
        return
    if http.port == grpc.port:
        yield f"http_options and grpc_options have the same port {http.port}."
    for path in grpc.grpc_servicer_functions:
        try:
            import_attr(path)
        except Exception as error:  # whatever the code there may raise
            yield f"{path} of grpc_options cannot be imported: {reason_of(error)}."


def in_applications(config: Block) -> Iterator[str]:
    for application in ServeDeploySchema.model_validate(config).applications:
        options = [one.ray_actor_options for one in application.deployments]
        own = [one.runtime_env for one in options if isinstance(one, RayActorOptionsSchema)]
        for environment in [application.runtime_env, *own]:
            yield from in_variables(application.name, environment.get("env_vars", {}))
        if not CODE_FROM_ELSEWHERE & application.runtime_env.keys():
            yield from in_deployments(application)


def in_variables(application: str, variables: Any) -> Iterator[str]:
    if not isinstance(variables, dict):
        yield f"The env_vars of {application!r} are no variables with their values."
        return
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            yield f"The variable {name} of {application!r} is no text: put it in quotes."


def in_deployments(application: ServeApplicationSchema) -> Iterator[str]:
    """Whether the application can be built, and has the deployments that are configured."""
    try:
        there = deployments_of(application)
    except ValidationError as error:
        yield f"The args of {application.name!r} are wrong at {described(error)}"
    except (Exception, SystemExit) as error:  # whatever the code of an application may raise
        reason = reason_of(error)
        yield f"{application.name!r} cannot be built from {application.import_path}: {reason}."
    else:
        named = [one.name for one in application.deployments]
        yield from (f"{application.name!r} has two blocks for {name!r}." for name in twice(named))
        for name in named:
            if name not in there:
                near = or_rather(name, there)
                others = f" There are: {', '.join(there)}."
                yield f"{application.name!r} has no deployment {name!r}{near}{others}"
        for name in there:
            # One that is misspelt has been named already.
            if name not in named and {*named} <= {*there}:
                yield f"{application.name!r} has no block for its deployment {name!r}."


def deployments_of(application: ServeApplicationSchema) -> Sequence[str]:
    """The names of what the application consists of. Nothing is started."""
    builder = import_attr(application.import_path)
    built = call_user_app_builder_with_args_if_necessary(builder, application.args)
    return sorted(one.name for one in build_app(built, name=application.name).deployments)


def reason_of(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def described(error: ValidationError, outer: str = "") -> str:
    """Where and what, without the values."""
    wrong = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, [outer, *wrong["loc"]])).strip(".") or "the top"
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
