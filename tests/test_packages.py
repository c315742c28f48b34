"""A project of one package, `pebble`, on an index of its own that gives no upload times."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.environment import ENVIRONMENT
from tests.template import PROJECT, template_files

PACKAGES = PROJECT / "src/servekit/commands/packages.py"

BASE = Path(sys.base_prefix, f"bin/python3.{sys.version_info.minor}")
"""Not the Python of an environment: for that one, uv would make the folder anew each time."""

PYPROJECT = """\
[project]
name = "beach"
version = "1"
requires-python = ">=3.11"
dependencies = ["pebble>=1,<3"]
"""


class Index(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


def write_wheel(index: Path, name: str, version: str, needs: str = "") -> None:
    folder = index / "simple" / name
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", facts + (f"Requires-Dist: {needs}\n" if needs else ""))
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    write_wheel(tmp_path / "index", "pebble", "1.0", needs="moss")
    write_wheel(tmp_path / "index", "pebble", "2.0", needs="grit")
    for name in ("grit", "moss"):
        write_wheel(tmp_path / "index", name, "1.0")
    handler = partial(Index, directory=str(tmp_path / "index"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


class Project:
    """A folder with a pyproject.toml, and commands in it."""

    def __init__(self, folder: Path, index: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.write("pyproject.toml", PYPROJECT)
        self.write(
            "constraints.txt", "# Tested.\npebble==1.0\nunused==7.0 ; python_version > '3'\n"
        )
        self.variables = {
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_DEFAULT_INDEX": index,
            "UV_HTTP_RETRIES": "0",
            # Neither what the user has set up for uv, nor a proxy, nor another Python.
            "NO_PROXY": "127.0.0.1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON": str(BASE),
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, action: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("UV_")}
        return subprocess.run(
            [sys.executable, str(PACKAGES), action, ".venv", *options],
            cwd=self.folder,
            env=own | {"NEWEST": "0"} | self.variables | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> set[str]:
        """The modules in the environment, of those that the index has."""
        found = self.folder.glob(".venv/lib/python*/site-packages/*.py")
        return {path.stem for path in found} & {"grit", "moss", "pebble"}

    def pebble(self) -> str:
        """The version that is installed."""
        [found] = self.folder.glob(".venv/lib/python*/site-packages/pebble.py")
        return found.read_text(encoding="utf-8").split("'")[1]


@pytest.fixture
def beach(tmp_path: Path, index: str) -> Project:
    project = Project(tmp_path / "beach", index)
    # Where uv is not on PATH it was installed beside this Python.
    found = shutil.which("uv") or str(ENVIRONMENT / "bin/uv")
    project.variables["PATH"] = f"{Path(found).parent}:/usr/bin:/bin"
    return project


def test_first_setup_installs_the_tested_versions(beach: Project) -> None:
    done = beach.run("install")
    assert done.returncode == 0, done.stderr
    assert beach.pebble() == "1.0"


def test_a_member_of_a_workspace_is_told_how_to_leave_it(beach: Project, tmp_path: Path) -> None:
    workspace = tmp_path / "pyproject.toml"
    workspace.write_text('[tool.uv.workspace]\nmembers = ["b*"]\n', encoding="utf-8")
    refused = beach.run("install")
    line = 'exclude = ["beach"]'
    assert refused.stderr == (
        f"This folder has a lock of its own, and is in a uv workspace: write `{line}` below"
        f" [tool.uv.workspace] in {workspace}.\n"
    )
    with workspace.open("a", encoding="utf-8") as file:
        file.write(line)
    assert beach.run("install").returncode == 0
    assert (beach.folder / "uv.lock").exists()


def test_newest_versions_come_when_asked_for(beach: Project) -> None:
    beach.run("install", NEWEST="1")
    assert beach.pebble() == "2.0"


def test_later_setup_follows_the_lock(beach: Project) -> None:
    beach.run("install", NEWEST="1")
    beach.run("install")
    assert beach.pebble() == "2.0"


def test_upgrade_moves_the_lock_and_says_what_moved(beach: Project) -> None:
    beach.run("install")
    done = beach.run("upgrade", "--check", "true")
    assert done.returncode == 0, done.stderr
    assert ["pebble", "1.0", "2.0"] in [line.split() for line in done.stdout.splitlines()]
    assert beach.pebble() == "2.0"


def test_upgrade_without_news_checks_nothing(beach: Project) -> None:
    beach.run("install", NEWEST="1")
    done = beach.run("upgrade", "--check", "false")
    assert done.returncode == 0
    assert done.stdout.startswith("Every package is at the newest version")


def test_upgrade_that_fails_its_check_changes_nothing(beach: Project) -> None:
    beach.run("install")
    before = (beach.folder / "uv.lock").read_bytes()
    done = beach.run("upgrade", "--check", "false")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The check failed with these versions")
    assert (beach.folder / "uv.lock").read_bytes() == before
    assert beach.pebble() == "1.0"


def test_upgrade_leaves_nothing_of_what_is_not_asked_for(beach: Project) -> None:
    beach.run("install")
    assert beach.installed() == {"moss", "pebble"}
    beach.run("upgrade", "--check", "false")
    assert beach.installed() == {"moss", "pebble"}
    beach.run("upgrade", "--check", "true")
    assert beach.installed() == {"grit", "pebble"}


@pytest.mark.parametrize("variable", ["UV_FROZEN", "UV_LOCKED"])
def test_upgrade_sets_aside_what_forbids_it(beach: Project, variable: str) -> None:
    beach.run("install")
    done = beach.run("upgrade", "--check", "true", **{variable: "1"})
    assert done.returncode == 0, done.stderr
    assert beach.pebble() == "2.0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_upgrade_that_is_stopped_changes_nothing(beach: Project, number: int) -> None:
    beach.run("install")
    # The check ends the upgrade that waits for it.
    ending = f"import os; os.kill(os.getppid(), {int(number)})"
    done = beach.run("upgrade", "--check", sys.executable, "-c", ending)
    assert done.returncode == 128 + number
    assert beach.pebble() == "1.0"
    assert 'name = "pebble"\nversion = "1.0"' in (beach.folder / "uv.lock").read_text()


def test_upgrade_before_setup_is_refused(beach: Project) -> None:
    done = beach.run("upgrade", "--check", "true")
    assert (done.returncode, done.stderr) == (1, "uv.lock is missing: run `make setup` first.\n")


def test_filled_cache_serves_without_a_network(beach: Project) -> None:
    beach.run("install")
    shutil.rmtree(beach.folder / ".venv")
    done = beach.run("install", UV_OFFLINE="1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"UV_OFFLINE": "1"}, "uv's cache does not hold every package"),
        ({"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}, "The package index cannot be reached"),
        ({"UV_EXCLUDE_NEWER": "2026-01-01"}, "The package index has nothing from before"),
        ({"UV_LOCKED": "1"}, "uv.lock is missing"),
    ],
    ids=["an empty cache", "no network", "no upload times", "no lock"],
)
def test_failed_setup_ends_with_what_to_do(
    beach: Project, variables: dict[str, str], advice: str
) -> None:
    done = beach.run("install", **variables)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(advice), done.stderr


@pytest.mark.parametrize(
    ("file", "text", "variables", "advice"),
    [
        ("uv.lock", "<<<<<<< HEAD\n", {}, "uv.lock cannot be read"),
        ("pyproject.toml", PYPROJECT[:-5], {}, "pyproject.toml cannot be read"),
        ("pyproject.toml", PYPROJECT.replace("<3", "<2"), {"UV_LOCKED": "1"}, "uv.lock does not"),
        ("pyproject.toml", PYPROJECT.replace("<3", ",>2"), {}, "The packages that pyproject.toml"),
    ],
    ids=["a broken lock", "a broken project", "a lock of other bounds", "bounds that nothing fits"],
)
def test_files_that_do_not_fit_are_named(
    beach: Project, file: str, text: str, variables: dict[str, str], advice: str
) -> None:
    beach.run("install")
    beach.write(file, text)
    done = beach.run("install", **variables)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(advice), done.stderr


def test_a_folder_that_was_moved_makes_its_environment_anew(tmp_path: Path) -> None:
    lines = template_files()["Makefile"].decode().splitlines(keepends=True)
    (tmp_path / "Makefile").write_text("".join(one for one in lines if "in-place" not in one))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    environment = tmp_path / ".venv"
    environment.mkdir()
    (environment / "of another place").touch()
    (environment / ".synced").write_text("/another/place\n")

    def make(*what: str) -> int:
        # Of the targets that need an environment, one that does nothing with it.
        command = ["make", "--silent", *what, "SYNC=mkdir .venv"]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode

    assert make("help") == 0
    assert (environment / "of another place").exists()
    assert make(".venv/.synced") == 0
    assert [path.name for path in environment.iterdir()] == [".synced"]
    assert make(".venv/.synced") == 0  # where there is one, that command would fail
