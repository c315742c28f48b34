"""Validate a Serve configuration before anything starts.

`make serve` does so for its file, and `make config` for any file, before `serve deploy` takes it.
Serve itself ignores unknown keys, and finds other mistakes when half of the cluster is up.
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

from .advice import advice
from .schema_keys import suggestion, unknown_keys
from .strict_yaml import ConfigurationError, read

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
NAME = re.compile(r"[A-Za-z0-9._~-]+")

CODE_FROM_ELSEWHERE = {"conda", "container", "image_uri", "pip", "py_modules", "uv", "working_dir"}
"""With one of these in its `runtime_env`, the code of an application may not be on this machine."""

Block = dict[str, Any]


def checked(config: Any) -> ServeDeploySchema:
    """Return the configuration as Serve takes it.

    Raises:
        ConfigurationError: The first mistake, in one sentence.
    """
    for mistake in mistakes(config):
        raise ConfigurationError(mistake)
    schema = ServeDeploySchema.model_validate(config)
    for application in schema.applications:
        if unused := unused_blocks(application):
            application.deployments = [
                one for one in application.deployments if one.name not in unused
            ]
    return schema


def mistakes(config: Any) -> Iterator[str]:
    """Yield a sentence for each mistake; checks that depend on a failed one are skipped."""
    for look in (in_keys, among_applications, in_values, in_applications):
        found = list(look(config))
        yield from found
        if found:
            return


def in_keys(config: Any) -> Iterator[str]:
    if not isinstance(config, dict):
        yield "No applications: the file has no keys."
    yield from unknown_keys(config, ServeDeploySchema)


def among_applications(config: Block) -> Iterator[str]:
    """Check names and prefixes before Serve does: its errors do not say which one is wrong."""
    listed = config.get("applications")
    if not isinstance(listed, list):
        return
    applications = [one for one in listed if isinstance(one, dict)]
    names = [str(one.get("name", "default")) for one in applications]
    yield from (f"Duplicate application name {name!r}." for name in twice(names))
    for name in names:
        if not NAME.fullmatch(name):
            yield f"Invalid application name {name!r}: use letters, digits and -._~."
    prefixes = [str(one.get("route_prefix", "/")) for one in applications]
    for prefix in twice(one for one in prefixes if one != "None"):
        sharing = [name for name, one in zip(names, prefixes, strict=True) if one == prefix]
        yield f"Duplicate route prefix {prefix} of {' and '.join(map(repr, sharing))}."
    for name, prefix in zip(names, prefixes, strict=True):
        if fault := fault_of(prefix):
            yield f"Invalid route prefix {prefix!r} of {name!r}: it {fault}."


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
        return "has braces, but prefixes take no parameters"
    # Other characters are escaped in addresses, and may mean something to HAProxy.
    return None if PREFIX.fullmatch(prefix) else "may have letters, digits and -._~/ only"


def in_values(config: Block) -> Iterator[str]:
    try:
        schema = ServeDeploySchema.model_validate(config)
        yield from in_autoscaling(schema)
    except ValidationError as error:
        yield described(error)
        return
    except Exception as error:  # Serve imports what some values name, and takes blocks on trust
        yield f"Not accepted by Serve: {reason_of(error)}."
        return
    if schema.http_options.request_timeout_s is not None:
        yield (
            "http_options.request_timeout_s would cut streams and WebSockets too: leave it unset; "
            "BATCHER_TIMEOUT_S limits the time of each model call."
        )
    if schema.grpc_options.request_timeout_s is not None:
        yield (
            "grpc_options.request_timeout_s would cut streams too: leave it unset; callers set "
            "deadlines."
        )
    yield from in_listeners(schema)


def in_autoscaling(schema: ServeDeploySchema) -> Iterator[str]:
    """Check what Serve itself checks only once the application is deployed."""
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
    """Check what would make Serve restart its proxy endlessly."""
    http, grpc = schema.http_options, schema.grpc_options
    for name, port in [("http_options", http.port), ("grpc_options", grpc.port)]:
        if not 0 < port < 65536:
            yield f"{name}.port: {port} is not between 1 and 65535."
    if not grpc.grpc_servicer_functions:
        return
    if http.port == grpc.port:
        yield f"http_options and grpc_options both use port {http.port}."
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
        yield f"The env_vars of {application!r} must map names to values."
        return
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            yield f"The variable {name} of {application!r} must be a string: put it in quotes."


def in_deployments(application: ServeApplicationSchema) -> Iterator[str]:
    """Check that the application can be built, and has the deployments that are configured."""
    try:
        there = deployments_of(application)
    except ValidationError as error:
        yield f"Invalid args of {application.name!r} at {described(error)}"
    except (Exception, SystemExit) as error:  # whatever the code of an application may raise
        reason = reason_of(error)
        yield f"{application.name!r} cannot be built from {application.import_path}: {reason}."
    else:
        unused = unused_blocks(application)
        named = [one.name for one in application.deployments if one.name not in unused]
        yield from (
            f"Duplicate block for {name!r} in {application.name!r}." for name in twice(named)
        )
        for name in named:
            if name not in there:
                others = f" There are: {', '.join(there)}."
                where = f"Unknown deployment {name!r} in {application.name!r}."
                yield f"{where}{suggestion(name, there)}{others}"
        for name in there:
            # One that is misspelt has been named already.
            if name not in named and {*named} <= {*there}:
                yield f"{application.name!r} has no block for its deployment {name!r}."


def unused_blocks(application: ServeApplicationSchema) -> set[str]:
    """Return the deployments that only another placement of the models has.

    Their blocks may stay, so that `placement` is one word to change, there and back.
    """
    if application.args.get("placement") != "inline":
        return set()
    separate = application.args | {"placement": "separate"}
    return {*deployments_of(application, separate)} - {*deployments_of(application)}


def deployments_of(application: ServeApplicationSchema, args: Block | None = None) -> Sequence[str]:
    """Return the names of the application's deployments. Nothing is started.

    Args:
        application: As it is configured.
        args: In place of its own.
    """
    builder = import_attr(application.import_path)
    built = call_user_app_builder_with_args_if_necessary(builder, args or application.args)
    return sorted(one.name for one in build_app(built, name=application.name).deployments)


def reason_of(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def described(error: ValidationError, outer: str = "") -> str:
    """Say where and what is wrong, without the values."""
    wrong = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, [outer, *wrong["loc"]])).strip(".") or "the top"
    return f"{place}: {wrong['msg'].removeprefix('Value error, ').rstrip('.')}."


def main() -> None:
    parser = argparse.ArgumentParser(description="Check Serve configurations.")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE")
    wrong = False
    for path in parser.parse_args().paths:
        advised: list[str] = []
        try:
            found = list(mistakes(config := read(path)))
            advised = [] if found else list(advice(config))
        except ConfigurationError as error:
            found = [str(error)]
        for mistake in found:
            print(f"{path}: {mistake}", file=sys.stderr)
        wrong |= bool(found)
        if not found:
            print(f"{path}: OK", *(f"  Note: {one}" for one in advised), sep="\n")
    sys.exit(wrong)
