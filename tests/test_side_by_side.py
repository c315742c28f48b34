"""What is put side by side still means what its team meant; else it is a conflict."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from evolve import commands
from evolve.side_by_side import side_by_side

from .answers import ALL
from .small_template import commit
from .updating import DEFAULT, VERSION, changed, made, typed

COMPOSE = "compose.yaml"
FEATURES = "src/my_service/features.py"
WAITS = "    depends_on:\n      redis:\n        condition: service_healthy\n"


def limit_redis(text: str) -> str:
    [image] = [line for line in text.splitlines(keepends=True) if "image: redis:" in line]
    return text.replace(image, f"{image}    mem_limit: 256m\n")


def wait_for_nothing(text: str) -> str:
    start, end = text.index("    depends_on:"), text.index("    healthcheck:")
    return text[:start] + text[end:]


def speak_of_the_cache(text: str) -> str:
    line = "    yield cache(service=SLUG)\n"
    assert line in text
    return text.replace(line, f"    if SLUG:\n        print('cache on')\n{line}")


INSIDE = {
    "a key of a service that goes": (
        COMPOSE,
        limit_redis,
        {"cache": False, "rate_limit": False},
    ),
    "an entry of a list that the team removed": (COMPOSE, wait_for_nothing, {"feedback": True}),
    "a statement of a feature that goes": (FEATURES, speak_of_the_cache, {"cache": False}),
}


@pytest.mark.parametrize(("path", "edit", "change"), INSIDE.values(), ids=INSIDE)
def test_lines_put_into_what_the_other_side_removes_conflict(
    path: str,
    edit: Callable[[str], str],
    change: dict[str, str | bool],
    clone: Path,
    tmp_path: Path,
):
    project = made(clone, DEFAULT, tmp_path / "project")
    file = project / path
    file.write_text(edit(file.read_text()))
    commit(project)
    assert changed(commands.update(project, clone, VERSION, typed(change))) == {path}


def owners(text: str, key: str) -> set[str]:
    return {name for name, one in yaml.safe_load(text)["services"].items() if key in one}


def test_a_key_stays_in_its_service_or_is_a_conflict(clone: Path, tmp_path: Path):
    base, without = (
        (made(clone, answers, tmp_path / name) / COMPOSE).read_text().splitlines(keepends=True)
        for name, answers in {
            "with": ALL,
            "without": ALL | {"cache": False, "rate_limit": False, "metrics": False},
        }.items()
    )
    kept = 0
    for at in range(base.index("services:\n") + 2, len(base) + 1):
        ours = [*base[:at], "    mem_limit: 256m\n", *base[at:]]
        try:
            meant = owners("".join(ours), "mem_limit")
        except yaml.YAMLError:
            continue
        merged = side_by_side(base, ours, without)
        if merged is not None:
            assert owners("".join(merged), "mem_limit") == meant, at
            kept += 1
    assert kept > 20


def test_requirements_stay_sorted_where_one_replaces_another():
    def asked(*names: str) -> list[str]:
        return [f'    "{name}>=1",\n' for name in names]

    base, theirs = asked("fastapi", "numpy", "ray"), asked("fastapi", "protobuf", "pyyaml", "ray")
    ours = asked("fastapi", "numpy", "pandas", "ray")
    assert side_by_side(base, ours, theirs) == asked(
        "fastapi", "pandas", "protobuf", "pyyaml", "ray"
    )
