"""The record of what a project was made from."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from cookiecutter.main import cookiecutter

from evolve.templates import RECORD
from scripts.export import export

from .answers import ALL, CONFIG
from .conftest import Render
from .small_template import changed_config
from .template import files
from .updating import VERSION, printed


def test_the_record_says_what_a_project_was_made_from(render: Callable[..., Render]):
    project = render(**ALL)
    record = json.loads((project.folder / RECORD).read_text(encoding="utf-8"))
    assert [*record] == ["template", "version", "made", "cookiecutter"]
    assert (record["template"], record["version"]) == (CONFIG["_home"], VERSION)
    asked = {key: one for key, one in project.answers.items() if not key.startswith("_")}
    assert record["cookiecutter"] == asked
    assert [*record["cookiecutter"]] == sorted(asked)
    assert str(project.folder) not in (project.folder / RECORD).read_text(encoding="utf-8")


def replay(template: Path, saved: Path, into: Path) -> subprocess.CompletedProcess[str]:
    home = into / "home"
    home.mkdir(parents=True)
    command = [sys.executable, "-m", "cookiecutter", template, "--replay-file", saved]
    return subprocess.run(
        [*map(str, command), "--output-dir", str(into / "made")],
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_cookiecutter_replays_the_record(
    template: Path, render: Callable[..., Render], tmp_path: Path
):
    project = render(**ALL | {"project_name": "L'Été <R&D>"})
    saved = tmp_path / "saved.json"
    shutil.copy(project.folder / RECORD, saved)
    done = replay(template, saved, tmp_path)
    assert done.returncode == 0, printed(done)
    [again] = (tmp_path / "made").iterdir()
    assert files(again) == files(project.folder)


def test_cookiecutter_replays_no_other_versions_manifest(template: Path, tmp_path: Path):
    made = cookiecutter(
        str(template),
        no_input=True,
        output_dir=str(tmp_path / "before"),
        config_file=str(_replays_in(tmp_path)),
    )
    assert made
    saved = tmp_path / "replays" / f"{template.name}.json"
    newer = export(tmp_path / template.name)
    folder = newer / "{{cookiecutter.project_slug}}"
    (folder / "docs/how-to/echo.md").write_text("# Echo\n")
    owned = CONFIG["_features"] | {"tracing & cache": ["docs/how-to/echo.md"]}
    changed_config(newer, _features=owned)
    done = replay(newer, saved, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("These answers were saved with another version of the template")
    assert done.stderr.count("\n") == 1
    assert not any((tmp_path / "made").glob("*"))


def _replays_in(folder: Path) -> Path:
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"replay_dir": str(folder / "replays")}))
    return config
