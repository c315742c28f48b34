"""The template at one version, and what it makes of answers, as cookiecutter would."""

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from .git import RefusedError, git, run_git
from .versions import UNRELEASED, known_commit, upgrades

Answers = dict[str, str | bool]

FOLDER = "{{cookiecutter.project_slug}}"
RECORD = ".template.json"
PACKAGE, SLUG = "package_name", "project_slug"
STATEMENT = re.compile(r"\s*# \{%\s*(?:if\s+(?P<condition>.*?)|endif)\s*%\}")
COMMENT = re.compile(r"\s*# \{#.*#\}")


class Template:
    """The template's files at one version.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = (folder / "cookiecutter.json").read_text(encoding="utf-8")
        self.config: dict[str, Any] = json.loads(text)
        self.prompts = [prompt for prompt in self.config if not prompt.startswith("_")]
        self.version: str = self.config.get("_version", UNRELEASED)
        self.names: list[str] = [*self.config["_names"].values()]
        """The prompts whose answers stand as names in the files of a project."""

    def answered(self, answers: Mapping[str, str | bool]) -> Answers:
        """Return the answers to the prompts of this version.

        Raises:
            RefusedError: One is missing or impossible.
        """
        for prompt in self.prompts:
            if prompt not in answers:
                raise RefusedError(
                    f"There is no answer to {prompt}: say SET='{prompt}=…', or undo an edit of "
                    f"{RECORD}."
                )
            self._check(prompt, answers[prompt])
        return {prompt: answers[prompt] for prompt in self.prompts}

    def _check(self, prompt: str, answer: object) -> None:
        default = self.config[prompt]
        if isinstance(default, list) and answer not in default:
            options = f"{', '.join(default[:-1])} or {default[-1]}"
            raise RefusedError(f"{prompt} may be {options}, not {answer!r}.")
        if isinstance(default, bool) != isinstance(answer, bool):
            raise RefusedError(f"{prompt} cannot be {answer!r}.")

    def carried(self, answers: Mapping[str, str | bool], since: str) -> tuple[Answers, list[str]]:
        """Return an older version's answers as this one has them, and the prompts that are new.

        What is new is declined: a feature is off, and a choice has its last option, which brings
        least. Nothing appears in a project unasked.

        Args:
            answers: Of the older version.
            since: The older version.
        """
        known = dict(answers)
        for upgrade in upgrades(self.folder, since, self.version):
            for old, new in upgrade.prompts.items():
                if old in known:
                    known[new] = known.pop(old)
            known = {**upgrade.answers, **known}
        new = [prompt for prompt in self.prompts if prompt not in known]
        for prompt in new:
            default = self.config[prompt]
            if isinstance(default, bool):
                known[prompt] = False
            elif isinstance(default, list):
                known[prompt] = default[-1]
            elif "{{" not in default:
                known[prompt] = default
        return {prompt: known[prompt] for prompt in self.prompts if prompt in known}, new

    def taking(self, prompt: str) -> str:
        """The answer that takes what a prompt offers first, as one types it; "" for a text."""
        default = self.config[prompt]
        if isinstance(default, str):
            return ""
        return f"{prompt}={default[0] if isinstance(default, list) else 'yes'}"

    def typed(self, text: str, renaming: bool) -> tuple[str, str | bool]:
        """Return the prompt and the answer of `PROMPT=ANSWER`.

        Args:
            text: As typed.
            renaming: Whether it may be a name, or must be none.

        Raises:
            RefusedError: It is no answer to a prompt of this version.
        """
        prompt, equals, answer = text.partition("=")
        allowed = [one for one in self.prompts if (one in self.names) == renaming]
        if prompt in self.names and not renaming:
            raise RefusedError(f"{prompt} is a name: use `make rename NAMES='{prompt}=…'`.")
        if not equals or prompt not in allowed:
            raise RefusedError(f"{text!r} is not PROMPT=ANSWER with one of {', '.join(allowed)}.")
        if not isinstance(self.config[prompt], bool):
            return prompt, answer
        if answer not in ("yes", "no"):
            raise RefusedError(f"{prompt} may be yes or no, not {answer!r}.")
        return prompt, answer == "yes"

    def check(self, answers: Answers) -> Answers:
        """Return answers that a project can be made of. Raises RefusedError for others."""
        answers = self.answered(answers)
        for complaint in self._hook("pre_gen").complaints({**self._private(), **answers}):
            raise RefusedError(complaint)
        return answers

    def render(self, answers: Answers, into: Path) -> Path:
        """Make the project of these answers, its record included."""
        for folder, _, files in os.walk(self.folder / FOLDER):
            for name in files:
                self._render_file(Path(folder, name), answers, into)
        whole = {**self._private(), **answers}
        made = self._hook("post_gen")
        made.subtract(str(into), whole)
        made.rename(str(into), whole)
        if hasattr(made, "write_record"):
            made.write_record(str(into), whole)
        return into

    def _render_file(self, path: Path, answers: Answers, into: Path) -> None:
        relative = path.relative_to(self.folder / FOLDER)
        content = path.read_bytes()
        if not self._is_copied(relative):
            content = with_conditions(content.decode(), answers).encode()
        target = into / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(path.stat().st_mode & 0o777)

    def _is_copied(self, path: Path) -> bool:
        heads = ["/".join(path.parts[:end]) for end in range(1, len(path.parts) + 1)]
        patterns = self.config["_copy_without_render"]
        return any(fnmatch(head, one) for head in heads for one in patterns)

    def rendered_paths(self, answers: Answers) -> set[str]:
        """The files in which lines come and go with answers, by path from the project."""
        renamed = self._hook("post_gen").naming({**self._private(), **answers})
        source = self.folder / FOLDER
        found = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
        return {
            renamed(one.as_posix().encode()).decode() for one in found if not self._is_copied(one)
        }

    def conditions(self, answers: Answers) -> Iterator[tuple[str, list[str], bool]]:
        """Each condition of the manifest, its paths in a project, and whether answers meet it."""
        hook, whole = self._hook("post_gen"), {**self._private(), **answers}
        renamed = hook.naming(whole)
        for condition, owned in self.config["_features"].items():
            paths = [renamed(path.encode()).decode() for path in owned]
            yield condition, paths, hook.holds(condition, whole)

    def fingerprint(self, project: Path) -> str | None:
        """The hash of a project as it was made; None from before there were records."""
        hook = self._hook("post_gen")
        return hook.fingerprint(str(project)) if hasattr(hook, "fingerprint") else None

    def left_behind(self, feature: str, answers: Answers) -> str:
        """What data a feature leaves when it is declined, in one sentence; "" for none."""
        renamed = self._hook("post_gen").naming({**self._private(), **answers})
        return renamed(self.config.get("_data", {}).get(feature, "").encode()).decode()

    def _private(self) -> dict[str, Any]:
        return {key: value for key, value in self.config.items() if key.startswith("_")}

    def _hook(self, name: str) -> ModuleType:
        sys.dont_write_bytecode = True
        path = self.folder / f"hooks/{name}_project.py"
        spec = importlib.util.spec_from_file_location(f"{name}_project", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def with_conditions(text: str, answers: Mapping[str, str | bool]) -> str:
    """Return the lines of a text under conditions that hold, as Jinja would."""
    shown, lines = [True], []
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if found := STATEMENT.fullmatch(bare):
            if found["condition"] is None:
                shown.pop()
            else:
                shown.append(shown[-1] and _holds(found["condition"], answers))
        elif shown[-1] and not COMMENT.fullmatch(bare):
            lines.append(line)
    return "".join(lines)


def _holds(condition: str, answers: Mapping[str, str | bool]) -> bool:
    condition = condition.replace("cookiecutter is not defined", "False")
    # The template's own text: Jinja would run it as well.
    names = {"true": True, "false": False, "cookiecutter": SimpleNamespace(**answers)}
    return bool(eval(condition, {"__builtins__": {}, **names}))


def checked_out(clone: Path, version: str, into: Path) -> Template:
    """Write the files of a version into a folder. Nothing in the clone is touched.

    Raises:
        RefusedError: The clone has no such version, or it is no template.
    """
    commit = known_commit(clone, version)
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(clone, "read-tree", commit, variables=index)
        into.mkdir()
        there = ("--git-dir", git(clone, "rev-parse", "--absolute-git-dir"), "--work-tree", into)
        done = run_git(into, *there, "checkout-index", "--all", "--force", variables=index)
    if done.returncode or not (into / "cookiecutter.json").is_file():
        raise RefusedError(f"There is no template at {version!r} of {clone}.")
    return Template(into)


def read_record(project: Path) -> dict[str, Any]:
    """Read what a project was made from.

    Raises:
        RefusedError: There is no record, or it was edited.
    """
    try:
        return record_of((project / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RefusedError(
            f"There is no {RECORD} here, which says what a project was made from."
        ) from None
    except UnicodeDecodeError:
        raise RefusedError(f"{RECORD} cannot be read: restore it from git.") from None


def record_of(text: str) -> dict[str, Any]:
    """Return the record that a text holds. Raises RefusedError where it holds none."""
    try:
        record = json.loads(text)
        texts = [record["template"], record["version"], record["made"]]
        answers = record["cookiecutter"].values()
        if not all(isinstance(one, str) for one in texts) or not answers:
            raise ValueError
        if not all(isinstance(one, str | bool) for one in answers):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError(f"{RECORD} cannot be read: restore it from git.") from None
    return record


def keep_address(project: Path, address: str) -> None:
    """Put an address that a team has chosen, such as that of a fork, into a new record."""
    path = project / RECORD
    record = {**json.loads(path.read_text(encoding="utf-8")), "template": address}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
