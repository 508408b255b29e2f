"""Texts of the environment as the values of settings; a wrong one stops the start."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def storage(url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Django's STORAGES entry for `file:///folder` or `s3://[key:secret@]bucket?endpoint=...`."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        location = unquote(parts.path)
        return {"BACKEND": "repository.storage.LocalObjects", "OPTIONS": {"location": location}}
    if parts.scheme != "s3" or not parts.hostname:
        raise ImproperlyConfigured(
            f"STORAGE_URL must be file:///folder or s3://bucket?endpoint=..., not {url!r}."
        )
    options = _s3_options(parts, environment) | {
        "signature_version": "s3v4",
        "file_overwrite": True,
        "querystring_auth": True,
    }
    return {"BACKEND": "repository.bucket.S3Objects", "OPTIONS": options}


def s3_source(name: str, url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Fields of repository.fetching.buckets.Bucket for `s3://[key:secret@]bucket[/prefix]?...`."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname:
        # Not the value itself: it holds a secret.
        raise ImproperlyConfigured(f"{name} must name s3://[key:secret@]bucket?endpoint=...")
    options = _s3_options(parts, environment)
    return {
        "name": options["bucket_name"],
        "prefix": unquote(parts.path).lstrip("/"),
        "endpoint": options["endpoint_url"],
        "region": options["region_name"],
        "access_key": options["access_key"],
        "secret_key": options["secret_key"],
        "addressing_style": options["addressing_style"],
    }


def _s3_options(parts: SplitResult, environment: Mapping[str, str]) -> dict[str, Any]:
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "bucket_name": parts.netloc.rpartition("@")[2],
        "endpoint_url": query.get("endpoint") or environment.get("AWS_ENDPOINT_URL"),
        "region_name": query.get("region") or environment.get("AWS_DEFAULT_REGION", "us-east-1"),
        "access_key": unquote(parts.username or "") or environment.get("AWS_ACCESS_KEY_ID"),
        "secret_key": unquote(parts.password or "") or environment.get("AWS_SECRET_ACCESS_KEY"),
        "addressing_style": query.get("addressing_style", "path"),
    }


def host_ports(name: str, text: str) -> frozenset[tuple[str, int]]:
    """`host:port host:port ...`, also with commas; an IPv6 address in brackets."""
    pairs = set()
    for entry in text.replace(",", " ").split():
        host, _, port = entry.lower().rpartition(":")
        with contextlib.suppress(ValueError):  # a name
            host = str(ipaddress.ip_address(host.strip("[]")))
        if not re.fullmatch(r"[a-z0-9._:-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port):
            raise ImproperlyConfigured(f"{name} must list host:port, not {entry!r}.")
        pairs.add((host, int(port)))
    return frozenset(pairs)


def drop_box(name: str, url: str, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """`{folder}` of file:///folder, `{bucket}` of s3://..., None for "off"."""
    if url.lower() in {"off", "no"}:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.startswith("/"):
        return {"folder": unquote(parts.path)}
    if parts.scheme == "s3":
        return {"bucket": s3_source(name, url, environment)}
    raise ImproperlyConfigured(f"{name} must be file:///folder, s3://bucket/prefix?... or off.")
