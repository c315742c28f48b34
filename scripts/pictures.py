"""`make pictures`: the pictures of the README, from real runs of what they show.

In a terminal a project is made, set up, given a model, served and asked, by the very commands in
the picture. Then a Chromium types into the playground of a project with the sample.
"""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from cookiecutter.main import cookiecutter
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from .export import ROOT, export

PICTURES = ROOT / "docs/pictures"
TEMPLATE = "fastapi-serve-template"
URL = "http://127.0.0.1:8000"
COMMANDS = (
    f"cookiecutter --no-input --config-file {TEMPLATE}/presets/minimal.yaml \\\n"
    f"    {TEMPLATE} project_name='Tiny Oracle'",
    "cd tiny-oracle",
    "make setup 2>&1 | tail -1",
    "make --silent model NAME=churn 2>model.log",
    "API_LOG_LEVEL=WARNING make --silent dev &",
    f"curl -s {URL}/v1/churn \\\n"
    """    -H 'Content-Type: application/json' -w '\\n' -d '{"x": 2, "y": 1}'""",
)
SESSION = """\
set -e -o pipefail
type() { printf '\\e[1;32m$\\e[0m %s\\n' "$1"; eval "$1"; }
until_ready() { curl -sf --retry 60 --retry-delay 1 --retry-all-errors URL/health/ready >READY; }
trap 'kill %1 && wait || true' EXIT
"""
COLUMNS = 96
COLOURS = 64
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Rich's pictures load fonts from elsewhere; a reader's own will do."""

PHOTOGRAPH = """
import base64, sys
from pathlib import Path
from tests.browser import Browser, chromium

url, scratch, picture = sys.argv[1:]
with Browser(chromium(), Path(scratch), remembered={}) as browser:
    browser.do("Emulation.setDeviceMetricsOverride", width=1000, height=760,
               deviceScaleFactor=1, mobile=False)
    browser.open(f"{url}/playground")
    browser.find("document.querySelector('#connection').dataset.state === 'open'")
    browser.type("Isch das dis Velo, oder c'est un vélo?")
    browser.find("document.querySelector('#scores .name')?.textContent")
    browser.find("document.getAnimations().length === 0")
    taken = browser.do("Page.captureScreenshot", format="png")["data"]
Path(picture).write_bytes(base64.b64decode(taken))
"""
"""What is done beside the tests of the kit, which have a browser."""

START_TIMEOUT_S = 60


def variables() -> dict[str, str]:
    """The caller's, without those of make, and with the programs of the environment."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MF"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {"PATH": path, "NO_COLOR": "1"}


def terminal(folder: Path) -> str:
    """Return what a terminal shows of the commands, which are run in `folder`."""
    export(folder / TEMPLATE)
    lines = [SESSION.replace("URL", URL).replace("READY", "/dev/null")]
    for command in COMMANDS:
        quoted = command.replace("'", "'\\''")
        lines.append(f"type '{quoted}'" + "\nuntil_ready" * command.endswith("&"))
    home = {"HOME": str(folder), "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", uv_cache())}
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=variables() | home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe session failed; the pictures are as they were.")
    return done.stdout


def uv_cache() -> str:
    """Where uv keeps what it has downloaded; the home of the session is an empty one."""
    uv = Path(sys.executable).with_name("uv")
    return subprocess.run(
        [uv, "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout.strip()


def drawn(said: str) -> str:
    """Return the picture of a terminal, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(said.strip()))
    svg = console.export_svg(title="", theme=MONOKAI, unique_id="terminal")
    return FONTS.sub("", svg)


@contextmanager
def served(folder: Path, port: int) -> Iterator[str]:
    """Serve a default project without auth, in development, and yield its address."""
    project = Path(
        cookiecutter(
            str(export(folder / TEMPLATE)),
            no_input=True,
            extra_context={"auth": False},
            output_dir=str(folder),
            default_config=True,
        )
    )
    command = [sys.executable, "-m", "my_service", "dev", "--port", str(port)]
    shown = variables() | {"PYTHONPATH": str(project / "src"), "ENV_FILE": ".env.example"}
    with subprocess.Popen(command, cwd=project, env=shown) as service:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url)
            yield url
        finally:
            service.terminate()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urlopen(f"{url}/health/ready", timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def photograph(url: str, folder: Path) -> Image.Image:
    """Return a picture of the playground once it has answered."""
    picture = folder / "playground.png"
    scratch = folder / "browser"
    kit = [sys.executable, "-m", "scripts.kit", "python", "-c", PHOTOGRAPH]
    command = [*kit, url, scratch, picture]
    subprocess.run(command, cwd=ROOT, env=variables(), check=True, timeout=120)
    return Image.open(picture).convert("RGB").quantize(COLOURS)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        said = terminal(Path(folder))
    (PICTURES / "terminal.svg").write_text(drawn(said), encoding="utf-8")
    print(said)
    with TemporaryDirectory() as folder, served(Path(folder), 8765) as url:
        photograph(url, Path(folder)).save(PICTURES / "playground.png", optimize=True)


if __name__ == "__main__":
    main()
