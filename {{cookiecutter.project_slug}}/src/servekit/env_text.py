"""Reads and fills in the text of a file of settings, `.env`."""

import io
import re

from dotenv import dotenv_values


def values_of(text: str) -> dict[str, str]:
    """Return what settings set, as they are read: `export NAME=value` and ` NAME = "value"`, too.

    Args:
        text: Of the settings.
    """
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def filled(text: str, name: str, value: str, where: object) -> str:
    """Put a value into the one line that sets a name to nothing, or would without its `#`.

    Args:
        text: Of the settings.
        name: Of one of them.
        value: One without spaces and quotes.
        where: What messages call the file.

    Raises:
        ValueError: There is no such line, or more than one.
    """
    text, times = re.subn(
        rf"""^([ \t]*)(?:#[ \t]*)?(export[ \t]+)?{name}[ \t]*=[ \t]*(?:""|'')?[ \t]*$""",
        lambda line: f"{line[1]}{line[2] or ''}{name}={value}",
        text,
        flags=re.MULTILINE,
    )
    if times != 1:
        raise ValueError(f"{where} has no line `{name}=` to fill in.")
    return text
