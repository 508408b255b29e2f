from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.setting_values import drop_box, host_ports, s3_source, storage

AWS = {"AWS_ACCESS_KEY_ID": "key of the machine", "AWS_SECRET_ACCESS_KEY": "its secret"}


def test_hosts_are_listed_with_their_ports() -> None:
    text = "NAS.example.org:8080, 10.0.0.5:443 [0:0::1]:8443"
    expected = {("nas.example.org", 8080), ("10.0.0.5", 443), ("::1", 8443)}
    assert host_ports("HOSTS", text) == expected
    assert host_ports("HOSTS", "") == frozenset()


@pytest.mark.parametrize("text", ["nas", "nas:", ":80", "http://nas:80", "nas:port", "a b:80"])
def test_a_host_without_its_port_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="HOSTS"):
        host_ports("HOSTS", text)


def test_a_source_is_a_bucket_with_its_keys() -> None:
    source = s3_source("S", "s3://k%2Fey:se%2Bcret@bucket/a/b?endpoint=https://s3.example.org", {})
    assert source == {
        "name": "bucket", "prefix": "a/b", "endpoint": "https://s3.example.org",
        "region": "us-east-1", "access_key": "k/ey", "secret_key": "se+cret",
        "addressing_style": "path",
    }  # fmt: skip


def test_a_source_without_keys_takes_those_of_the_machine() -> None:
    assert s3_source("S", "s3://bucket", AWS)["secret_key"] == "its secret"
    assert storage("s3://bucket", AWS)["OPTIONS"]["access_key"] == "key of the machine"


def test_a_wrong_source_stops_the_start_without_telling_its_secret() -> None:
    with pytest.raises(ImproperlyConfigured, match="IMPORT_S3_SOURCES") as stopped:
        s3_source("IMPORT_S3_SOURCES", "https://key:topsecret@bucket", {})
    assert "topsecret" not in str(stopped.value)


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("off", None),
        ("file:///srv/drop%20box", {"folder": "/srv/drop box"}),
    ],
)
def test_a_drop_box_is_a_folder_or_off(url: str, value: object) -> None:
    assert drop_box("D", url, {}) == value


def test_a_drop_box_may_be_a_prefix_of_a_bucket() -> None:
    box = drop_box("D", "s3://k:s@bucket/in/box/", {})
    assert box is not None
    assert (box["bucket"]["name"], box["bucket"]["prefix"]) == ("bucket", "in/box/")


@pytest.mark.parametrize("url", ["/srv/box", "file:box", "ftp://host/box", "s3://"])
def test_a_wrong_drop_box_stops_the_start(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DROPBOX_URL"):
        drop_box("DROPBOX_URL", url, {})
