"""A file on a web server, as `download` reads it: whole, or from where it broke off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from repository.errors import Rejected
from repository.fetching.addresses import Address, Rules
from repository.fetching.dialling import Interrupted
from repository.fetching.download import Part
from repository.fetching.https import Answer, get
from repository.fetching.names import name_of

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class WebSource:
    """One address."""

    def __init__(self, address: Address, rules: Rules) -> None:
        self.address, self.rules = address, rules

    @contextmanager
    def open(self, start: int, validator: str) -> Iterator[Part]:
        """See download.Source. Asks for a part only where a validator proves that it is one of
        the same file (RFC 9110, 13.1.5)."""
        resumes = start > 0 and validator
        headers = {"Range": f"bytes={start}-", "If-Range": validator} if resumes else {}
        with get(self.address, self.rules, headers) as answer:
            _require_identity(answer)
            if answer.status == 206:
                yield self._part(answer, *_content_range(answer, start))
            elif answer.status == 416:
                raise Interrupted(f"{self.address.host} has no bytes from {start:,} on.",
                                  code="import_changed")  # fmt: skip
            else:
                yield self._part(answer, 0, _length(answer))

    def _part(self, answer: Answer, start: int, size: int | None) -> Part:
        name = name_of(self.address.path, answer.address.path, answer.header("Content-Disposition"))
        etag = answer.header("ETag")
        # A weak one says nothing of bytes (RFC 9110, 8.8.1).
        validator = etag if etag.startswith('"') else answer.header("Last-Modified")
        return Part(start, size, validator, name, answer.chunks())


def _require_identity(answer: Answer) -> None:
    """We asked for the file as it is; a body that is packed all the same is not it."""
    encoding = answer.header("Content-Encoding").strip().lower()
    if encoding not in ("", "identity"):
        raise Rejected(
            f"{answer.address.host} sends the file packed ({encoding[:20]}) though it was asked "
            "not to.", code="import_failed", hint="Upload the file instead.",
        )  # fmt: skip


def _content_range(answer: Answer, start: int) -> tuple[int, int]:
    """First byte and size of the whole file. Raises Interrupted for another part than asked."""
    found = _RANGE.fullmatch(answer.header("Content-Range").strip())
    if found is None or int(found[1]) != start or int(found[2]) + 1 != int(found[3]):
        raise Interrupted(f"{answer.address.host} sends another part than was asked for.",
                          code="import_changed")  # fmt: skip
    return start, int(found[3])


def _length(answer: Answer) -> int | None:
    text = answer.header("Content-Length").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
