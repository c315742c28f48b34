"""Puts other names into what a team has written: whole words, in texts and in paths.

A name of one plain word, such as `oracle`, may mean anything there: it is replaced only where it
is the package for certain, and what still has it is reported.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from .git import RefusedError, git, paths, run_git, text
from .repository import Repository
from .templates import PACKAGE, SLUG, Answers

STORED = "model_store/"
"""Its manifests have the checksums of its files, and the names in it are those of models."""
DATA = (".csv", ".jsonl", ".ndjson", ".sql", ".tsv")
PYTHON = (".py", ".pyi")
SUBMODULES = ".gitmodules"
LINK = "120000"
WORD = r"(?<![\w-])({})(?![\w-])"


class Names:
    """The new package and slug in place of the old ones.

    Args:
        old: The answers so far.
        new: The answers from now on.
        modules: What the package has: `app`, `features`.
    """

    def __init__(self, old: Answers, new: Answers, modules: Sequence[str]) -> None:
        self._package = (str(old[PACKAGE]), str(new[PACKAGE]))
        pairs = [(str(old[SLUG]), str(new[SLUG])), self._package]
        self.old = [name for name, another in pairs if name != another]
        """The names that change."""
        # Where both were one name, it is the package in Python and in paths.
        self._in_python = {one: other for one, other in pairs if not one.isalpha()}
        self._in_text = {one: other for one, other in reversed(pairs) if not one.isalpha()}
        self._modules = "|".join(map(re.escape, modules))

    def in_text(self, said: str, path: str) -> str:
        """Return a text with the new names.

        Args:
            said: The text.
            path: Of its file.
        """
        if path.startswith(STORED) or path.endswith((*DATA, SUBMODULES)):
            return said
        is_python = path.endswith(PYTHON)
        said = _replaced(said, self._in_python if is_python else self._in_text)
        return self._with_package(said, is_python) if self._package[0].isalpha() else said

    def _with_package(self, said: str, is_python: bool) -> str:
        """Put the package in place of a plain word where it is imported, started or looked into."""
        old, new = self._package
        found = [rf"src/{old}(?![\w-])", rf"-m {old}(?![\w-])"]
        if self._modules:
            found.append(rf"(?<![\w./-]){old}(?=[./](?:{self._modules})(?![\w-]))")
        if is_python:
            found.append(rf"(?m:^[ \t]*(?:from|import)[ \t]+{old}(?=[.,\s]|\Z))")
            if re.search(rf"(?m)^[ \t]*import[ \t]+{old}(?:\.[\w.]+)?[ \t]*$", said):
                found.append(rf"(?<![\w./-]){old}(?=\.)")
        whole = re.compile("|".join(found))
        return whole.sub(lambda match: match[0].removesuffix(old) + new, said)

    def in_path(self, path: str) -> str:
        """Each folder, and the name of a file without its suffix, may be a name."""
        if path.startswith(STORED):
            return path
        old, new = self._package
        if old.isalpha() and f"{path}/".startswith(f"src/{old}/"):
            path = f"src/{new}{path.removeprefix(f'src/{old}')}"
        parts = (part.split(".") for part in path.split("/"))
        return "/".join(".".join(_replaced(one, self._in_python) for one in part) for part in parts)

    def in_link(self, target: str, path: str) -> str:
        """Return where a symbolic link leads to, once all is renamed."""
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        renamed = self.in_path(whole)
        if posixpath.isabs(target) or renamed == whole:
            return target
        return posixpath.relpath(renamed, posixpath.dirname(self.in_path(path)) or ".")


def _replaced(said: str, words: Mapping[str, str]) -> str:
    if not words:
        return said
    literal = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(WORD.format(literal), lambda found: words[found[0]], said)


def renaming(repository: Repository, old: Answers, new: Answers) -> Names:
    """Return the names of a project, as they were and as they are to be."""
    listed = git(
        repository.top,
        "ls-tree",
        "--name-only",
        "-z",
        "HEAD",
        f"{repository.prefix}src/{old[PACKAGE]}/",
    )
    modules = {PurePosixPath(path).name.removesuffix(".py") for path in paths(listed)}
    return Names(old, new, sorted(one for one in modules if one.isidentifier()))


class Entry(NamedTuple):
    """A file of a tree, by its path from the project."""

    mode: str
    kind: str
    blob: str
    path: str


def with_names(repository: Repository, tree: str, names: Names) -> str:
    """Return a tree in which the project's files have the new names, and are called by them.

    Raises:
        RefusedError: A file would be called as another one is, or git has to move a submodule.
    """
    gone: list[str] = []
    new: dict[str, str | None] = {}
    sources: dict[str, str] = {}
    speaking = set(_speaking(repository, tree, names.old))
    for entry in _entries(repository, tree):
        target = names.in_path(entry.path)
        if entry.kind == "commit" and target != entry.path:
            raise RefusedError(
                f"{entry.path} is a submodule: move it by git mv to {target} and commit that first."
            )
        speaks = entry.path in speaking or entry.mode == LINK
        blob = _renamed(repository, entry, names) if speaks else entry.blob
        sources[_free(target, entry.path, sources)] = entry.path
        if (target, blob) != (entry.path, entry.blob):
            gone.append(repository.prefix + entry.path)
            new[repository.prefix + target] = f"{entry.mode} {blob}"
    for target, path in sources.items():
        for folder in PurePosixPath(target).parents:
            _free(str(folder), path, sources)
    # A new path may be the old one of another file: what goes is listed first.
    return repository.edited(tree, {**dict.fromkeys(gone), **new})


def _entries(repository: Repository, tree: str) -> Iterator[Entry]:
    inside = [repository.prefix] if repository.prefix else []
    for line in paths(git(repository.top, "ls-tree", "-r", "-z", tree, *inside)):
        entry, path = line.split("\t", 1)
        mode, kind, blob = entry.split()
        yield Entry(mode, kind, blob, path.removeprefix(repository.prefix))


def _free(target: str, path: str, sources: Mapping[str, str]) -> str:
    """Return the new path of a file, or one of its folders; refuse that of another file."""
    if target in sources:
        one, another = sorted((path, sources[target]))
        raise RefusedError(f"{one} and {another} would both be {target}: move one of them first.")
    return target


def _speaking(repository: Repository, tree: str, words: Sequence[str]) -> list[str]:
    """The paths, from the project, of the texts that have one of these words."""
    wanted = [part for word in words for part in ("-e", word)]
    if not wanted:
        return []
    options = ("-I", "-l", "-z", "-F", *wanted)
    done = run_git(repository.top, "grep", *options, tree, "--", repository.prefix or ".")
    found = (path.split(":", 1)[1] for path in paths(text(done.stdout)))
    return [path.removeprefix(repository.prefix) for path in found]


def _renamed(repository: Repository, entry: Entry, names: Names) -> str:
    old = _content(repository, entry.blob)
    change = names.in_link if entry.mode == LINK else names.in_text
    new = change(old, entry.path)
    return entry.blob if new == old else repository.write(new.encode(errors="surrogateescape"))


def _content(repository: Repository, blob: str) -> str:
    content = run_git(repository.top, "cat-file", "blob", blob).stdout
    return content.decode(errors="surrogateescape")


class Written(NamedTuple):
    """What a rename has made of files that are the team's, or that it has edited: their paths.

    named: Those that have the new names now.
    kept: Those in which an old name still is a word.
    """

    named: list[str]
    kept: list[str]


def written(repository: Repository, ours: str, merged: str, theirs: str, names: Names) -> Written:
    """Compare what a team has before and after a rename with the template's own files.

    Args:
        repository: Of the project.
        ours: The tree before.
        merged: The tree after.
        theirs: The tree of the template under the new names.
        names: The old and the new names.
    """
    before = {names.in_path(entry.path): entry for entry in _entries(repository, ours)}
    fresh = {entry.path: entry.blob for entry in _entries(repository, theirs)}
    speaking = {*_speaking(repository, merged, names.old)}
    word = re.compile(WORD.format("|".join(map(re.escape, names.old))))
    found = Written([], [])
    for entry in _entries(repository, merged):
        if entry.blob == fresh.get(entry.path):
            continue
        source = before.get(entry.path, entry)
        if (source.path, source.blob) != (entry.path, entry.blob):
            found.named.append(entry.path)
        if entry.path in speaking:
            known = _content(repository, fresh[entry.path]) if entry.path in fresh else ""
            lines = {*_content(repository, entry.blob).splitlines()} - {*known.splitlines()}
            if any(map(word.search, lines)):
                found.kept.append(entry.path)
    return found
