"""`make fuzz`: ask the service, with all features and bare, what no client would.

Each is asked in process, with credentials and without. With URL=, a service that runs is asked
instead: `make dev`, or the same on Ray Serve.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cookiecutter.main import cookiecutter

from scripts.export import ROOT, export
from scripts.kit import TESTS, in_place, write
from tests.answers import BARE

BUILD = ROOT / "build/fuzz"
KINDS = {"churn": "python", "reading": "function"}
"""What the bare service is asked: a model of each kind that needs no file."""


def everything() -> Path:
    """The service as it stands, with every feature on."""
    folder = BUILD / "everything"
    folder.mkdir(parents=True)
    write(folder, in_place())
    return folder


def bare() -> Path:
    """A service without features and without the sample, with models of its own."""
    project = Path(
        cookiecutter(
            str(export(BUILD / "template")),
            no_input=True,
            extra_context=BARE,
            output_dir=str(BUILD),
            default_config=True,
        )
    )
    shutil.copytree(ROOT / TESTS / "fuzzing", project / "tests/fuzzing")
    [package] = {*(project / "src").iterdir()} - {project / "src/servekit"}
    for name, kind in KINDS.items():
        add = ["-m", package.name, "model", name, "--kind", kind, "--setup", "true"]
        run(project, *add).check_returncode()
    return project


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python in a project."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, env=environment, check=False)


def main() -> int:
    examples, url = os.environ.get("EXAMPLES") or "200", os.environ.get("URL", "")
    shutil.rmtree(BUILD, ignore_errors=True)
    asking = ["-m", "tests.fuzzing", "--examples", examples]
    if url:
        asking += ["--url", url, "--header", os.environ.get("HEADER", "")]
        return run(everything(), *asking).returncode
    return max(run(project, *asking).returncode for project in (everything(), bare()))


if __name__ == "__main__":
    sys.exit(main())
