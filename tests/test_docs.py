"""What the documentation says is so."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from scripts.export import ROOT, known_to_git
from scripts.prompts import PAGE, page

from .answers import CHOICES, CONFIG, FEATURES, OPTIONS, PRESETS
from .template import PROJECT, STATEMENT, template_files

PAGES = [path for path in known_to_git() if path.suffix == ".md"]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
STATEMENTS = re.compile(STATEMENT.pattern + r"\n", re.MULTILINE)
CREDENTIALS = """ -H "$(sed -n 's/"//g; s/^LOAD_HEADER=//p' .env)" """
"""An empty header, which curl leaves out, where there is no auth."""
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)

every_page = pytest.mark.parametrize("path", PAGES, ids=str)


def targets(folder: Path) -> set[str]:
    return set(TARGET.findall((folder / "Makefile").read_text(encoding="utf-8")))


def test_the_reference_of_prompts_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page()


@every_page
def test_every_link_leads_somewhere(path: Path):
    text = (ROOT / path).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", text)
    assert [link for link in links if not (ROOT / path.parent / link).exists()] == []


BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|toml|json|env|proto))`")
TO_MAKE = re.compile(
    r"^build/|^\.git/|/v2/|churn|iris|echo|letters|maintenance|deprecation|packs|versions\.py"
)
"""What a page has its reader make, or a command makes."""

PLACES = (PROJECT, *(PROJECT / one for one in ("docs", "src", "src/acme_service", "src/servekit")))


@pytest.mark.parametrize("path", [one for one in PAGES if one.name != "CHANGELOG.md"], ids=str)
def test_every_file_that_a_page_names_is_there(path: Path):
    text = BLOCK.sub("", (ROOT / path).read_text(encoding="utf-8"))
    named = {name for name in NAMED.findall(text) if not TO_MAKE.search(name)}
    places = (ROOT, ROOT / path.parent, *PLACES)
    assert [name for name in named if not any((one / name).exists() for one in places)] == []


@every_page
def test_every_make_command_exists(path: Path):
    text = (ROOT / path).read_text(encoding="utf-8")
    commands = re.sub("#.*", "", " ".join(SHELL.findall(text)))
    said = re.findall(r"\bmake ((?:[a-z][a-z-]*(?: (?=[a-z]))?)+)", commands)
    known = targets(PROJECT) if PROJECT.name in path.parts else targets(ROOT) | targets(PROJECT)
    assert [word for words in said for word in words.split() if word not in known] == []


def test_commands_that_ask_the_service_say_who_asks():
    asked = 0
    for path, content in template_files().items():
        if path.endswith(".md"):
            text = STATEMENTS.sub("", content.decode())
            text = re.sub(r" \\\n +", " ", text)
            for command in re.findall(r"^curl .*/v\d+/.*$", text, re.MULTILINE):
                asked += 1
                assert "/v1/token " in command or CREDENTIALS in f"{command} ", path
    assert asked


@pytest.mark.parametrize("folder", [ROOT, PROJECT], ids=["template", "project"])
def test_every_target_has_one_line_of_help(folder: Path):
    makefile = (folder / "Makefile").read_text(encoding="utf-8")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE))
    assert set(phony.split()) - {"environment"} == targets(folder)


README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_says_the_default_of_every_feature():
    said = {
        name: default.strip("`")
        for names, default in re.findall(r"^\| (`[^|]+`) \| (`?\w+`?) \|", README, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    words = {True: "yes", False: "no"}
    defaults = {name: words[CONFIG[name]] for name in FEATURES}
    defaults |= {name: options[0] for name, options in CHOICES.items() if name != "license"}
    assert said == defaults


def test_the_readme_has_every_preset():
    rows = re.findall(r"^\| \[`(\w+)`\]\(presets/\1\.yaml\)", README, re.MULTILINE)
    assert sorted(rows) == sorted(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_answers_every_prompt_that_takes_no_text(name: str):
    assert PRESETS[name].keys() == OPTIONS.keys() - {"license"}


def test_the_smallest_preset_declines_every_feature():
    assert [name for name in FEATURES if PRESETS["minimal"][name]] == []


def test_each_preset_brings_what_the_one_before_does():
    brought = [{one for one in FEATURES if PRESETS[name][one]} for name in GROWING]
    assert len(brought) == len(PRESETS)
    assert all(less < more for less, more in pairwise(brought))


GROWING = ("minimal", "api", "production")


def test_the_security_page_has_every_port_that_is_listened_on():
    page = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    column = " ".join(re.findall(r"^\| (\d[^|]*) \|", page, re.MULTILINE))
    launcher = "src/servekit/commands/launcher/{}.py"
    code = [template_files()[launcher.format(name)].decode() for name in ("environment", "serve")]
    ports = re.findall(r"(?:free_port_near\(|PORT = )(\d[\d_]+)", "".join(code))
    ports += re.findall(r"^ +port: (\d+)$", template_files()["serve.yaml"].decode(), re.MULTILINE)
    ports.append("30000")  # Ray Serve's own first port for replicas
    assert {int(port) for port in re.findall(r"\d+", column)} == {int(port) for port in ports}


@pytest.mark.parametrize("folder", [ROOT, PROJECT], ids=["template", "project"])
def test_hooks_of_a_commit_call_targets(folder: Path):
    hooks = yaml.safe_load((folder / ".pre-commit-config.yaml").read_bytes())["repos"]
    entries = [hook["entry"].split() for repo in hooks for hook in repo["hooks"]]
    assert {entry[0] for entry in entries} == {"make"}
    assert {entry[-1] for entry in entries} <= targets(folder)


@pytest.mark.parametrize("folder", [ROOT, PROJECT], ids=["template", "project"])
def test_a_development_container_sets_itself_up(folder: Path):
    container = json.loads((folder / ".devcontainer/devcontainer.json").read_bytes())
    assert (folder / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    make, target = container["postCreateCommand"].split()
    assert make == "make"
    assert target in targets(folder) | {"environment"}


def test_pictures_are_small_and_load_nothing():
    pictures = known_to_git("docs/pictures")
    assert {path.suffix for path in pictures} == {".png", ".svg"}
    for path in pictures:
        content = (ROOT / path).read_bytes()
        assert len(content) < 100_000, path
        assert re.findall(rb"url\(\"?http|<image|@import", content) == [], path


def decisions(page: str) -> list[str]:
    """The headings below that of decisions, which may be the title of the page."""
    _, above, below = page.partition("# Decisions\n")
    return re.findall(r"^##+ (.*)$", below, re.MULTILINE) if above else []


def test_decisions_say_what_was_chosen_and_what_not():
    headings = [one for path in PAGES for one in decisions((ROOT / path).read_text("utf-8"))]
    assert len(headings) > 90
    assert [heading for heading in headings if ", not " not in heading] == []


FASTAPI = """
`get` `post` `put` `delete` Pydantic `Query()` `Path()` `Header()` `Cookie()` `Form()` `File()`
`UploadFile` `Depends()` `Request` `Response` `StreamingResponse` `websocket` Middleware CORS
`lifespan` `BackgroundTasks` handlers `APIRouter` versions OAuth2 JWT `Security()` Prometheus
OpenTelemetry Logging Caching Redis limiting MLflow Hugging cloud
"""
"""What the first column of the page has to have."""


def test_the_page_of_fastapis_features_names_what_exists():
    text = (PROJECT / "docs/reference/fastapi-features.md").read_text(encoding="utf-8")
    column = " ".join(re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE))
    assert [one for one in FASTAPI.split() if one not in column] == []
    rows = re.findall(r"^\| [^*|].* \| .*`.* \|$", text, re.MULTILINE)
    assert len(rows) > 30
    for row in rows:
        *_, used_in, tested_by, how_to, _ = map(str.strip, row.split("|"))
        paths = re.findall(r"`([^`]+)`", f"{used_in} {how_to}")
        tests = [one.split("::") for one in re.findall(r"`([^`]+)`", tested_by)]
        assert paths[0].endswith(".py"), row
        assert paths[-1].startswith("docs/how-to/"), row
        assert tests, row
        assert [path for path in paths if not where(path).is_file()] == []
        for path, name in tests:
            assert f"def {name}(" in where(path).read_text(encoding="utf-8"), row


def where(path: str) -> Path:
    """A file that a page of the project names; the tests of the kit are beside the project."""
    return (ROOT if path.startswith("tests/kit/") else PROJECT) / path
