"""Write docs/reference/prompts.md from cookiecutter.json; with --check, only compare."""

import json
import sys

import yaml

from scripts.export import ROOT

PAGE = ROOT / "docs/reference/prompts.md"
CONFIG = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))

INTRODUCTION = """\
# Prompts

<!-- `make docs` writes this page from cookiecutter.json. -->

What `cookiecutter` asks, in this order.
Every answer can be given on the command line: `cookiecutter <template> --no-input websockets=no`.

| prompt | asks | default |
|---|---|---|
"""

PRESETS = """\

## Presets

Files of answers in `presets/`, each one of the renders that are tested.
`cookiecutter --config-file presets/api.yaml <template>` asks with them as defaults; `--no-input`
takes them as they are.

| preset | sample | features | ci |
|---|---|---|---|
"""

RULES = """
## What is refused

An answer that cannot become a project is refused in one sentence, and nothing is left on disk.

- Texts are kept as typed: 1 to 80 characters for names, up to 200 for the description.
  Double quotes, backslashes, backticks and control characters are refused.
- `project_slug` is one to 30 lower-case letters and digits, in words joined by single hyphens;
  `package_name` is the same with underscores.
  Neither may be a keyword, a module of the standard library, a dependency, or a folder that
  the project has.
- `composition` needs the sample, and `kubernetes` needs `docker`.
- The target folder must be empty or absent: existing projects are
  [updated](../how-to/update-a-project.md), not generated again.
- Answers that `cookiecutter --replay` has saved with another version of the template are refused.

## What is recorded

The answers, name and e-mail address included, stand in the project's `.template.json`, with the
version of the template.
`make update SET='tracing=yes'` changes them, and
`cookiecutter <template> --replay-file .template.json` makes the project again.
"""


def default(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"`{option}`" for option in value) + " (the first)"
    return "derived" if "{{" in str(value) else f"`{value}`"


def features() -> str:
    """What each answer brings, path by path."""
    lines = ["\n## What each feature brings\n"]
    for condition, paths in CONFIG["_features"].items():
        lines += [f"`{condition}`:\n", *(f"- `{path}`" for path in paths), ""]
    return "\n".join(lines)


def presets() -> str:
    """What each file in presets/ answers, a row each."""
    rows = ""
    for path in sorted((ROOT / "presets").glob("*.yaml")):
        answers = yaml.safe_load(path.read_text(encoding="utf-8"))["default_context"]
        chosen = ", ".join(f"`{name}`" for name, answer in answers.items() if answer is True)
        link = f"[`{path.stem}`](../../presets/{path.name})"
        rows += f"| {link} | `{answers['sample']}` | {chosen or 'none'} | `{answers['ci']}` |\n"
    return PRESETS + rows


def page() -> str:
    asked = {prompt: value for prompt, value in CONFIG.items() if not prompt.startswith("_")}
    rows = (
        f"| `{prompt}` | {CONFIG['__prompts__'][prompt]} | {default(value)} |\n"
        for prompt, value in asked.items()
    )
    return INTRODUCTION + "".join(rows) + presets() + features() + RULES


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/reference/prompts.md is out of date: run `make docs`.")
