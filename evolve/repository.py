"""The project's git repository: the merge of two renders into it."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .git import RefusedError, git, lines_of, own_path, paths, run_git, say, text
from .meaning import faults, joined
from .side_by_side import side_by_side
from .taking import put_back

KIT = "src/servekit"
OURS, BASE, THEIRS = 2, 1, 3
"""How git numbers the sides of a conflict."""

Stages = dict[int, str]
"""`mode object` by side."""


@dataclass
class Merge:
    """A merge that is not in the working tree yet.

    Attributes:
        tree: What the working tree becomes.
        conflicts: Sides by path.
        faults: What would be wrong, by path, where both sides have other lines and no meaning.
        beside: Paths of files whose edits were put side by side.
        removed: Paths that the project had removed, and that stay so.
        taken: Paths of all other files that change.
    """

    tree: str
    conflicts: dict[str, Stages] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)


class Repository:
    """The repository that a project is in; the project may be a folder of a larger one.

    Raises:
        RefusedError: There is none, or it has changes that are not committed.
    """

    def __init__(self, project: Path) -> None:
        top = run_git(project, "rev-parse", "--show-toplevel")
        if top.returncode:
            raise RefusedError("The project is in no git repository: init one, add and commit.")
        self.top = Path(text(top.stdout).rstrip("\n"))
        self.project = project
        self.prefix = git(project, "rev-parse", "--show-prefix")
        if run_git(project, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise RefusedError("Nothing is committed yet: add and commit first.")
        self.none = "0" * len(git(project, "rev-parse", "HEAD"))
        """The name of no object."""
        if own_path(self.top, "MERGE_HEAD").exists():
            raise RefusedError("A merge is not concluded: commit it, or git merge --abort.")
        put_back(self.top)
        if git(self.top, "status", "--porcelain", "--untracked-files=no", converted=True):
            raise RefusedError("There are changes that are not committed: commit or stash them.")

    def is_known(self, path: str) -> bool:
        """Whether git has a file of the project."""
        return not run_git(self.project, "ls-files", "--error-unmatch", "--", path).returncode

    def object_of(self, tree: str, path: str) -> str:
        """The object at a path of the project; "" where there is none."""
        named = f"{tree}:{self.prefix}{path}"
        return text(run_git(self.top, "rev-parse", "--verify", "--quiet", named).stdout)

    def head_tree(self) -> str:
        """The tree of what is committed."""
        return git(self.top, "rev-parse", "HEAD^{tree}")

    def tree_of(self, folder: Path) -> str:
        """Return HEAD's tree with the files of a folder in place of the project."""
        with tempfile.TemporaryDirectory() as scratch:
            inner = {"GIT_INDEX_FILE": f"{scratch}/inner"}
            directory = git(self.top, "rev-parse", "--absolute-git-dir")
            there = ("--git-dir", directory, "--work-tree", folder)
            # What the project ignores, a render may have.
            git(folder, *there, "add", "--all", "--force", "--", ".", variables=inner)
            tree = git(folder, *there, "write-tree", variables=inner)
            if not self.prefix:
                return tree
            whole = {"GIT_INDEX_FILE": f"{scratch}/whole"}
            git(self.top, "read-tree", "HEAD", variables=whole)
            out = ("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", self.prefix)
            git(self.top, *out, variables=whole)
            git(self.top, "read-tree", f"--prefix={self.prefix}", tree, variables=whole)
            return git(self.top, "write-tree", variables=whole)

    def edited(self, tree: str, entries: Mapping[str, str | None]) -> str:
        """Return a tree with other entries: `mode object` by path, None for one that goes."""
        lines = [
            f"{entry} 0\t{path}\0" if entry else f"0 {self.none}\t{path}\0"
            for path, entry in sorted(entries.items(), key=lambda one: one[1] is not None)
        ]
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            git(self.top, "read-tree", tree, variables=index)
            given = os.fsencode("".join(lines))
            git(self.top, "update-index", "-z", "--index-info", given=given, variables=index)
            return git(self.top, "write-tree", variables=index)

    def commit(self, tree: str, *parents: str) -> str:
        """Return a commit that no branch knows; the same tree gives the same commit."""
        roles = [(role, what) for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        person = {f"GIT_{role}_{what}": "template@localhost" for role, what in roles}
        dates = {f"GIT_{role}_DATE": "2000-01-01T00:00:00Z" for role in ("AUTHOR", "COMMITTER")}
        above = [part for parent in parents for part in ("-p", parent)]
        made = ("commit-tree", tree, *above, "-m", "A render of the template")
        return git(self.top, *made, variables={**person, **dates})

    def check_kit(self, base: str) -> None:
        """Refuse a kit that the project has edited, which an update would replace.

        Args:
            base: The tree of the project as it was made.

        Raises:
            RefusedError: Names the file that has the edits.
        """
        if self.object_of(base, KIT) == self.object_of("HEAD", KIT):
            return
        kit = f"{self.prefix}{KIT}"
        diff = run_git(self.top, "diff", "--no-color", "--no-ext-diff", base, "HEAD", "--", kit)
        patch = own_path(self.top, "kit.diff")
        patch.write_bytes(diff.stdout)
        say(text(diff.stdout))
        raise RefusedError(
            f"{KIT} was edited, and an update replaces it: undo that with "
            f"`git -C '{self.top}' apply -R '{patch}'`, commit, and put your code into the service."
        )

    def merge(self, base: str, ours: str, theirs: str, beside: set[str], moved: bool) -> Merge:
        """Merge what a project and the template made of a render, in git's object store.

        Args:
            base: The tree that both started from.
            ours: The tree of the project.
            theirs: The tree of the new render.
            beside: Paths from the project in which edits are put side by side.
            moved: Whether folders of the template may have moved.
        """
        start = self.commit(base)
        sides = [self.commit(tree, start) for tree in (ours, theirs)]
        # Whether files moved is always looked for: some versions of git cannot be told not to.
        options = {"renames": True, "directoryRenames": moved, "renameLimit": 5000}
        settings = [part for key, one in options.items() for part in ("-c", f"merge.{key}={one}")]
        done = run_git(self.top, *settings, "merge-tree", "--write-tree", "-z", *sides)
        if done.returncode not in (0, 1):
            raise RefusedError("git cannot merge trees: git 2.38 or newer is required.")
        merge, found = _parsed(text(done.stdout))
        conflicts, entries = _by_own_paths(found, sides)
        for path, stages in conflicts.items():
            if stages.keys() == {BASE, THEIRS}:
                merge.removed.append(path)
                entries[path] = None
                continue
            merged = None
            if stages.keys() == {BASE, OURS, THEIRS} and path.removeprefix(self.prefix) in beside:
                merged = self._side_by_side(stages)
            if merged is None:
                merge.conflicts[path] = stages
                merged = self._with_markers(stages)
            else:
                merge.beside.append(path)
            if merged is not None:
                entries[path] = f"{_mode(stages)} {merged}"
            if path.endswith(f"~{sides[0]}"):
                merge.faults[path] = "yours, where a folder has to be"
        if entries:
            merge.tree = self.edited(merge.tree, entries)
        self._mend(merge, {BASE: base, OURS: ours, THEIRS: theirs})
        changed = self._differing("HEAD", merge.tree)
        listed = {*merge.conflicts, *merge.beside, *merge.removed}
        merge.taken = [path for path in changed if path not in listed]
        return merge

    def _differing(self, one: str, another: str) -> list[str]:
        """The paths at which two trees differ."""
        return paths(git(self.top, "diff-tree", "-r", "-z", "--name-only", one, another))

    def _mend(self, merge: Merge, sides: Mapping[int, str]) -> None:
        """Find what has lines of both sides and no meaning; mend it, or make it a conflict.

        Args:
            merge: Whose lines are merged.
            sides: Their trees.
        """
        both = {*self._differing(sides[OURS], merge.tree)}
        both &= {*self._differing(sides[THEIRS], merge.tree)}
        entries: dict[str, str | None] = {}
        for path in sorted(both - merge.conflicts.keys()):
            found = {side: self._entry(tree, path) for side, tree in sides.items()}
            stages = {side: entry for side, entry in found.items() if entry}
            merged = self._entry(merge.tree, path)
            if merged is None or not stages:
                continue
            _, ours, theirs = self._contents(stages)
            content = self._content(merged.split()[1])
            # What was wrong before is the team's to know.
            new = faults(path, content) - faults(path, ours) - faults(path, theirs)
            if not new:
                continue
            mended = _mended(path, content, theirs)
            if mended is not None and not faults(path, mended) - faults(path, ours):
                entries[path] = f"{merged.split()[0]} {self.write(mended)}"
                merge.beside = sorted({*merge.beside, path})
            else:
                merge.conflicts[path] = stages
                merge.faults[path] = " and ".join(sorted(new))
        merge.beside = [path for path in merge.beside if path not in merge.conflicts]
        if entries:
            merge.tree = self.edited(merge.tree, entries)

    def _entry(self, tree: str, path: str) -> str | None:
        """`mode object` of a path of a tree; None where there is no file."""
        found = paths(git(self.top, "ls-tree", "-z", tree, path))
        return " ".join(found[0].split()[:3:2]) if found else None

    def _content(self, blob: str) -> bytes:
        return run_git(self.top, "cat-file", "blob", blob).stdout

    def _contents(self, stages: Stages) -> list[bytes]:
        """The contents of base, ours and theirs; a side that is missing is empty."""
        objects = [stages.get(one, f"- {self.none}").split()[1] for one in (BASE, OURS, THEIRS)]
        return [b"" if one == self.none else self._content(one) for one in objects]

    def _side_by_side(self, stages: Stages) -> str | None:
        if not _are_texts(stages):
            return None
        try:
            texts = [lines_of(one) for one in self._contents(stages)]
        except UnicodeDecodeError:
            return None
        merged = side_by_side(*texts)
        return None if merged is None else self.write("".join(merged).encode())

    def _with_markers(self, stages: Stages) -> str | None:
        """The object of a file with the conflict in it; None unless both sides have a text."""
        if not {OURS, THEIRS} <= stages.keys() or not _are_texts(stages):
            return None
        with tempfile.TemporaryDirectory() as scratch:
            names = ("base", "ours", "theirs")
            for name, content in zip(names, self._contents(stages), strict=True):
                Path(scratch, name).write_bytes(content)
            labels = [part for one in ("yours", "before", "template") for part in ("-L", one)]
            files = ("ours", "base", "theirs")
            done = run_git(Path(scratch), "merge-file", "-p", "--diff3", *labels, *files)
        # It exits with the number of conflicts, or above 127 for what is no text.
        return self.write(done.stdout) if 0 <= done.returncode < 128 else None

    def write(self, content: bytes) -> str:
        """Store a content; return its object."""
        return git(self.top, "hash-object", "-w", "--stdin", given=content)


def _are_texts(stages: Stages) -> bool:
    """Whether all sides are files, and neither links nor submodules."""
    return all(entry.startswith("100") for entry in stages.values())


def _mode(stages: Stages) -> str:
    """The mode of a merged file: the template's, where the project has left it alone."""
    ours, theirs = (stages[one].split()[0] for one in (OURS, THEIRS))
    return theirs if ours == stages.get(BASE, "").split(" ")[0] else ours


def _by_own_paths(
    found: Mapping[str, Stages], sides: Sequence[str]
) -> tuple[dict[str, Stages], dict[str, str | None]]:
    """Put a template's file where it was, which git has moved aside for one of another kind.

    Returns:
        The sides by path, and the paths that git had moved them to, which go.
    """
    conflicts: dict[str, Stages] = {}
    for path, stages in found.items():
        conflicts.setdefault(path.removesuffix(f"~{sides[1]}"), {}).update(stages)
    return conflicts, dict.fromkeys(found.keys() - conflicts.keys())


def _parsed(output: str) -> tuple[Merge, dict[str, Stages]]:
    """Read what `git merge-tree -z` prints: a tree, and the sides of what it could not merge."""
    tree, *rest = output.split("\0")
    conflicts: dict[str, Stages] = {}
    for line in rest[: rest.index("")]:
        entry, path = line.split("\t", 1)
        mode, blob, side = entry.split()
        conflicts.setdefault(path, {})[int(side)] = f"{mode} {blob}"
    return Merge(tree), conflicts


def _mended(path: str, content: bytes, theirs: bytes) -> bytes | None:
    """What stands twice in YAML under one key, as far as that can be."""
    if not path.endswith((".yaml", ".yml")):
        return None
    mended = joined(*map(lines_of, (content, theirs)))
    return None if mended is None else "".join(mended).encode()
