"""`make site`: the documentation of the template and of a project, as pages in build/site.

Pages are written for a code host, so their links are made to lead to the same places on the site.
What they link to and is no page is copied too.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import yaml
from cookiecutter.environment import StrictEnvironment

from .export import ROOT, known_to_git
from .kit import PROJECT

PAGES = ROOT / "build/pages"
CONFIGURATION = "mkdocs.yml"
STYLE = "td:first-child code { white-space: nowrap; }\n"
"""A table shrinks other columns before it breaks the names in its first one."""

SHOWN_AS = Path("project")
"""What the folder of the project is called on the site: braces are no part of an address."""

RENAMED = {
    # What is first on a code host is not what is first on a site.
    Path("README.md"): Path("about.md"),
    Path("docs/README.md"): Path("index.md"),
    # A site leaves out what begins with a dot.
    Path(".env.example"): Path("env.example.txt"),
}

FOLDERS = ("docs", "benchmarks", f"{PROJECT}/docs")
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")
SECTION = re.compile(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)

Entry = str | dict[str, "str | Sequence[Entry]"]
"""A page, under its own title or another, or pages under a heading."""


def is_page(path: Path) -> bool:
    """Whether a file is a page of the site: Markdown of a folder of pages, or at a top."""
    tops = (Path(), Path(PROJECT))
    inside = any(path.is_relative_to(folder) for folder in FOLDERS)
    return path.suffix == ".md" and (inside or path.parent in tops)


def place(path: Path) -> Path:
    """Return where a file of the repository is on the site."""
    if path.is_relative_to(PROJECT):
        return SHOWN_AS / flat(path.relative_to(PROJECT))
    return flat(path)


def flat(path: Path) -> Path:
    """Return where a file of the template, or of a project, is on its part of the site."""
    if path in RENAMED:
        return RENAMED[path]
    return path.relative_to("docs") if path.is_relative_to("docs") else path


def gather(folder: Path) -> None:
    """Copy all pages into `folder`, and the files that they link to."""
    shutil.rmtree(folder, ignore_errors=True)
    known = set(known_to_git())
    for page in filter(is_page, known):
        text = (ROOT / page).read_text(encoding="utf-8")
        if page.is_relative_to(PROJECT):
            text = with_everything(text)
        copy = folder / place(page)
        copy.parent.mkdir(parents=True, exist_ok=True)
        moving = partial(moved, page=page, known=known, folder=folder)
        copy.write_text(LINK.sub(moving, text), encoding="utf-8")


def with_everything(text: str) -> str:
    """Return a text of the project as it is where every feature is on."""
    config = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = {
        prompt: True if isinstance(value, bool) else value[0]
        for prompt, value in config.items()
        if isinstance(value, bool | list) and not prompt.startswith("_")
    }
    environment = StrictEnvironment(keep_trailing_newline=True, **config["_jinja2_env_vars"])
    return environment.from_string(text).render(cookiecutter=answers)


def moved(link: re.Match[str], page: Path, known: set[Path], folder: Path) -> str:
    """Return a link of a page as it is on the site, and copy what it leads to if it is no page."""
    target = Path(os.path.normpath(page.parent / link[1]))
    if target in known and not is_page(target):
        copy = folder / place(target)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / target, copy)
    return Path(os.path.relpath(place(target), place(page).parent)).as_posix()


def navigation(pages: Path, folder: Path = Path()) -> list[Entry]:
    """Return the pages of a folder in the order in which its index links to them."""
    index = folder / "index.md"
    entries: list[Entry] = [str(index), {"About": str(folder / "about.md")}]
    for heading, text in SECTION.findall((pages / index).read_text(encoding="utf-8")):
        targets = [folder / Path(os.path.normpath(link)) for link in LINK.findall(text)]
        listed = [str(target) for target in targets if target.suffix == ".md"]
        inner = folder / SHOWN_AS / "index.md"
        below = navigation(pages, inner.parent) if str(inner) in listed else listed
        if below:
            entries.append({heading: below})
    return entries


def main() -> int:
    gather(PAGES)
    (PAGES / "site.css").write_text(STYLE, encoding="utf-8")
    written = (ROOT / CONFIGURATION).read_text(encoding="utf-8")
    written += yaml.safe_dump({"nav": navigation(PAGES)}, sort_keys=False)
    configuration = PAGES.with_name(CONFIGURATION)
    configuration.write_text(written, encoding="utf-8")
    zensical = [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"]
    done = subprocess.run([*zensical, "--config-file", configuration], cwd=ROOT, check=False)
    if not done.returncode:
        print("The pages begin at build/site/index.html.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
