"""One GET over the web: redirects judged one by one, bounded in number, size and time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from repository.errors import Rejected
from repository.fetching.addresses import Address, AddressRefused, Rules
from repository.fetching.dialling import Interrupted, Watchdog, dialled

MAX_REDIRECTS = 5
HEADER_SECONDS = 30.0
"""From the connection to the end of the answer's headers."""
IDLE_SECONDS = 60.0
LEAST_BYTES = 64 * 1024
"""Fewer in IDLE_SECONDS are no transfer but a server that holds us."""
READ_BYTES = 2**20
REDIRECTS = (301, 302, 303, 307, 308)
BUSY = (408, 425, 429)
HEADERS = {
    # What is hashed is what the server keeps; and no small body grows without bound here.
    "Accept-Encoding": "identity",
    "User-Agent": "Rastrum",
    "Connection": "close",
}


@dataclass(frozen=True)
class Answer:
    """A final answer whose body has not been read yet."""

    address: Address
    """Where it came from in the end."""
    status: int
    headers: Mapping[str, str]
    response: HTTPResponse
    watchdog: Watchdog

    def header(self, name: str) -> str:
        """A header's text, "" where it is missing; UTF-8 where the server sends that
        (http.client reads Latin-1)."""
        text = self.headers.get(name, "")
        try:
            return text.encode("latin-1").decode()
        except UnicodeError:
            return text

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes. Raises Interrupted where it breaks off, stalls or drips."""
        since, came = time.monotonic(), 0
        while chunk := self._read():
            came += len(chunk)
            waited = time.monotonic() - since
            if waited > IDLE_SECONDS:
                if came < LEAST_BYTES:
                    raise Interrupted(f"{self.address.host} sent {came:,} bytes in {waited:.0f} s.")
                since, came = time.monotonic(), 0
            yield chunk

    def _read(self) -> bytes:
        self.watchdog.allow(IDLE_SECONDS)
        try:
            chunk = self.response.read1(READ_BYTES, decode_content=False)
        except (OSError, HTTPError, http.client.HTTPException) as error:
            raise self._broken_off() from error
        if not chunk and self.watchdog.has_cut:  # our own cut must not look like the end
            raise self._broken_off()
        return chunk

    def _broken_off(self) -> Interrupted:
        return Interrupted(f"The answer of {self.address.host} broke off.")


@contextmanager
def get(
    address: Address, rules: Rules, headers: Mapping[str, str] | None = None
) -> Iterator[Answer]:
    """The answer to a GET, after redirects; closed at the end of the block.

    No cookie or credential is sent, here or to where a redirect leads. Raises
    AddressRefused, Rejected (`import_not_found`, `import_forbidden`, `import_failed`,
    `import_certificate`) or Interrupted.
    """
    for _ in range(MAX_REDIRECTS + 1):
        with _hop(address, rules, HEADERS | dict(headers or {})) as answer:
            if answer.status not in REDIRECTS:
                _require_success(answer)
                yield answer
                return
            address = address.follow(_location(answer), rules)
    raise AddressRefused(f"The server leads on and on, more than {MAX_REDIRECTS} times.",
                         hint="Give the address where the file lies.")  # fmt: skip


@contextmanager
def _hop(address: Address, rules: Rules, headers: Mapping[str, str]) -> Iterator[Answer]:
    with dialled(address, rules, idle_seconds=IDLE_SECONDS) as (connection, watchdog):
        watchdog.allow(HEADER_SECONDS)
        try:
            connection.request("GET", address.target, headers=headers,
                               preload_content=False, decode_content=False)  # fmt: skip
            response = connection.getresponse()
        except (OSError, HTTPError, http.client.HTTPException) as error:
            raise Interrupted(f"{address.host} gives no answer.") from error
        yield Answer(address, response.status, response.headers, response, watchdog)


def _location(answer: Answer) -> str:
    location = answer.header("Location")
    if not location:
        raise Rejected(
            f"{answer.address.host} leads elsewhere without saying where.",
            code="import_failed",
            hint="Give the address where the file lies.",
        )
    return location


def _require_success(answer: Answer) -> None:
    """Raise what a status other than 200, 206 and 416 means to whoever asked."""
    status, host = answer.status, answer.address.host
    if status in (200, 206, 416):
        return
    if status >= 500 or status in BUSY:
        raise Interrupted(f"{host} answers {status} at the moment.")
    if status in (404, 410):
        raise Rejected(f"{host} has no such file ({status}).", code="import_not_found",
                       hint="Check the address; is it one that needs no signing in?")  # fmt: skip
    if status in (401, 403, 407):
        raise Rejected(f"{host} does not give this file to everybody ({status}).",
                       code="import_forbidden",
                       hint="Use an address that is signed, or upload the file.")  # fmt: skip
    raise Rejected(f"{host} answers {status}, which is no file.", code="import_failed",
                   hint="Open the address in a browser: is it the file itself?")  # fmt: skip
