"""The listening socket, and what is said when there is none to have."""

from __future__ import annotations

import socket

import pytest

from config.supervision.listening import CannotListen, listen, local_url


def test_a_taken_port_says_so_and_names_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=f"{port}.*taken.*PORT={port + 1}"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 8000)


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("fd00::1", "http://[fd00::1]:80"),
    ],
)
def test_the_local_address_can_be_opened_in_a_browser(bind: str, url: str) -> None:
    assert local_url(bind, 80) == url
