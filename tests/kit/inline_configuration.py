"""A Serve configuration for tests that start a service of their own."""

from pathlib import Path

import yaml

from servekit.testing.configurations import own
from servekit.testing.subprocesses import free_port


def write_inline(path: Path) -> Path:
    """Write the tests' `serve.yaml` on free ports, placed inline: it starts the sooner."""
    settings = own()
    [service] = settings["applications"]
    [ingress] = [one for one in service["deployments"] if one["name"] == "ingress"]
    service |= {"args": {"placement": "inline"}, "deployments": [ingress]}
    for protocol in settings.keys() & {"http_options", "grpc_options"}:
        settings[protocol]["port"] = free_port()
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path
