from __future__ import annotations

import ipaddress

import pytest

from repository.fetching.addresses import AddressRefused, Rules, is_public, masked, parse

INTERNAL = Rules(frozenset({("nas.intern", 8080), ("10.0.0.5", 443), ("::1", 8443)}))


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://data.example.org", "data.example.org", 443, "/"),
        ("HTTPS://Data.Example.org:443/a/b.tif?v=1#top", "data.example.org", 443, "/a/b.tif?v=1"),
        ("https://data.example.org?v=1", "data.example.org", 443, "/?v=1"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "/x"),
        ("https://[2606:4700:4700:0::1111]/x", "2606:4700:4700::1111", 443, "/x"),
        ("https://xn--bcher-kva.example/x", "xn--bcher-kva.example", 443, "/x"),
        ("https://data.example.org/Žilina.tif", "data.example.org", 443, "/%C5%BDilina.tif"),
        ("http://nas.intern:8080/x", "nas.intern", 8080, "/x"),
        ("https://nas.intern:8080/x", "nas.intern", 8080, "/x"),
        ("https://10.0.0.5/x", "10.0.0.5", 443, "/x"),
        ("https://[0::1]:8443/x", "::1", 8443, "/x"),
    ],
)
def test_an_address_is_read_in_one_way(text: str, host: str, port: int, target: str) -> None:
    address = parse(text, INTERNAL)
    assert (address.host, address.port, address.target) == (host, port, target)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("http://data.example.org/x", "https"),
        ("http://nas.intern:8081/x", "https"),
        ("https://nas.intern:8081/x", "Port 8081"),
        ("https://nas.intern:8080@evil.example/x", "password"),
        ("https://user:secret@data.example.org/x", "password"),
        ("ftp://data.example.org/x", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://data.example.org/", "https://"),
        ("//data.example.org/x", "https://"),
        ("https:data.example.org/x", "https://"),
        ("https:///x", "https://"),
        ("", "https://"),
        ("https://data.example.org/a b", "blank"),
        ("https://data.example.org/a\r\nHost: b", "blank"),
        ("https://data.example.org\\@evil.example/", "backslash"),
        ("https://" + "a" * 2000, "characters"),
        ("https://bücher.example/x", "xn--"),
    ],
)
def test_what_is_not_fetched_is_told_in_a_sentence(text: str, word: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parse(text, INTERNAL)
    assert word in f"{refused.value.detail} {refused.value.hint}"
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "0177.0.0.1", "0x7f000001", "2130706433", "10.0.0.1", "1.2.3.256",
     "[::1]", "[::ffff:10.0.0.1]", "[1::2::3]", "localhost", "a..b", ".a.b", "-a.b", "a-.b"],
)  # fmt: skip
def test_a_private_or_odd_host_is_refused_before_it_is_looked_up(host: str) -> None:
    with pytest.raises(AddressRefused):
        parse(f"https://{host}/x", Rules())


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "100::1",
        "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
        "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
        "ff02::1", "ff0e::1",
    ],
)  # fmt: skip
def test_private_and_special_addresses_are_not_public(ip: str) -> None:
    assert not is_public(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    "ip", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::8.8.8.8"]
)
def test_servers_of_the_internet_are_public(ip: str) -> None:
    assert is_public(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b.tif", "https://data.example.org/b.tif"),
        ("c.tif?x=1", "https://data.example.org/a/c.tif?x=1"),
        ("//other.example/b", "https://other.example/b"),
        ("https://other.example/b#part", "https://other.example/b"),
    ],
)
def test_a_redirect_is_read_against_the_address_before(location: str, url: str) -> None:
    address = parse("https://data.example.org/a/b.tif", Rules())
    assert address.follow(location, Rules()).url == url


@pytest.mark.parametrize(
    "location",
    ["http://nas.intern:8080/x", "https://127.0.0.1/", "file:///etc/passwd", "ftp://a.example/",
     "https://a@data.example.org/", "//[::1]/", "https://data.example.org:22/"],
)  # fmt: skip
def test_a_redirect_is_judged_like_an_address(location: str) -> None:
    address = parse("https://data.example.org/a/b.tif", INTERNAL)
    with pytest.raises(AddressRefused):
        address.follow(location, INTERNAL)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h.example/a.tif?X-Signature=abc", "https://h.example/a.tif?…"),
        ("https://user:pw@h.example/a.tif", "https://h.example/a.tif"),
        ("https://h.example/a.tif#x", "https://h.example/a.tif"),
        ("s3://bucket/a b.tif", "s3://bucket/a b.tif"),
        ("", ""),
    ],
)
def test_a_masked_address_holds_no_secret(text: str, shown: str) -> None:
    assert masked(text) == shown
