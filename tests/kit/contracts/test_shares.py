"""One caller takes no more than its share, and gives back what it held."""

import pytest

from servekit.contracts import TooManyStreamsError
from servekit.contracts.shares import Shares


def test_a_caller_has_its_share_and_gives_it_back() -> None:
    shares = Shares(2)
    with shares.held("one"), shares.held("one"):
        with pytest.raises(TooManyStreamsError, match=r"^The limit of 2 open streams for one"):
            shares.held("one").__enter__()
        with shares.held("another"):
            pass
    for _ in range(3):
        with shares.held("one"):
            pass


def test_what_fails_gives_its_place_back() -> None:
    shares = Shares(1)
    for _ in range(2):
        with pytest.raises(ValueError), shares.held("one"):  # noqa: PT011
            raise ValueError
    with shares.held("one"):
        pass


def test_unknown_callers_are_not_one_caller() -> None:
    shares = Shares(1)
    with shares.held(""), shares.held(""):
        pass
