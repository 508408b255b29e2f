"""Every way to name a machine of our own network that we know: none of them is dialled."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repository.errors import RastrumError, Rejected
from repository.fetching import addresses, dialling
from repository.fetching.addresses import AddressRefused, Rules, parse
from repository.fetching.dialling import Interrupted
from repository.fetching.download import Limits, download
from repository.fetching.web_source import WebSource
from tests.services.web_server import Canary, WebServer, answer

FORMS = [
    # IPv4 in dotted, short, octal, hexadecimal and decimal forms, and mixtures
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0177.0.0.01", "0x7f.0.0.1",
    "0x7f.0.0.0x1", "0x7f000001", "0x7F.1", "2130706433", "017700000001", "0x7f.0.1", "127.0.0.1.",
    "127.1.", "0", "0.0.0.0", "0x0", "0.0", "00000000000", "127.255.255.254", "127.0.0.0x1",
    "4294967297", "127.0.0.1%00", "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "١٢٧.0.0.1",
    "127.0.0.1%2f", "127%2e0%2e0%2e1", "%31%32%37.0.0.1",
    # other private places: local networks, metadata services, broadcast
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166",
    "100.100.100.200", "192.0.0.192", "255.255.255.255", "224.0.0.1",
    # IPv6, what it maps, and what tunnels hold
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]",
    "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[::1", "::1", "[v1.::1]",
    # names and tricks of the authority
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "loopback",
    "127.0.0.1.nip.io", "rebound.example.org", "xn--localhost-.example", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "user@127.0.0.1", "user:pass@localhost", "example.org@127.0.0.1", "example.org:443@127.0.0.1",
    "127.0.0.1:443#@example.org", "127.0.0.1\\@example.org", "example.org\\@127.0.0.1",
    "127.0.0.1?@example.org", "127.0.0.1\t", "127.0.0.1\r\nX: y", "\x00127.0.0.1", "-127.0.0.1", "",
]  # fmt: skip

OLD_RESOLVER = socket.getaddrinfo


@pytest.fixture
def at_home(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> Canary:
    """Every name leads to this machine, and the one port that is dialled is the canary's: what
    passes the guards is heard."""

    def lead_home(host: str, port: int, *args: Any, **options: Any) -> Any:
        numeric = host.replace(".", "").isdigit() or ":" in host
        return OLD_RESOLVER(host if numeric else "127.0.0.1", port, *args, **options)

    monkeypatch.setattr(dialling.socket, "getaddrinfo", lead_home)
    monkeypatch.setitem(addresses.PORTS, "https", canary.port)
    return canary


def fetch(url: str, folder: Path, rules: Rules | None = None) -> None:
    rules = rules or Rules()
    limits = Limits(10**6, tries=1, wait_seconds=0)
    source = WebSource(parse(url, rules), rules)
    download(source, folder / "file", limits, lambda received, size: None)


def test_there_are_more_than_sixty_forms() -> None:
    assert len(set(FORMS)) > 60


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_no_form_of_a_private_host_is_dialled(form: str, at_home: Canary, tmp_path: Path) -> None:
    with pytest.raises(AddressRefused):
        fetch(f"https://{form}/x.tif", tmp_path)
    assert at_home.connections == 0


@pytest.mark.parametrize("form", ["127.0.0.1", "localhost.localdomain", "[::1]"])
def test_without_the_guard_the_canary_would_hear(
    form: str, at_home: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda ip: True)
    monkeypatch.setattr(dialling, "is_public", lambda ip: True)
    with pytest.raises(Interrupted):
        fetch(f"https://{form}/x.tif", tmp_path)
    assert at_home.connections >= 1


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_no_redirect_leads_to_a_private_host(
    form: str, at_home: Canary, server: WebServer, rules: Rules, tmp_path: Path
) -> None:
    server.pages["/x"] = answer(302, Location=f"https://{form}/x.tif".encode().decode("latin-1"))
    with pytest.raises(RastrumError) as refused:
        fetch(server.url("/x"), tmp_path, rules)
    assert at_home.connections == 0
    assert isinstance(refused.value, Rejected | Interrupted)


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    resolve_to(monkeypatch, lambda: ["8.8.8.8", "192.168.1.1"])
    with pytest.raises(AddressRefused):
        fetch("https://data.example.org/x", tmp_path)


def test_a_name_that_answers_otherwise_a_moment_later_gains_nothing(
    canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    dialled: list[str] = []

    def rebind() -> list[str]:
        asked.append("once more")
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    class Line(socket.socket):
        def connect(self, place: Any) -> None:
            dialled.append(place[0])
            raise ConnectionRefusedError("no such thing in a test")

    resolve_to(monkeypatch, rebind)
    monkeypatch.setitem(addresses.PORTS, "https", canary.port)
    monkeypatch.setattr(dialling.socket, "socket", Line)
    with pytest.raises(Interrupted):
        fetch("https://rebound.example.org/x", tmp_path)
    assert (dialled, len(asked), canary.connections) == (["93.184.216.34"], 1, 0)


def test_a_name_with_many_dead_addresses_does_not_hold_us(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dialled: list[str] = []

    class Line(socket.socket):
        def connect(self, place: Any) -> None:
            dialled.append(place[0])
            raise TimeoutError

    resolve_to(monkeypatch, lambda: [f"93.184.216.{number}" for number in range(1, 200)])
    monkeypatch.setattr(dialling.socket, "socket", Line)
    with pytest.raises(Interrupted):
        fetch("https://data.example.org/x", tmp_path)
    assert len(dialled) == dialling.DIALLED_AT_MOST


def test_a_second_hop_is_resolved_and_judged_anew(
    server: WebServer, rules: Rules, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["/x"] = answer(302, Location=f"https://rebound.example.org:{canary.port}/x")
    resolve_to(monkeypatch, lambda: ["127.0.0.1"])
    allowed = Rules(frozenset({("localhost", server.port)}), rules.ca_file)
    monkeypatch.setitem(addresses.PORTS, "https", canary.port)
    with pytest.raises(AddressRefused, match="public internet"):
        fetch(server.url("/x"), tmp_path, allowed)
    assert canary.connections == 0


def test_no_proxy_of_the_environment_is_asked(
    server: WebServer, rules: Rules, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    server.pages["/x"] = answer(200, b"bytes")
    fetch(server.url("/x"), tmp_path, rules)
    assert canary.connections == 0


def resolve_to(monkeypatch: pytest.MonkeyPatch, answers: Callable[[], list[str]]) -> None:
    def resolve(host: str, port: int, *args: Any, **options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answers()]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", resolve)
