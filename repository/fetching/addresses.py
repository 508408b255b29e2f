"""Addresses that somebody asks us to fetch: read strictly, in one way, and judged.

What is read here is what is dialled. Nothing parses the text a second time, so no two
readings of an odd form can name two hosts (WHATWG URL, 4.4, has many; RFC 3986 fewer).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

from repository.errors import Rejected

MAX_ADDRESS = 2000
PORTS = {"https": 443, "http": 80}

_ADDRESS = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

_CLOSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        # Of 2000::/3: protocol assignments with Teredo, documentation, 6to4, documentation.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
"""Not global by IANA's registries of special purpose addresses (RFC 6890), multicast, and tunnels,
whose addresses hold another one. Written out, because `is_global` differs between Pythons. Of
IPv6 nothing but 2000::/3 is global at all."""
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Rejected):
    """The address is not one that we fetch: the request is answered 400, a job is rejected."""

    code, status, title = "import_refused", 400, "This address is not fetched"


@dataclass(frozen=True)
class Rules:
    """What the operator permits beyond public servers on port 443."""

    allowed: frozenset[tuple[str, int]] = frozenset()
    """Hosts with their ports that may be dialled by http, on that port, in a private network."""
    ca_file: str = ""
    """Certificates to trust besides the system's."""


@dataclass(frozen=True)
class Address:
    """An address of the web, split once."""

    scheme: str
    host: str
    """In small letters; an IP address in its usual form, without brackets."""
    port: int
    target: str
    """Path and query as they are sent, from "/" on."""

    @property
    def url(self) -> str:
        """The whole address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    def follow(self, location: str, rules: Rules) -> Address:
        """Where a redirect leads (RFC 9110, 10.2.2), judged like any other address."""
        try:
            following = parse(urljoin(self.url, location), rules)
        except ValueError:
            raise _odd_host(location) from None
        if self.scheme == "https" and following.scheme != "https":
            raise AddressRefused("The server leads from https to http.",
                                 hint="Give the address that it leads to.")  # fmt: skip
        return following


def parse(text: str, rules: Rules) -> Address:
    """The address. Raises AddressRefused with a sentence for what is odd or not permitted.

    A name is not resolved here, so a name of a private host passes; `dialling` looks again.
    """
    found = _ADDRESS.fullmatch(_checked_text(text))
    if found is None:
        raise AddressRefused("Only addresses that begin with https:// or s3:// are fetched.",
                             hint="https://host/path/file.tif")  # fmt: skip
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    if "@" in authority:
        raise AddressRefused(
            "The address holds a user name or a password.",
            hint="Use an address that is signed, or a file that needs none.",
        )
    # Only then made small: the small letter of some other sign (K) is one of ASCII's.
    parts = _AUTHORITY.fullmatch(authority.lower()) if authority.isascii() else None
    if parts is None:
        raise _odd_host(authority)
    host = _literal(parts[1]) or _name(parts[1])
    port = int(parts[2] or PORTS[scheme])
    _require_permitted(scheme, host, port, rules)
    target = quote(rest if rest.startswith("/") else f"/{rest}", safe=_PRINTABLE)
    return Address(scheme, host, port, target)


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether an address lies in the public internet, and is nobody's tunnel into a private net.

    A NAT64 address (RFC 6052), which networks without IPv4 give for public hosts, is judged by
    the IPv4 address that it holds.
    """
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return is_public(IPv4Address(int(ip) & 0xFFFF_FFFF))
        if ip.scope_id or ip not in _GLOBAL_IPV6:
            return False
    return not any(ip in network for network in _CLOSED)


def masked(text: str) -> str:
    """The address fit for logs and for others: a query may hold a signature, a user part a
    password."""
    head, question, _ = text.partition("#")[0].partition("?")
    scheme, separator, rest = head.partition("://")
    authority, slash, path = rest.partition("/")
    shown = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return f"{shown}?…" if question else shown


def _checked_text(text: str) -> str:
    if len(text) > MAX_ADDRESS:
        raise AddressRefused(f"An address has {MAX_ADDRESS:,} characters at most.")
    if "\\" in text or any(not c.isprintable() or c.isspace() for c in text):
        raise AddressRefused("The address holds a blank, a backslash or a sign that is not shown.",
                             hint="A blank is written %20.")  # fmt: skip
    return text


def _literal(host: str) -> str:
    """The host where it is an IP address in its usual form; "" where it is a name.

    What systems read as a number (127.1, 0x7f000001, 2130706433, 0177.0.0.1) is refused.
    """
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            raise _odd_host(host) from None
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return ""
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise _odd_host(host) from None


def _name(host: str) -> str:
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _odd_host(host)
    return host


def _require_permitted(scheme: str, host: str, port: int, rules: Rules) -> None:
    if (host, port) in rules.allowed:
        return
    if scheme != "https":
        raise AddressRefused("Files are fetched by https, not by http.",
                             hint="Use https, or ask the operator to allow this host.")  # fmt: skip
    if port != PORTS["https"]:
        raise AddressRefused(
            f"Port {port} is not one that this server dials.",
            hint="Use port 443, or ask the operator to allow this host.",
        )
    try:
        public = is_public(ipaddress.ip_address(host))
    except ValueError:
        public = "." in host
    if not public:
        raise private_host(host)


def private_host(host: str) -> AddressRefused:
    """The refusal of a host that is not in the public internet."""
    return AddressRefused(
        f"{host} is not a server of the public internet.",
        hint="Upload the file, or ask the operator to allow this host.",
    )


def _odd_host(host: str) -> AddressRefused:
    return AddressRefused(
        f"{host[:100]!r} is not the name of a server.",
        hint="Names are written in ASCII (xn--…), numbers as in 192.0.2.1 or [2001:db8::1].",
    )
