"""The renders that are tested: print their names as JSON, or make one and let it check itself.

Tests run all of them in one environment, which is quick. Here a render makes its own, so what it
forgot to ask for is missing.
"""

import json
import os
import shutil
import subprocess
import sys

from cookiecutter.main import cookiecutter

from scripts.export import ROOT, export
from tests.answers import matrix

INHERITED = ("MAKE", "MFLAGS", "PYTHON", "RUFF_", "VIRTUAL_ENV")


def check(name: str) -> int:
    """Make the render of that name below build/, and run its own `make check` there."""
    folder = ROOT / "build/render"
    shutil.rmtree(folder, ignore_errors=True)
    template = export(folder / "template")
    project = cookiecutter(
        str(template),
        no_input=True,
        extra_context=matrix()[name],
        output_dir=str(folder),
        default_config=True,
    )
    own = {name: text for name, text in os.environ.items() if not name.startswith(INHERITED)}
    return subprocess.run(["make", "check"], cwd=project, env=own, check=False).returncode


if __name__ == "__main__":
    names = [*matrix()]
    if not sys.argv[1:]:
        print(json.dumps(names))
    elif sys.argv[1] in names:
        sys.exit(check(sys.argv[1]))
    else:
        sys.exit("Say which: make render RENDER='pairs 3'; `make renders` prints all names.")
