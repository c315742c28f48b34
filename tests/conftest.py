import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_cookies.plugin import Cookies, Result

from scripts.export import export

from .answers import CONFIG
from .small_template import changed_config, commit, small_template


class Render(NamedTuple):
    """A project that cookiecutter made.

    answers: all of them, those that were derived or left at their default included.
    """

    folder: Path
    answers: Mapping[str, object]


def rendered(result: Result) -> Render:
    if result.project_path is None or result.context is None:
        raise RuntimeError("The template could not be rendered") from result.exception
    return Render(result.project_path, result.context)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a user gets it: without what git ignores."""
    return export(tmp_path_factory.mktemp("exported") / "template")


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small template, in a repository in which this version is tagged."""
    return small_template(tmp_path_factory.mktemp("small") / "template")


@pytest.fixture(scope="session")
def published(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole template in such a repository, which is its own address."""
    folder = tmp_path_factory.mktemp("published") / "template"
    shutil.copytree(template, folder)
    changed_config(folder, _home=str(folder))
    commit(folder, f"v{CONFIG['_version']}")
    return folder


@pytest.fixture(scope="session")
def render(cookies_session: Cookies, template: Path) -> Callable[..., Render]:
    """Renders the template: `render(websockets=False)`; the same answers are rendered once."""
    made: dict[tuple[object, ...], Render] = {}

    def once(**answers: object) -> Render:
        key = tuple(sorted(answers.items()))
        if key not in made:
            made[key] = rendered(cookies_session.bake(answers, template=str(template)))
        return made[key]

    return once


@pytest.fixture
def render_again(cookies: Cookies, template: Path) -> Callable[..., Render]:
    """Like `render`, but each call makes a project of its own."""

    def again(**answers: object) -> Render:
        return rendered(cookies.bake(answers, template=str(template)))

    return again


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Runs programs side by side, one a processor, and none beside another module's tests."""
    pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="worker")
    yield pool
    pool.shutdown(cancel_futures=True)
