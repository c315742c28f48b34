"""Make the project that was asked for: subtract what was declined, then put in the names.

The template is a complete, running service. Jinja has dropped the lines that wire a declined
feature in; here its files go. Nothing is added but the record of what was asked for. A path that
does not exist is an error, so the manifest cannot rot. Nothing here depends on the day, the machine
or the network: the same answers give the same bytes, which is what lets `make update` merge.
"""

import hashlib
import json
import os
import re
import shutil


def holds(condition, answers):
    """Whether `answers` meet a condition: `auth`, `cache | auth`, `metrics & ci=github`."""
    if "|" in condition:
        return any(holds(one, answers) for one in condition.split("|"))
    for term in condition.split("&"):
        prompt, equals, choice = (part.strip() for part in term.partition("="))
        if not (answers[prompt] == choice if equals else answers[prompt] is True):
            return False
    return True


def subtract(root, answers):
    """Remove the files of every condition that does not hold."""
    for condition, paths in answers["_features"].items():
        if not holds(condition, answers):
            for path in paths:
                remove(os.path.join(root, path), root)


def remove(path, root):
    """Remove a file or folder, and the folders below `root` that this leaves empty."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
    folder = os.path.dirname(path)
    while folder != str(root) and not os.listdir(folder):
        os.rmdir(folder)
        folder = os.path.dirname(folder)


def naming(answers):
    """Return a function that maps text of the template to text of the project.

    One pass over the text: a name that the user chose is never searched for further names.
    """
    names = {old.encode(): answers[prompt].encode() for old, prompt in answers["_names"].items()}
    literal = re.compile(b"|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    return lambda text: literal.sub(lambda found: names[found[0]], text)


def rename(root, answers):
    """Put the user's names in place of the template's, in text and in paths."""
    renamed = naming(answers)
    for folder, subfolders, files in os.walk(root, topdown=False):  # what it holds, then itself
        for name in files:
            rewrite(os.path.join(folder, name), renamed)
        for name in subfolders + files:
            new_name = os.fsdecode(renamed(os.fsencode(name)))
            if new_name != name:
                os.rename(os.path.join(folder, name), os.path.join(folder, new_name))


def rewrite(path, renamed):
    """Put the names into a text file; its line endings and mode stay."""
    with open(path, "r+b") as file:
        text = file.read()
        new_text = text if b"\0" in text else renamed(text)
        if new_text != text:
            file.seek(0)
            file.write(new_text)
            file.truncate()


RECORD = ".template.json"


def write_record(root, answers):
    """Write what the project was made from, for `make update` and `cookiecutter --replay-file`."""
    asked = {key: answers[key] for key in sorted(answers) if not key.startswith("_")}
    record = {
        "template": answers["_home"],
        "version": answers["_version"],
        "made": fingerprint(root),
        "cookiecutter": asked,
    }
    with open(os.path.join(root, RECORD), "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def fingerprint(root):
    """Return a hash of all files but the record: of their paths and contents."""
    digest = hashlib.sha256()
    paths = [os.path.join(folder, name) for folder, _, files in os.walk(root) for name in files]
    inside = {os.path.relpath(path, root).replace(os.sep, "/"): path for path in paths}
    for name in sorted(inside.keys() - {RECORD}):
        with open(inside[name], "rb") as file:
            content = file.read()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def closing_lines(answers):
    """Return what was made, what to type next and where the docs are: a line each, in ASCII."""
    folder = answers["project_slug"]
    chosen = [prompt for prompt, answer in answers.items() if answer is True]
    made = f"a FastAPI service on Ray Serve{', with ' * bool(chosen)}{', '.join(chosen)}"
    model = "make model NAME=churn && " * (answers["sample"] == "none")
    return [
        f"Made: {folder}, {made}.",
        f"Next: cd {folder} && {model}make dev",
        f"Docs: {folder}/README.md and {folder}/docs/README.md; `make` lists the commands.",
    ]


if __name__ == "__main__":
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    subtract(os.getcwd(), answers)
    rename(os.getcwd(), answers)
    write_record(os.getcwd(), answers)
    print("\n".join(closing_lines(answers)))
