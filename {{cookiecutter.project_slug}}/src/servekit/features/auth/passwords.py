"""Verifies passwords."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from fastapi import HTTPException
from pwdlib import PasswordHash

from .accounts import Account

THREADS = 2
"""Each takes as much memory as the hash says, usually 64 MiB, and a good part of a second."""
MAX_WAITING = 32
MAX_CHARS = 1024

hashing = PasswordHash.recommended()


class Passwords:
    """Compares passwords in threads, a few at a time, so that a flood delays no other request.

    An unknown name takes as long as a wrong password, which hides which accounts exist.
    """

    def __init__(self, users: Iterable[Account]) -> None:
        self._hashes = {user.name: user.proof for user in users}
        self._decoy = next(iter(self._hashes.values()))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._waiting = 0

    def existing_name(self, name: str) -> str:
        """Return the name, if a user has it; else ""."""
        return name if name in self._hashes else ""

    async def match(self, name: str, password: str) -> bool:
        """Verify a password. Raises HTTPException (503) when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise HTTPException(503, "Too many sign-ins at once.", {"Retry-After": "1"})
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            proof = self._hashes.get(name, self._decoy)
            right = await loop.run_in_executor(self._threads, _is_right, password, proof)
        finally:
            self._waiting -= 1
        return right and name in self._hashes


def _is_right(password: str, proof: str) -> bool:
    try:
        return hashing.verify(password[:MAX_CHARS], proof) and len(password) <= MAX_CHARS
    except UnicodeError:
        return False
