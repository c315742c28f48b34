"""`make manifests`: the manifests of an overlay, completed and checked offline."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from servekit.commands.check_config.checks import checked
from servekit.commands.check_config.checks import mistakes as in_serve
from servekit.commands.check_config.strict_yaml import ConfigurationError, read

from .addresses import in_addresses
from .capacity import in_capacity
from .completion import complete, the_service
from .containers import in_pods
from .egress import in_egress
from .kustomize import ManifestsError, rendered
from .notes import notes
from .ray_start import in_options, in_ray_start
from .references import (
    claims,
    in_images,
    in_names,
    in_namespaces,
    in_routes,
    in_scalers,
    secrets,
)
from .rules import (
    Manifests,
    in_cluster,
    in_fault_tolerance,
    in_lifetimes,
    in_ports,
    in_probes,
    in_proxies,
    in_settings,
    in_upgrades,
    in_volumes,
)
from .schemas import in_schemas, without_schema
from .security import in_security
from .selection import in_budgets, in_policies, in_selectors, in_targets
from .settings import in_variables
from .written import as_yaml

FOLDER = Path("deploy/kubernetes/overlays")
SERVE = Path("serve.yaml")


def manifests_of(overlay: str) -> Manifests:
    """Return what an overlay makes, completed.

    Raises:
        ManifestsError: It cannot be made.
        ConfigurationError: `serve.yaml` has a mistake.
    """
    documents = rendered(overlay, FOLDER)
    try:
        serve = read(SERVE)
        checked(serve)
    except ConfigurationError as error:
        raise ConfigurationError(f"{SERVE}: {error}") from None
    config = complete(documents, serve)
    return Manifests(documents, the_service(documents), config)


def mistakes(manifests: Manifests) -> Iterator[str]:
    """Yield a sentence for each mistake; rules that rely on what is wrong are not tried."""
    for rules in STAGES:
        found = [one for rule in rules for one in rule(manifests)]
        yield from found
        if found:
            return


def in_serve_config(manifests: Manifests) -> Iterator[str]:
    yield from (f"serveConfigV2: {one}" for one in in_serve(manifests.serve))


RULES = (
    *(in_names, in_namespaces, in_routes, in_scalers, in_images),
    *(in_settings, in_ports, in_probes, in_lifetimes, in_cluster, in_capacity, in_upgrades),
    *(in_proxies, in_volumes, in_pods, in_ray_start, in_variables),
    *(in_fault_tolerance, in_security, in_budgets, in_policies, in_selectors),
    *(in_targets, in_egress, in_addresses),
)
STAGES = ((in_schemas, in_serve_config), (in_options,), RULES)
"""The form of it all, what others start from, and how it fits together."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write and check the manifests of an overlay.")
    parser.add_argument("overlays", nargs="+")
    parser.add_argument("--to", type=Path, required=True, help="a folder for what is made")
    options = parser.parse_args()
    try:
        written = [write(overlay, options.to) for overlay in options.overlays]
    except (ManifestsError, ConfigurationError) as error:
        sys.exit(str(error))
    sys.exit(not all(written))


def write(overlay: str, folder: Path) -> bool:
    """Write the manifests of an overlay into a folder, unless there are mistakes: name those.

    What was written before goes, so that what is there has been checked.

    Raises:
        ManifestsError: They cannot be made.
        ConfigurationError: `serve.yaml` has a mistake.
    """
    file = folder / f"{Path(overlay).name}.yaml"
    file.unlink(missing_ok=True)
    manifests = manifests_of(overlay)
    found = list(mistakes(manifests))
    for one in found:
        print(f"{overlay}: {one}", file=sys.stderr)
    if found:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    kinds, names, volumes = without_schema(manifests), secrets(manifests), claims(manifests)
    file.write_text(as_yaml(*manifests.documents), encoding="utf-8")
    print(f"{file}: OK", *(f"  Note: {one}" for one in notes(manifests)), sep="\n")
    if kinds:
        print(f"Not validated, because no schema is installed: {', '.join(kinds)}.")
    if names:
        print(f"Create these Secrets on the cluster first: {', '.join(names)}.")
    if volumes:
        print(f"Create these PersistentVolumeClaims on the cluster first: {', '.join(volumes)}.")
    return True
