"""What gets into the image, and who runs it there."""

import fnmatch
import re

import yaml

from .template import template_files

INSTRUCTIONS = [
    line.split()
    for line in template_files()["Dockerfile"].decode().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
WRITTEN_BY_SETUP = {"uv.lock"}


COPIES = [
    words[1:] for words in INSTRUCTIONS if words[0] == "COPY" and not words[1].startswith("--from")
]


def copied_from_the_project() -> set[str]:
    return {path for *paths, _ in COPIES for path in paths if not path.startswith("--")}


def let_in() -> set[str]:
    lines = template_files()[".dockerignore"].decode().splitlines()
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_the_build_sees_what_it_copies_and_nothing_else():
    assert template_files()[".dockerignore"].decode().splitlines().count("*") == 1
    assert let_in() == copied_from_the_project()


def test_what_is_copied_can_be_read_whatever_the_umask_was():
    """Its group and others may read it: the service runs as none that owns a file."""
    assert {words[0] for words in COPIES} == {"--chmod=755"}


def test_what_is_copied_is_there():
    tops = {path[: path.find("/")] if "/" in path else path for path in template_files()}
    known = tops | template_files().keys() | WRITTEN_BY_SETUP
    missing = [path for path in copied_from_the_project() if not fnmatch.filter(known, path)]
    assert missing == []


def test_the_image_runs_unprivileged_and_has_a_health_check():
    [*_, last] = [number for number, words in enumerate(INSTRUCTIONS) if words[0] == "FROM"]
    image = {words[0]: " ".join(words[1:]) for words in INSTRUCTIONS[last:]}
    assert image["USER"].split(":")[0].isdecimal()  # a name would tell Kubernetes nothing
    assert int(image["USER"].split(":")[0]) > 0
    assert "/health/ready" in image["HEALTHCHECK"]
    assert image["CMD"].startswith("[")  # a shell in between would keep signals to itself
    assert image["EXPOSE"] == "8000"


def test_no_layer_is_told_a_secret():
    said = [word for words in INSTRUCTIONS if words[0] in {"ARG", "ENV"} for word in words[1:]]
    names = {word.split("=")[0] for word in said}
    assert not [name for name in names if any(part in name for part in ("SECRET", "KEY", "TOKEN"))]


def test_ci_starts_the_image_as_the_documentation_says():
    page = template_files()["docs/how-to/docker.md"].decode()
    [first, *_] = re.findall(r"^```sh\n(.*?)^curl ", page, re.DOTALL | re.MULTILINE)
    commands = [line.split("#")[0].strip() for line in first.splitlines()]
    workflow = yaml.safe_load(template_files()[".github/workflows/image.yml"])
    [job] = workflow["jobs"].values()
    runs = [step["run"] for step in job["steps"] if "run" in step and "if" not in step]
    assert len(runs) == len(commands)
    assert all(map(str.startswith, runs, commands)), runs
