"""Receipts: signed proof that an answer was given, so that nothing has to be stored.

A receipt holds a number of its own, the time, the version of the model, and a keyed digest of the
text. The signature is also over the id of the request and over who has asked, which are not in it:
whoever shows a receipt has to know the one and be the other.
"""

import hmac
import secrets
import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from time import time
from typing import NamedTuple

MAX_REQUEST_ID_CHARS = 200
"""Answers to requests with longer ids, which they chose themselves, get no receipt."""

_FORMAT = 1
_HEAD = struct.Struct(">BI16s16s")
_LENGTHS = struct.Struct(">II")
_TAG_BYTES = 16


class Answer(NamedTuple):
    """What a receipt is for.

    request_id, owner: of the request, and who sent it.
    model: the `reference` of the version that answered.
    """

    request_id: str
    owner: str
    text: str
    model: str


class Receipt(NamedTuple):
    """A receipt that was found good.

    id: its own number, 32 hexadecimal digits.
    owner: a keyed digest of who it was given to, 32 hexadecimal digits.
    """

    id: str
    owner: str
    model: str


class _Keys(NamedTuple):
    """One for each purpose, so that none of the digests can stand for another."""

    signature: bytes
    text: bytes
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
        text_tag = _digest(keys.text, number + answer.text.encode())
        head = _HEAD.pack(_FORMAT, int(self._clock()), number, text_tag)
        signed = head + answer.model.encode()
        return _encoded(signed + _signature(keys, signed, answer.request_id, answer.owner))

    def check(
        self, receipt: str, request_id: str, owner: str, text: str | None = None
    ) -> Receipt | None:
        """What a receipt says, if it is good for this request, this caller and this text.

        text: not looked at when it is None.
        """
        try:
            content = b64decode(receipt + "=" * (-len(receipt) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        signed, signature = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
        # Some bits of the last character mean nothing: only one way to write it is the right one.
        if len(signed) < _HEAD.size or _encoded(content) != receipt:
            return None
        for keys in self._keys:
            if hmac.compare_digest(_signature(keys, signed, request_id, owner), signature):
                return self._opened(keys, signed, owner, text)
        return None

    def _opened(self, keys: _Keys, signed: bytes, owner: str, text: str | None) -> Receipt | None:
        kind, issued_at, number, text_tag = _HEAD.unpack_from(signed)
        if kind != _FORMAT or issued_at + self._lifetime_s < self._clock():
            return None
        same_text = text is None or hmac.compare_digest(
            _digest(keys.text, number + text.encode()), text_tag
        )
        if not same_text:
            return None
        return Receipt(number.hex(), _owner(keys, owner), signed[_HEAD.size :].decode())

    def owners(self, owner: str) -> Iterator[str]:
        """How receipts name an owner, by each of the secrets."""
        for keys in self._keys:
            yield _owner(keys, owner)


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
