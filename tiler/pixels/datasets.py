"""Open datasets, kept: opening a COG costs more than reading a tile from it.

A dataset serves one thread at a time. Idle ones wait in one bounded pool for the
whole process, so that the next tile of a map finds decoded blocks in GDAL's cache
whichever thread draws it; with a dataset a thread each would decode them again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.session import AWSSession, Session

from repository.errors import Unavailable
from tiler.pixels.asset_ref import AssetRef

MAX_IDLE = 96
"""File handles kept; each has its header in memory, about 50 kB."""

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # one request less, and no sidecar is read
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",  # no address inside a file is followed
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # a COG's whole header in the first request
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.2",
    "VSI_CACHE": "TRUE",
    "GDAL_PAM_ENABLED": "NO",
}
"""GDAL's configuration for every dataset that the tile server opens."""

Key = tuple[str, int, str, int]


class DatasetPool:
    """Idle datasets by (uuid, version, path, overview level); the longest idle is closed first."""

    def __init__(self, max_idle: int) -> None:
        self.max_idle = max_idle
        self._idle: OrderedDict[int, tuple[Key, Any]] = OrderedDict()
        self._by_key: dict[Key, list[int]] = {}
        self._tickets = iter(range(2**62))
        self._lock = threading.Lock()

    def take(self, key: Key) -> Any | None:
        """The dataset of that key that was used last, or None."""
        with self._lock:
            tickets = self._by_key.get(key)
            return self._remove(tickets[-1]) if tickets else None

    def give_back(self, key: Key, dataset: Any) -> None:
        """Keep an open dataset for the next caller."""
        surplus = []
        with self._lock:
            ticket = next(self._tickets)
            self._idle[ticket] = (key, dataset)
            self._by_key.setdefault(key, []).append(ticket)
            while len(self._idle) > self.max_idle:
                surplus.append(self._remove(next(iter(self._idle))))
        for old in surplus:
            old.close()

    def _remove(self, ticket: int) -> Any:
        key, dataset = self._idle.pop(ticket)
        self._by_key[key].remove(ticket)
        if not self._by_key[key]:
            del self._by_key[key]
        return dataset


_pool = DatasetPool(MAX_IDLE)


@contextmanager
def borrowed_dataset(ref: AssetRef, level: int = -1) -> Iterator[Any]:
    """An open rasterio dataset of the full resolution (-1) or of overview `level` (from 0).

    Raises Unavailable where the store does not answer or the object cannot be read.
    """
    key = (*ref.key, ref.gdal_path, level)
    with gdal_environment(ref.gdal_environment):
        try:
            dataset = _pool.take(key) or _open(ref, level)
            yield dataset
        except RasterioError as error:
            raise Unavailable(
                f"The pixels of {ref.title} cannot be read right now.", code="pixels_unavailable"
            ) from error
        # Only a dataset that served without an error is used again.
        _pool.give_back(key, dataset)


def _open(ref: AssetRef, level: int) -> Any:
    options: dict[str, Any] = {"sharing": False, "driver": "GTiff"}
    if level >= 0:
        options["overview_level"] = level
    return rasterio.open(ref.gdal_path, **options)


@contextmanager
def gdal_environment(environment: tuple[tuple[str, str], ...]) -> Iterator[None]:
    """GDAL's options around opening and reading; rasterio takes credentials as a session only."""
    session = _session(environment) if environment else None
    with rasterio.Env(session, **(_remote(environment) if environment else GDAL_OPTIONS)):
        yield


def _remote(environment: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The options that are no credentials; objects of ours have any name, so no filter by it."""
    options = {k: v for k, v in GDAL_OPTIONS.items() if k != "CPL_VSIL_CURL_ALLOWED_EXTENSIONS"}
    return options | {k: v for k, v in environment if k in ("AWS_HTTPS", "AWS_VIRTUAL_HOSTING")}


@lru_cache(maxsize=8)
def _session(environment: tuple[tuple[str, str], ...]) -> Session:
    values = dict(environment)
    return AWSSession(
        aws_access_key_id=values.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=values.get("AWS_SECRET_ACCESS_KEY"),
        region_name=values.get("AWS_REGION"),
        endpoint_url=values.get("AWS_S3_ENDPOINT"),
    )
