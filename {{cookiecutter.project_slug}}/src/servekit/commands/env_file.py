"""`make setup`: adds to the settings of this machine, `.env`, what `.env.example` sets.

Lines that are there stay as they are, those included that were commented out.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from servekit.env_text import values_of

SET = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)
COMMENTED_OUT = re.compile(r"^[ \t]*#[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]*)[ \t]*=", re.MULTILINE)
MENTIONED = re.compile(r"^(?:# ?)?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def additions(settings: str, example: str) -> Iterator[str]:
    """The paragraphs of an example that settings lack, or the lines of them, with comments.

    Args:
        settings: The text of the settings as they are.
        example: The text of the example.
    """
    there = {*values_of(settings), *COMMENTED_OUT.findall(settings)}
    for paragraph in re.split(r"\n\n+", example.strip("\n")):
        if {*SET.findall(paragraph)} <= there:
            continue
        is_new = there.isdisjoint(MENTIONED.findall(paragraph))
        yield paragraph if is_new else _rest(paragraph, there)


def _rest(paragraph: str, there: set[str]) -> str:
    """The lines of a paragraph that set what is not there, each with the comment above it."""
    lines: list[str] = []
    comment: list[str] = []
    for line in paragraph.splitlines():
        mentioned = MENTIONED.match(line)
        if not mentioned:
            comment.append(line)
            continue
        if SET.match(line) and mentioned[1] not in there:
            lines += [*comment, line]
        comment = []
    return "\n".join(lines)


def complete(path: Path, example: Path) -> list[str]:
    """Add to a file of settings what it lacks; return the names. A new one is its owner's alone."""
    wanted = example.read_text(encoding="utf-8")
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.write_text(wanted, encoding="utf-8")
        return []
    settings = path.read_text(encoding="utf-8")
    added = [*additions(settings, wanted)]
    if added:
        ended = "" if settings.endswith("\n") or not settings else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(ended + "".join(f"\n{paragraph}\n" for paragraph in added))
    return SET.findall("\n".join(added))


def main() -> None:
    example, path = map(Path, sys.argv[1:])
    try:
        added = complete(path, example)
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{path} cannot be completed: {error}.")
    if added:
        print(f"Added to {path}: {', '.join(added)}.")


if __name__ == "__main__":
    main()
