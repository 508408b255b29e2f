"""Connects to the server that was judged: its name is resolved once, that address is dialled.

A name that answers with another address a moment later (DNS rebinding) gains nothing,
because no later step asks again. The name still goes into SNI, the certificate's check and
the Host header. No proxy of the environment is used.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from types import TracebackType
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from repository.errors import Rejected, StepFailed
from repository.fetching.addresses import Address, Rules, is_public, private_host

CONNECT_SECONDS = 10.0
DIALLED_AT_MOST = 4
"""Addresses of one name: each that does not answer costs CONNECT_SECONDS."""
NOT_FOUND = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))

SocketAddress = tuple[Any, ...]
Found = tuple[socket.AddressFamily, SocketAddress]


class Interrupted(StepFailed):
    """The other server did not answer, or its answer broke off: going on later may help."""

    code, title = "import_unavailable", "The other server does not answer"


class _Pinned:
    """Mixin of urllib3's connections: dials what was resolved, whatever the name says now."""

    found: tuple[Found, ...]
    line: socket.socket | None = None
    """A second handle of the connection, which TLS does not take over."""

    def _new_conn(self) -> socket.socket:
        dialled = _dial(self.found)
        self.line = dialled.dup()
        return dialled


class PinnedHttp(_Pinned, HTTPConnection):
    """http, for the hosts that the operator named."""


class PinnedHttps(_Pinned, HTTPSConnection):
    """https; the certificate is checked against the name that was asked for."""


Connection = PinnedHttp | PinnedHttps


@contextmanager
def dialled(
    address: Address, rules: Rules, *, idle_seconds: float
) -> Iterator[tuple[Connection, Watchdog]]:
    """A connection that stands, TLS included, closed at the end of the block, and what guards
    its time.

    Raises AddressRefused (a private address), Rejected `import_not_found` (no such host) or
    `import_certificate`, Interrupted.
    """
    connection = _undialled(address, rules)
    try:
        with Watchdog(lambda: _cut(connection)) as watchdog:
            watchdog.allow(2 * CONNECT_SECONDS)
            _connect(connection)
            connection.timeout = idle_seconds
            yield connection, watchdog
    finally:
        connection.close()
        if connection.line is not None:
            connection.line.close()


def _undialled(address: Address, rules: Rules) -> Connection:
    found = resolve(address, rules)
    connection: Connection
    if address.scheme == "https":
        connection = PinnedHttps(address.host, address.port, timeout=CONNECT_SECONDS,
                                 ssl_context=_tls(rules.ca_file))  # fmt: skip
    else:
        connection = PinnedHttp(address.host, address.port, timeout=CONNECT_SECONDS)
    connection.found = found
    return connection


def _connect(connection: Connection) -> None:
    host = connection.host
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise Rejected(
            f"The certificate of {host} does not hold: {error.verify_message}",
            code="import_certificate", hint="Tell the owner of that server, or upload the file.",
        ) from error  # fmt: skip
    except OSError as error:
        raise Interrupted(f"{host} cannot be reached: {error.strerror or error}.") from error


def resolve(address: Address, rules: Rules) -> tuple[Found, ...]:
    """The socket addresses of a host, all of them public, or the host is one that the operator
    named. Raises AddressRefused, Rejected `import_not_found`, Interrupted."""
    try:
        answers = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except socket.gaierror as error:
        if error.errno in NOT_FOUND:
            raise Rejected(f"There is no server named {address.host}.", code="import_not_found",
                           hint="Check the address.") from error  # fmt: skip
        raise Interrupted(f"The name {address.host} cannot be looked up now.") from error
    except UnicodeError as error:  # a label that IDNA cannot hold
        raise private_host(address.host) from error
    found = tuple(
        (family, place)
        for family, _, _, _, place in answers
        if family in (socket.AF_INET, socket.AF_INET6)
    )
    is_named = (address.host, address.port) in rules.allowed
    if not found or not (is_named or all(_is_public(place) for _, place in found)):
        raise private_host(address.host)
    return found


class Watchdog:
    """Context manager: calls `cut` when the time that was allowed last is over.

    A socket's own timeout begins anew with each byte, so a server that drips would hold us.
    """

    def __init__(self, cut: Callable[[], None]) -> None:
        self.cut = cut
        self.has_cut = False
        self._deadline = math.inf
        self._moved = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._moved:
            self._ended = True
            self._moved.notify()
        self._thread.join()

    def allow(self, seconds: float) -> None:
        """From now on so many seconds more."""
        deadline = time.monotonic() + seconds
        with self._moved:
            sooner = deadline < self._deadline
            self._deadline = deadline
            if sooner:  # a later one is seen when the thread wakes for the former
                self._moved.notify()

    def _run(self) -> None:
        with self._moved:
            while not self._ended and (left := self._deadline - time.monotonic()) > 0:
                self._moved.wait(None if left == math.inf else left)
            self.has_cut = not self._ended
        if self.has_cut:
            self.cut()


def _cut(connection: Connection) -> None:
    if connection.line is not None:
        with suppress(OSError):
            connection.line.shutdown(socket.SHUT_RDWR)


def _is_public(place: SocketAddress) -> bool:
    return is_public(ipaddress.ip_address(place[0]))


def _dial(found: tuple[Found, ...]) -> socket.socket:
    """The first of the addresses that answers. Raises OSError."""
    failure: OSError = OSError("it has no address")
    for family, place in found[:DIALLED_AT_MOST]:
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(CONNECT_SECONDS)
            line.connect(place)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
        except OSError as error:
            line.close()
            failure = error
    raise failure


@lru_cache(maxsize=4)  # reading the system's certificates takes 30 ms
def _tls(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
