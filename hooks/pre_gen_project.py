"""Refuse answers that cannot become a project, before a file of it is written.

A refusal is one sentence on stderr and leaves nothing on disk. Cookiecutter removes the empty
project folder itself, but not the folders above it that it made on the way: see `sweep`.
"""

import contextlib
import json
import keyword
import os
import re
import subprocess
import sys
import time
from pathlib import Path

LONGEST = {"project_name": 80, "author_name": 80, "author_email": 80, "description": 200}
LONGEST_SLUG = 30  # the template's lines leave this much room for the name of the package
NOTATION = {"project_slug": "-", "package_name": "_"}

# What cannot stand between the double quotes of Python and TOML, or hides what a line says:
# controls, line separators, marks that reverse the direction, zero-width marks, lone surrogates.
# Joiners stay: emoji and several scripts are written with them.
UNWRITABLE = re.compile(
    r"[\"\\`\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
SPOKEN = {'"': "a double quote", "\\": "a backslash", "`": "a backtick", "\n": "a line break"}


def complaints(answers, folder):
    """Yield a sentence for each reason why no project can be made of `answers` in `folder`."""
    for prompt, longest in LONGEST.items():
        yield from text_complaints(prompt, answers[prompt], longest)
    if not re.fullmatch(r"[^\s@<>(),:;]+@[^\s@<>(),:;]+", answers["author_email"]):
        yield f"author_email {answers['author_email']!a} is not an e-mail address."
    for prompt, joint in NOTATION.items():
        yield from name_complaints(prompt, answers[prompt], joint, answers["_reserved"])
    if any(folder.iterdir()):
        yield f"The folder {folder.name!a} is not empty; `cruft update` updates a project."


def text_complaints(prompt, text, longest):
    if not text.strip():
        yield f"{prompt} is empty."
    if len(text) > longest:
        yield f"{prompt} has {len(text)} characters, and at most {longest} fit."
    if found := UNWRITABLE.search(text):
        character = SPOKEN.get(found[0]) or f"the control character U+{ord(found[0]):04X}"
        yield f"{prompt} contains {character}, which cannot be written into every file."


def name_complaints(prompt, name, joint, reserved):
    if not re.fullmatch(f"[a-z][a-z0-9]*({joint}[a-z0-9]+)*", name) or len(name) > LONGEST_SLUG:
        yield (
            f"{prompt} {name!a} is not one to {LONGEST_SLUG} lower-case letters and digits, "
            f"in words joined by {joint!r}, starting with a letter."
        )
    package = name.replace("-", "_")
    reserved = {
        "a keyword of Python": keyword.kwlist,
        "a module of the standard library": sys.stdlib_module_names,
        **reserved,
    }
    for owner, names in reserved.items():
        if package in names:
            yield f"{prompt} {name!a} is already {owner}."


def parents_made_for(folder):
    """The folders above `folder` that were made on the way to it, innermost first.

    Such a folder got its first entry as soon as it was made. Linux does not say when that was, but
    nobody has listed the folder yet, so it was last accessed when it was made.
    """
    made = []
    if any(folder.iterdir()):
        return made  # the user's own: cookiecutter will not remove it
    for parent in folder.parents:
        status = parent.stat()
        born = status.st_ctime if os.name == "nt" else status.st_atime
        if not 0 <= status.st_mtime - getattr(status, "st_birthtime", born) < 0.05:
            break
        made.append(parent)
    return made


def sweep(folder, *parents):
    """Remove the `parents` that are empty once cookiecutter has removed `folder`."""
    deadline = time.monotonic() + 5
    while os.path.exists(folder) and time.monotonic() < deadline:
        time.sleep(0.002)
    with contextlib.suppress(OSError):  # not empty: somebody else's by now
        for parent in parents:
            os.rmdir(parent)


def refuse(sentence, folder):
    """End the generation, and let a process that outlives it remove what cookiecutter leaves."""
    if made := parents_made_for(folder):
        # It inherits stderr, so whoever reads ours to its end also waits for the sweeping.
        subprocess.Popen([sys.executable, __file__, folder, *made], cwd=made[-1].parent)
    sys.exit(sentence)


if __name__ == "__main__":
    if sys.argv[1:]:
        sweep(*sys.argv[1:])
    else:
        answers = json.loads(r"""{{ cookiecutter | tojson }}""")
        for complaint in complaints(answers, Path.cwd()):
            refuse(complaint, Path.cwd())
