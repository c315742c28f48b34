"""Refuse answers that cannot become a project, before a file of it is written.

A refusal is one sentence on stderr and leaves nothing on disk. Cookiecutter removes the empty
project folder itself, but not the folders above it that it made on the way: see `sweep`.
"""

import json
import keyword
import os
import re
import sys
import time

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

AT_ONCE_S = 0.05  # cookiecutter takes many times longer from its start to its first folder


def complaints(answers, folder):
    """Yield a sentence for each reason why no project can be made of `answers` in `folder`."""
    for prompt, longest in LONGEST.items():
        yield from text_complaints(prompt, answers[prompt], longest)
    if not re.fullmatch(r"[^\s@<>(),:;]+@[^\s@<>(),:;]+", answers["author_email"]):
        yield f"author_email {answers['author_email']!a} is not an e-mail address."
    for prompt, joint in NOTATION.items():
        yield from name_complaints(prompt, answers[prompt], joint, answers["_reserved"])
    if os.listdir(folder):
        name = os.path.basename(folder)
        yield f"The folder {name!a} is not empty; `cruft update` updates a project."


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


def folders_made_for(project, path):
    """The folders above `project` that were made on the way of `path` to it, deepest first.

    Linux does not say when a folder was made; but nobody has listed such a folder yet, so it was
    last accessed when it was made, and that was just before `project` was.
    """
    if any(project.iterdir()):
        return []  # the user's own: cookiecutter will not remove it

    def age(folder):
        status = folder.stat()
        accessed = status.st_ctime if os.name == "nt" else status.st_atime
        return project.stat().st_mtime - getattr(status, "st_birthtime", accessed)

    passed = {folder.resolve() for folder in path.parents}
    made = [folder for folder in passed if 0 <= age(folder) < AT_ONCE_S]
    return sorted(made, key=lambda folder: len(folder.parts), reverse=True)


def sweep(project, *folders):
    """Once cookiecutter has removed `project`, remove those of `folders` that are empty."""
    deadline = time.monotonic() + 5
    while os.path.exists(project) and time.monotonic() < deadline:
        time.sleep(0.002)
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:  # not empty: somebody else's by now
            continue


def refuse(sentence, answers):
    """End the generation, and let a process that outlives it remove what cookiecutter leaves."""
    import subprocess  # noqa: PLC0415  (a generation that succeeds does not wait for these)
    from pathlib import Path  # noqa: PLC0415

    project = Path.cwd()
    path = Path(answers.get("_output_dir", project.parent), answers["project_slug"])
    if made := folders_made_for(project, path):
        # It inherits stderr, so whoever reads ours to its end also waits for the sweeping.
        subprocess.Popen([sys.executable, __file__, project, *made], cwd=made[-1].parent)
    sys.exit(sentence)


if __name__ == "__main__":
    if sys.argv[1:]:
        sweep(*sys.argv[1:])
    else:
        answers = json.loads(r"""{{ cookiecutter | tojson }}""")
        for complaint in complaints(answers, os.getcwd()):
            refuse(complaint, answers)
