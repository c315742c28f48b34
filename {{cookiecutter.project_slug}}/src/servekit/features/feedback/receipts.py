"""Receipts: signed proof that an answer was given, so that nothing has to be stored.

A receipt holds a number of its own, the time, the model and its version, and keyed digests of the
input and the output. The signature is also over the id of the request and the caller's, which are
not in it: a receipt is good only with the one and for the other.
"""

import hmac
import secrets
import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from time import time
from typing import NamedTuple

_FORMAT = 1
_HEAD = struct.Struct(">BI16s16s16s")
_LENGTHS = struct.Struct(">II")
_TAG_BYTES = 16


class Content(NamedTuple):
    """The item and its answer in canonical form: equal values have equal texts.

    output: None where it is not looked at.
    """

    input: str
    output: str | None


class Answer(NamedTuple):
    """What a receipt is for.

    request_id, owner: of the request, and of the caller that sent it.
    model: the name of the contract.
    version: the reference of the version that answered.
    """

    request_id: str
    owner: str
    model: str
    version: str
    content: Content


class Receipt(NamedTuple):
    """A receipt that was found good.

    id: its own number, 32 hexadecimal digits.
    owner: a keyed digest of the caller's id, 32 hexadecimal digits.
    """

    id: str
    owner: str
    model: str
    version: str


class _Keys(NamedTuple):
    """One for each purpose, so that none of the digests can stand for another."""

    signature: bytes
    input: bytes
    output: bytes
    owner: bytes

    @classmethod
    def of(cls, secret: bytes) -> "_Keys":
        return cls(*(_digest(secret, purpose.encode(), 32) for purpose in cls._fields))


class Receipts:
    """Issues receipts and checks them.

    secrets: the first signs, all are accepted.
    lifetime_s: how long one is good for.
    """

    def __init__(
        self, secrets: list[bytes], lifetime_s: float, clock: Callable[[], float] = time
    ) -> None:
        self._keys = list(map(_Keys.of, secrets))
        self._lifetime_s = lifetime_s
        self._clock = clock

    def issue(self, answer: Answer) -> str:
        keys = self._keys[0]
        number = secrets.token_bytes(16)
        head = _HEAD.pack(_FORMAT, int(self._clock()), number, *_tags(keys, number, answer.content))
        signed = head + f"{answer.model} {answer.version}".encode()
        return _encoded(signed + _signature(keys, signed, answer.request_id, answer.owner))

    def check(
        self, receipt: str, request_id: str, owner: str, content: Content | None = None
    ) -> Receipt | None:
        """Return what a receipt says, if it is good for this request, caller and content.

        content: not looked at when it is None.
        """
        try:
            raw = b64decode(receipt + "=" * (-len(receipt) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        signed, signature = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        # Some bits of the last character mean nothing: only one way to write it is the right one.
        if len(signed) < _HEAD.size or _encoded(raw) != receipt:
            return None
        for keys in self._keys:
            if hmac.compare_digest(_signature(keys, signed, request_id, owner), signature):
                return self._opened(keys, signed, owner, content)
        return None

    def _opened(
        self, keys: _Keys, signed: bytes, owner: str, content: Content | None
    ) -> Receipt | None:
        kind, issued_at, number, *tags = _HEAD.unpack_from(signed)
        if kind != _FORMAT or issued_at + self._lifetime_s < self._clock():
            return None
        # Without an output only the first of the two is compared.
        same = content is None or all(map(hmac.compare_digest, _tags(keys, number, content), tags))
        if not same:
            return None
        model, _, version = signed[_HEAD.size :].decode().partition(" ")
        return Receipt(number.hex(), _owner(keys, owner), model, version)

    def owners(self, owner: str) -> Iterator[str]:
        """How receipts name an owner, by each of the secrets."""
        for keys in self._keys:
            yield _owner(keys, owner)


def _tags(keys: _Keys, number: bytes, content: Content) -> list[bytes]:
    pairs = [(keys.input, content.input), (keys.output, content.output)]
    return [_digest(key, number + one.encode()) for key, one in pairs if one is not None]


def _owner(keys: _Keys, owner: str) -> str:
    return _digest(keys.owner, owner.encode()).hex()


def _signature(keys: _Keys, signed: bytes, request_id: str, owner: str) -> bytes:
    request, asked_by = request_id.encode(), owner.encode()
    lengths = _LENGTHS.pack(len(signed), len(request))
    return _digest(keys.signature, b"".join((lengths, signed, request, asked_by)))


def _digest(key: bytes, content: bytes, size_bytes: int = _TAG_BYTES) -> bytes:
    return hmac.digest(key, content, "sha256")[:size_bytes]


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
