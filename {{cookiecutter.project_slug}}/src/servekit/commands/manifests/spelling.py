"""Tells a misspelt name from another one."""

import re


def is_misspelt(word: str, other: str) -> bool:
    """Whether a word is another one with a letter too many, too few, or two in turned order.

    Words that differ in digits are meant to, as in `redis-2`.
    """
    if word == other or re.sub("[0-9]", "", word) == re.sub("[0-9]", "", other):
        return False
    short, long = sorted((word, other), key=len)
    if len(short) == len(long):
        return any(
            short[:at] + short[at + 1] + short[at] + short[at + 2 :] == long
            for at in range(len(short) - 1)
        )
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
