"""Refuse what cannot become a project, before a file of it is written.

Bad answers are refused earlier, where cookiecutter reads them: see `local_extensions.py`. What
comes past it, such as the answers of a replay, is refused here in one sentence on stderr. Then
cookiecutter removes the project folder, and leaves the empty folders above it that it made.
"""

import json
import keyword
import os
import re
import sys
from itertools import chain

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


def complaints(answers):
    """Yield a sentence for each reason why no project can be made of `answers`."""
    for prompt, longest in LONGEST.items():
        yield from text_complaints(prompt, answers[prompt], longest)
    if not re.fullmatch(r"[^\s@<>(),:;]+@[^\s@<>(),:;]+", answers["author_email"]):
        yield f"author_email {answers['author_email']!a} is not an e-mail address."
    if answers["composition"] is True and answers["sample"] != "language":
        yield "composition needs the sample: answer sample with language, or composition with no."
    if answers["kubernetes"] is True and answers["docker"] is not True:
        yield "kubernetes needs the image: answer docker with yes, or kubernetes with no."
    for prompt, joint in NOTATION.items():
        yield from name_complaints(prompt, answers[prompt], joint, answers["_reserved"])


def replay_complaints(answers):
    """Yield a sentence when the manifest that is replayed is another version's.

    By it, files of declined features would stay, or the wrong ones would go.
    """
    if not answers["_is_current"]:
        yield (
            "These answers were saved with another version of the template; replay the "
            ".template.json of a project, or answer the questions again."
        )


def folder_complaints(folder):
    """Yield a sentence when no project can be made in `folder`."""
    if os.listdir(folder):
        name = os.path.basename(folder)
        yield f"The folder {name!a} is not empty; `make update` in it updates a project."


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


if __name__ == "__main__":
    answers = json.loads(r"""{{ cookiecutter | of_this_version | tojson }}""")
    found = (replay_complaints(answers), complaints(answers), folder_complaints(os.getcwd()))
    for complaint in chain.from_iterable(found):
        sys.exit(complaint)
