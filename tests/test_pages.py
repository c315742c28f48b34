"""The documentation as pages: built strictly, and whole."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import pytest

from scripts.export import ROOT, known_to_git
from scripts.pages import PAGES, Entry, is_page, navigation, place

from .environment import run, said

SITE = ROOT / "build/site"


def flattened(entries: Sequence[Entry]) -> Iterator[str]:
    """The pages of a navigation, in order."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from flattened([below] if isinstance(below, str) else below)


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, which is not built where a link or an anchor leads nowhere."""
    done = run(ROOT, "python", "-m", "scripts.pages")
    assert done.returncode == 0, said(done)
    return SITE


def test_every_page_is_on_the_site(site: Path):
    pages = {place(path).with_suffix(".html") for path in known_to_git() if is_page(path)}
    assert Path("index.html") in pages
    assert len(pages) > 50
    assert [str(page) for page in pages if not (site / page).is_file()] == []


def test_every_page_is_in_the_navigation(site: Path):
    listed = {str(page) for page in flattened(navigation(PAGES))}
    assert [
        page for page in map(str, map(place, filter(is_page, known_to_git()))) if page not in listed
    ] == []
    shown = re.findall(r'<a href="([^"]+)" class="md-nav__link', (site / "index.html").read_text())
    assert shown.index("./about.html") < shown.index("./tutorial/first-service.html")
    assert "./project/how-to/your-own-model.html" in shown


def test_pages_of_the_project_are_those_of_a_render(site: Path):
    page = (site / "project/index.html").read_text(encoding="utf-8")
    assert "how-to/composition.html" in page
    assert "{%" not in page


def test_every_link_of_the_site_leads_to_a_file(site: Path):
    pages = [path for path in site.rglob("*.html") if path.name != "404.html"]
    broken = [
        f"{page.relative_to(site)}: {link}"
        for page in pages
        for link in re.findall(r' (?:href|src)="([^"#?&]+)', page.read_text(encoding="utf-8"))
        if not re.match(r"\w+:|//", link)
        if not (page.parent / unquote(link)).exists()
    ]
    assert broken == []


def test_pages_load_nothing_from_elsewhere(site: Path):
    page = (site / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|img)[^>]* src="([^"]+)"', page)
    loaded += re.findall(r'<link[^>]* href="([^"]+)"[^>]* rel="stylesheet"', page)
    assert loaded
    assert [address for address in loaded if "//" in address] == []


def test_diagrams_are_drawn(site: Path):
    page = (site / "project/explanation/architecture.html").read_text(encoding="utf-8")
    assert '<pre class="mermaid">' in page
