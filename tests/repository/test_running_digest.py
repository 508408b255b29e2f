from __future__ import annotations

import hashlib

import pytest

from repository import running_digest
from repository.running_digest import STATE_BYTES, RunningDigest

CONTENT = bytes(range(256)) * 20


def expected(content: bytes) -> tuple[str, str]:
    return hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("cut", [0, 1, 55, 56, 63, 64, 65, 1000, len(CONTENT)])
def test_a_digest_goes_on_from_its_state(cut: int) -> None:
    first = RunningDigest()
    first.update(CONTENT[:cut])
    second = RunningDigest.from_state(first.state())
    assert second.offset == cut
    second.update(CONTENT[cut:])
    assert second.hexdigests() == expected(CONTENT)


def test_to_ask_for_the_digest_does_not_end_it() -> None:
    digest = RunningDigest()
    digest.update(CONTENT)
    assert digest.hexdigests() == digest.hexdigests() == expected(CONTENT)
    digest.update(CONTENT)
    assert digest.hexdigests() == expected(CONTENT * 2)


@pytest.mark.parametrize("state", [b"", b"x" * STATE_BYTES, b"1l", b"2" * 10])
def test_a_state_of_another_kind_begins_anew(state: bytes) -> None:
    digest = RunningDigest.from_state(state)
    assert digest.offset == 0
    digest.update(CONTENT)
    assert digest.hexdigests() == expected(CONTENT)


def test_without_openssl_nothing_is_kept_and_the_digest_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running_digest, "CAN_BE_KEPT", False)
    digest = RunningDigest()
    digest.update(CONTENT)
    assert digest.state() == b""
    assert digest.hexdigests() == expected(CONTENT)


def test_this_python_can_keep_digests() -> None:
    assert running_digest.CAN_BE_KEPT
