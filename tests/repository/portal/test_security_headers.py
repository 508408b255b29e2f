"""The content security policy."""

from repository.portal.security_headers import content_security_policy


def test_nothing_inline_and_nothing_foreign_is_allowed() -> None:
    policy = content_security_policy("")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "object-src 'none'" in policy


def test_an_online_base_map_may_send_pictures_alone() -> None:
    policy = content_security_policy("https://tiles.example.org/{z}/{x}/{y}.png")
    assert [part for part in policy.split("; ") if "tiles.example.org" in part] == [
        "img-src 'self' data: https://tiles.example.org"
    ]
