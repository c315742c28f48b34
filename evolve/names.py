"""Puts other names into what a team has written: whole words, in texts and in paths."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from .git import RefusedError, git, paths, run_git, text
from .repository import Repository
from .templates import PACKAGE, SLUG, Answers

MODELS = "model_store/"
"""Its manifests have the checksums of its files, and the names in it are those of models."""

Renamed = Callable[[str, bool], str]
"""Returns a text with the new names. The second argument says whether it is Python, or a path."""


def renaming(old: Answers, new: Answers) -> Renamed:
    """Return what puts the new package and the new slug in place of the old ones.

    Where both were one word, it is the package in Python and in paths, and the slug elsewhere.
    """
    package = {str(old[PACKAGE]): str(new[PACKAGE])}
    slug = {str(old[SLUG]): str(new[SLUG])}

    def renamed(said: str, is_python: bool) -> str:
        return _replaced(said, {**slug, **package} if is_python else {**package, **slug})

    return renamed


def _replaced(said: str, words: Mapping[str, str]) -> str:
    literal = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"(?<![\w-])({literal})(?![\w-])", lambda found: words[found[0]], said)


def with_names(repository: Repository, tree: str, old: Answers, renamed: Renamed) -> str:
    """Return a tree in which the project's files have the new names, and are called by them.

    Raises:
        RefusedError: A file would be called as another one is.
    """
    entries: dict[str, str | None] = {}
    sources: dict[str, str] = {}
    speaking = _speaking(repository, tree, [str(old[PACKAGE]), str(old[SLUG])])
    inside = [repository.prefix] if repository.prefix else []
    for line in paths(git(repository.top, "ls-tree", "-r", "-z", tree, *inside)):
        entry, path = line.split("\t", 1)
        mode, kind, blob = entry.split()
        own = path.removeprefix(repository.prefix)
        stored = own.startswith(MODELS)
        if kind == "blob" and mode != "120000" and path in speaking and not stored:
            blob = _rewritten(repository, blob, path, renamed)
        target = path if stored else repository.prefix + renamed_path(own, renamed)
        sources[_free(target, path, sources)] = path
        if target != path or blob != entry.split()[2]:
            entries.setdefault(path, None)  # unless another file is called so now
            entries[target] = f"{mode} {blob}"
    for target, path in sources.items():
        for folder in PurePosixPath(target).parents:
            _free(str(folder), path, sources)
    return repository.edited(tree, entries)


def _free(target: str, path: str, sources: Mapping[str, str]) -> str:
    """Return the new path of a file, or one of its folders; refuse that of another file."""
    if target in sources:
        one, another = sorted((path, sources[target]))
        raise RefusedError(f"{one} and {another} would both be {target}: move one of them first.")
    return target


def renamed_path(path: str, renamed: Renamed) -> str:
    """Each folder, and the name of a file without its suffix, may be a name."""
    return "/".join(
        ".".join(renamed(word, True) for word in part.split(".")) for part in path.split("/")
    )


def _speaking(repository: Repository, tree: str, words: list[str]) -> set[str]:
    """The paths of the text files that have one of these words."""
    wanted = [part for word in words for part in ("-e", word)]
    options = ("-I", "-l", "-z", "-F", *wanted)
    done = run_git(repository.top, "grep", *options, tree, "--", repository.prefix or ".")
    return {path.split(":", 1)[1] for path in paths(text(done.stdout))}


def _rewritten(repository: Repository, blob: str, path: str, renamed: Renamed) -> str:
    content = run_git(repository.top, "cat-file", "blob", blob).stdout
    old = content.decode(errors="surrogateescape")
    new = renamed(old, PurePosixPath(path).suffix == ".py")
    return blob if new == old else repository.write(new.encode(errors="surrogateescape"))
