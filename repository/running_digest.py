"""SHA-256 and MD5 of bytes that arrive over many requests, processes and restarts.

A digest of a hundred gigabytes must not be begun anew because a server was restarted, but
`hashlib` cannot put its state aside. The same OpenSSL functions can: their contexts are plain
structures (openssl/sha.h, openssl/md5.h). Where this Python's OpenSSL does not offer them, the
state is simply not kept, and bytes are read again.
"""

from __future__ import annotations

import _hashlib
import ctypes
import hashlib
import struct
import sys
from collections.abc import Iterable
from typing import Protocol

_CONTEXT_BYTES = {"SHA256": 112, "MD5": 92}
_DIGEST_BYTES = {"SHA256": 32, "MD5": 16}
_MARK = f"1{sys.byteorder[0]}".encode()
"""Version of the kept state; a context is in the machine's byte order."""
_HEAD = struct.Struct(">2sQ")
STATE_BYTES = _HEAD.size + sum(_CONTEXT_BYTES.values())


class _Hash(Protocol):
    def update(self, block: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _OpenHash:
    """One of OpenSSL's hashes whose context can be read and written."""

    def __init__(self, name: str, context: bytes = b"") -> None:
        self._name = name
        self._update = getattr(_library, f"{name}_Update")
        # Longer than today's structure, should a newer OpenSSL add to its end.
        self._context = ctypes.create_string_buffer(context, 256)
        if not context:
            getattr(_library, f"{name}_Init")(self._context)

    def update(self, block: bytes) -> None:
        self._update(self._context, ctypes.c_char_p(block), ctypes.c_size_t(len(block)))

    def context(self) -> bytes:
        return self._context.raw[: _CONTEXT_BYTES[self._name]]

    def hexdigest(self) -> str:
        # Final spoils the context, so a copy is closed.
        copy = ctypes.create_string_buffer(self._context.raw, 256)
        digest = ctypes.create_string_buffer(_DIGEST_BYTES[self._name])
        getattr(_library, f"{self._name}_Final")(digest, copy)
        return digest.raw.hex()


class RunningDigest:
    """SHA-256 and MD5 of a file's first `offset` bytes."""

    def __init__(self) -> None:
        self.offset = 0
        self._sha256: _Hash = _OpenHash("SHA256") if CAN_BE_KEPT else hashlib.sha256()
        self._md5: _Hash = _OpenHash("MD5") if CAN_BE_KEPT else hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(block)
        self._md5.update(block)
        self.offset += len(block)

    def take(self, blocks: Iterable[bytes]) -> None:
        """Take the next bytes, block by block."""
        for block in blocks:
            self.update(block)

    def hexdigests(self) -> tuple[str, str]:
        """SHA-256 and MD5, in hex."""
        return self._sha256.hexdigest(), self._md5.hexdigest()

    def state(self) -> bytes:
        """What `from_state` goes on from; empty where this Python cannot tell."""
        if not isinstance(self._sha256, _OpenHash) or not isinstance(self._md5, _OpenHash):
            return b""
        head = _HEAD.pack(_MARK, self.offset)
        return head + self._sha256.context() + self._md5.context()

    @classmethod
    def from_state(cls, state: bytes) -> RunningDigest:
        """The digest that said so; a fresh one where the state is empty or another machine's."""
        digest = cls()
        if len(state) != STATE_BYTES or not CAN_BE_KEPT:
            return digest
        mark, offset = _HEAD.unpack_from(state)
        if mark != _MARK:
            return digest
        middle = _HEAD.size + _CONTEXT_BYTES["SHA256"]
        digest.offset = offset
        digest._sha256 = _OpenHash("SHA256", state[_HEAD.size : middle])
        digest._md5 = _OpenHash("MD5", state[middle:])
        return digest


def _open_library() -> ctypes.CDLL | None:
    """OpenSSL as `hashlib` itself has loaded it."""
    try:
        library = ctypes.CDLL(_hashlib.__file__)
        for name in _CONTEXT_BYTES:
            for function in ("Init", "Update", "Final"):
                getattr(library, f"{name}_{function}")
    except (AttributeError, OSError, TypeError):
        return None
    return library


def _is_right(name: str) -> bool:
    """Whether a context that is put aside and taken up again gives the digest it should."""
    first = _OpenHash(name)
    first.update(b"a" * 100)
    second = _OpenHash(name, first.context())
    second.update(b"b" * 100)
    expected = hashlib.new(name, b"a" * 100 + b"b" * 100, usedforsecurity=False)
    return second.hexdigest() == expected.hexdigest()


_library = _open_library()
CAN_BE_KEPT = _library is not None and all(map(_is_right, _CONTEXT_BYTES))
