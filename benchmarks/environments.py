"""The rendered project, and a virtual environment for each kind of contender."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scripts.export import ROOT, export

FOLDER = ROOT / "build/bench"
PROJECT = FOLDER / "my-service"
LOG = FOLDER / "preparation.log"
MEASURED = {"websockets"}
"""The features that are on: those that a load asks. What is beside them, peers do not have."""
PROGRAMS = Path(sys.executable).parent
TIMEOUT_S = 900

PACKAGES = {
    "ray": ["ray[serve]>=2.60,<2.61", "fastapi>=0.165,<0.166", "numpy>=2,<3"],
    "bentoml": ["bentoml>=1.4.39,<1.5", "httptools<0.10", "numpy>=2,<3", "uvloop<0.24"],
    "litserve": ["litserve>=0.2.19,<0.3", "numpy>=2,<3"],
}
"""What each peer's environment holds. An upper bound is the newest release that was tested."""


class PreparationError(Exception):
    """The project could not be rendered, or an environment could not be made."""


def prepare(environments: Iterable[str]) -> None:
    """Render the project that is measured anew, and make the peers' environments anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    render(MEASURED, PROJECT)
    run("make", "setup", f"VENV={FOLDER / 'project'}", folder=PROJECT)
    for name in environments:
        if name in PACKAGES:
            folder = FOLDER / name
            run("uv", "venv", "--clear", "--python", sys.executable, str(folder))
            run("uv", "pip", "install", "--python", str(folder / "bin/python"), *PACKAGES[name])


def render(features: Iterable[str], project: Path) -> None:
    """Make the project anew, with these features and no others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    template, made = FOLDER / "template", FOLDER / "made"
    for folder in (template, made, project):
        shutil.rmtree(folder, ignore_errors=True)
    made.mkdir()
    export(template)
    config = FOLDER / "cookiecutter.yaml"
    config.write_text(f"replay_dir: {FOLDER / 'replay'}\ncookiecutters_dir: {FOLDER}\n")
    command = ["cookiecutter", str(template), "--no-input", "-o", str(made), *answers(features)]
    run(*command, config=config)
    next(made.iterdir()).rename(project)


def answers(on: Iterable[str]) -> list[str]:
    """Every feature, switched on or off."""
    prompts = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    features = [name for name, default in prompts.items() if isinstance(default, bool)]
    return [f"{name}={'yes' if name in on else 'no'}" for name in features]


def programs(environment: str) -> Path:
    """Where the environment's programs are."""
    return FOLDER / environment / "bin"


def variables(processes: int = 1, project: Path = PROJECT) -> dict[str, str]:
    """What every contender finds in its environment."""
    kept = {name: value for name, value in os.environ.items() if is_neutral(name)}
    return kept | {
        "BENTOML_HOME": str(FOLDER / "bentoml-home"),
        "MODEL_STORE": f"file://{project}/model_store",
        "PROCESSES": str(processes),
        "PYTHONPATH": f"{project / 'src'}{os.pathsep}{ROOT}",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def is_neutral(name: str) -> bool:
    """Whether a variable may stay: it says where things are, and nothing of how a service runs."""
    places = {"PATH", "HOME", "USER", "SHELL", "TERM", "TZ", "TMPDIR", "LANG"}
    ways = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    prefixes = ("LC_", "PIP_", "SSL_", "UV_", "XDG_")
    return name in places or name.upper() in ways or name.startswith(prefixes)


def said_by(
    module: str, *arguments: str, project: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Run a contender that prints lines of JSON, in the environment of a project; return these."""
    log = FOLDER / f"{module}.log"
    with log.open("w", encoding="utf-8") as complaints:
        try:
            said = subprocess.check_output(
                [f"{project}-env/bin/python", "-m", f"benchmarks.contenders.{module}", *arguments],
                cwd=project,
                env=variables(project=project) | dict(settings),
                stderr=complaints,
                timeout=TIMEOUT_S,
                text=True,
            )
        except subprocess.SubprocessError:
            raise PreparationError(f"{module} could not be measured: see {log}.") from None
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def run(*command: str, folder: Path = FOLDER, config: Path | None = None) -> None:
    environment = variables()
    del environment["PYTHONPATH"]  # every project that is prepared finds its own package
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment['PATH']}"
    if config:
        environment["COOKIECUTTER_CONFIG"] = str(config)
    with LOG.open("ab") as output:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = subprocess.run(command, cwd=folder, env=environment, check=False, **quiet)
    if done.returncode:
        raise PreparationError(f"`{' '.join(command[:3])} …` failed: see {LOG}.")
