"""The first tile of a product, which nobody has asked for, from a store of 20 ms a request."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.make_rasters import write_raster
from benchmarks.tiles import ours
from benchmarks.tiles.goals import COLD
from benchmarks.tiles.load import Run, Target, Tile, once
from benchmarks.tiles.peers import Peer, titiler
from benchmarks.tiles.table import Table
from tests.services import ceph
from tests.services.product import Product, running_product
from tests.services.slow_store import SlowStore, slow_store

DELAY_SECONDS = 0.02
PRODUCTS = 6
"""For each zoom: each gives one first tile to each server."""
BUCKET = "bench"
CASE = "first cold tile, store with 20 ms a request"


def measure(table: Table, megabytes: int) -> None:
    """Two zooms; ours and TiTiler by its defaults on the same objects."""
    if missing := ceph.missing_programs():
        table.skip(CASE, f"Ceph is not installed: {', '.join(missing)}")
        return
    folder = Path(tempfile.mkdtemp(prefix="rastrum-bench-", dir="/tmp"))
    try:
        with ceph.object_store(folder / "ceph") as store:
            store.make_bucket(BUCKET)
            with slow_store(store.endpoint) as slow:
                _measure(table, folder, replace(store, endpoint=slow.endpoint), slow, megabytes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(
    table: Table, folder: Path, store: ceph.ObjectStore, slow: SlowStore, megabytes: int
) -> None:
    source = write_raster(folder / "cold.tif", "rgb", megabytes)
    environment = {
        "AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key,
        "AWS_S3_ENDPOINT": urlsplit(slow.endpoint).netloc, "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE", "AWS_REGION": "us-east-1",
    }  # fmt: skip
    settings = {"STORAGE_URL": store.storage_url(BUCKET), "PUBLISH_SAMPLE": "no",
                "TILE_CACHE_MB": "0"}  # fmt: skip
    with running_product(folder / "data", **settings) as product, titiler(**environment) as peer:
        ours.make_collection(product, "cold", "never") or ours.make_collection(product, "cold")
        product.manage("ingest", str(source), "--collection", "cold", "--id", "warm")
        warm = ours.layer_of(product, "cold/warm")
        for zoom in (warm.max_zoom - 3, warm.max_zoom):
            addresses = [f"z{zoom}-{number}" for number in range(PRODUCTS)]
            for address in addresses:
                (folder / f"{address}.tif").hardlink_to(source)
            files = [str(folder / f"{address}.tif") for address in addresses]
            product.manage("ingest", *files, "--collection", "cold")
            slow.delay_seconds = DELAY_SECONDS
            _compare(table, zoom, warm.tiles(zoom), _pairs(product, peer, addresses), slow)
            slow.delay_seconds = 0.0


def _pairs(product: Product, peer: Peer, addresses: Sequence[str]) -> list[tuple[Target, Target]]:
    """For each product, ours and the peer's target."""
    pairs = []
    for address in addresses:
        tile = "WebMercatorQuad/{z}/{x}/{y}.png"
        ours_ = ours.target(product, f"/tiles/cold/{address}/{tile}")
        key = _key(product, f"cold/{address}")
        url = f"{peer.url}/tiles/{tile}?url={quote(f's3://{BUCKET}/{key}', safe='')}"
        pairs.append((ours_, Target("titiler", url, peer.pids)))
    return pairs


def _key(product: Product, address: str) -> str:
    answer = ours.call(product, "GET", f"/api/products/{address}")[1]
    data = next(asset for asset in answer["assets"] if asset["role"] == "data")
    return f"products/{answer['uuid']}/{data['sha256']}/data.tif"


def _compare(
    table: Table, zoom: int, tiles: Sequence[Tile], pairs: Sequence[tuple[Target, Target]],
    slow: SlowStore,
) -> None:  # fmt: skip
    found: dict[str, list[tuple[float, int, int]]] = {"ours": [], "titiler": []}
    for number, pair in enumerate(pairs):
        for target in pair:
            slow.forget()
            seconds, size = once(target, tiles[number % len(tiles)])
            found[target.name].append((seconds * 1000, len(slow.reads), size))
    runs = {
        name: Run(0.0, 0.0, statistics.median(ms for ms, _, _ in rows),
                  statistics.mean(size for _, _, size in rows) / 1000,
                  sum(not size for _, _, size in rows), 0.0)
        for name, rows in found.items()
    }  # fmt: skip
    case = f"{CASE}, z{zoom}"
    table.add(case, runs, ())
    requests = {name: statistics.mean(n for _, n, _ in rows) for name, rows in found.items()}
    most = max(n for _, n, _ in found["ours"])
    ratio = runs["titiler"].p50_ms / runs["ours"].p50_ms
    must, few = COLD
    table.judge(
        case,
        f"{requests['ours']:.1f} requests a tile, {most} at most (must <= {few:g}), "
        f"titiler {requests['titiler']:.1f}; {ratio:.1f}x as fast (must >= {must:g}): "
        + ("reached" if ratio >= must and most <= few else "MISSED"),
    )
