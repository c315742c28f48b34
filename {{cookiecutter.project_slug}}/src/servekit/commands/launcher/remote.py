"""Deploys to a Ray that runs already, on this machine or many, as `serve deploy` does."""

import argparse
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from servekit.commands.stopping import Stopper

from .serve import wait_until_running

LOCAL = "http://127.0.0.1:8265"
"""Where the dashboard of a head is."""
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104  (other machines' proxies and the load balancer connect)


def deploy_to(options: argparse.Namespace) -> None:
    """Send the configuration to a cluster, and wait until every application runs there.

    Args:
        options: The address of the dashboard or `auto`, the configuration file and the host, as
            the command line names them.

    Raises:
        SystemExit: The configuration is wrong, or cannot be deployed; the message says why.
    """
    from dotenv import load_dotenv

    from servekit.commands.check_config.checks import checked
    from servekit.commands.check_config.strict_yaml import ConfigurationError, read

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        schema = checked(read(options.config))
    except ConfigurationError as error:
        raise SystemExit(f"{options.config}: {error}") from None
    schema.http_options.host = options.host or EVERY_INTERFACE
    # So that it is sent: what was not set is not.
    schema.http_options = schema.http_options
    address = options.address
    if address == "auto":
        address = os.environ.get("RAY_DASHBOARD_ADDRESS", LOCAL)
    client = dashboard_client(address)
    with_sentence(client.deploy_applications, schema.model_dump(mode="json", exclude_unset=True))
    print(f"Sent {options.config} to {address}.", flush=True)
    wait_until_running(schema, Stopper(), applications=partial(applications_of, client))
    print("Every application runs.", flush=True)


def dashboard_client(address: str) -> Any:
    """Return a client of the dashboard at this address."""
    from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

    return with_sentence(ServeSubmissionClient, address)


def applications_of(client: Any) -> Mapping[str, Any]:
    """Return the applications of the cluster with their status, by name."""
    from ray.serve.schema import ServeInstanceDetails

    details = with_sentence(client.get_serve_details)
    return ServeInstanceDetails.model_validate(details).applications


def with_sentence(ask: Any, *arguments: object) -> Any:
    """Ask the dashboard. Raises SystemExit with the first line of what it answers."""
    from ray.exceptions import RayError
    from requests import RequestException

    try:
        return ask(*arguments)
    except (RayError, RuntimeError, ValueError, OSError, RequestException) as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise SystemExit(f"Not deployed: {first}.") from None
