"""What our Starlette applications share."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from repository.asgi import cache_control, matches


@pytest.mark.parametrize(("given", "known"), [
    ('"a"', True), ('"b", "a"', True), ('W/"a"', True), ("*", True), ('"b"', False), ("", False),
])  # fmt: skip
def test_a_tag_is_known_where_if_none_match_names_it(given: str, known: bool) -> None:
    assert matches(Headers({"If-None-Match": given}), '"a"') is known


def test_no_condition_matches_nothing() -> None:
    assert not matches(Headers({}), '"a"')


def test_caches_keep_what_is_public_for_a_while() -> None:
    assert cache_control(is_public=True) == "public, max-age=60, must-revalidate"
    assert cache_control(is_public=True, seconds=10) == "public, max-age=10, must-revalidate"


def test_caches_keep_nothing_private() -> None:
    assert cache_control(is_public=False, seconds=10) == "private, no-store"
