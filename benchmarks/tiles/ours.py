"""Our server, whole, as `make serve` starts it, with the collections that the cases need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

from benchmarks.make_rasters import write_small_lonlat
from benchmarks.tiles.load import Target, Tile
from benchmarks.tiles.peers import LOCAL, ROOT
from tests.services.product import Product
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD

WARM_SIDE = 10
"""Tiles of a case lie in a square of so many: what a map shows while it is panned a little, and
few enough for every server's caches."""


@dataclass(frozen=True)
class Layer:
    """A published product, and where its pixels lie."""

    address: str
    bounds: tuple[float, float, float, float]
    max_zoom: int
    stored: Path

    def tiles(self, zoom: int) -> list[Tile]:
        """Those in the middle of the product, up to WARM_SIDE squared, all full of pixels."""
        west, north, east, south = WEB_MERCATOR_QUAD.tiles_over(self.bounds, zoom)
        columns, rows = _middle(west, east), _middle(north, south)
        return [(zoom, x, y) for x in columns for y in rows]


def _middle(first: int, last: int) -> list[int]:
    inner = list(range(first + 1, last)) or list(range(first, last + 1))
    spare = max(0, len(inner) - WARM_SIDE) // 2
    return inner[spare : spare + WARM_SIDE]


def target(product: Product, path: str, *, name: str = "ours") -> Target:
    """Our server under load: all of its processes but those that bring files in."""
    return Target(name, product.url + path, pids_of(product))


def pids_of(product: Product) -> tuple[int, ...]:
    """Of the web processes, PostgreSQL and Redis: all that a tile can touch."""
    return tuple(product.pid(name) for name in ("web", "postgres", "redis"))


def make_collection(product: Product, name: str, prerender: str = "") -> bool:
    """Whether the collection is there now, with that setting where one is given."""
    body = {"id": name, "title": name} | ({"prerender": prerender} if prerender else {})
    status, answer = call(product, "POST", "/api/collections", body)
    if status == 201:
        return not prerender or answer.get("prerender") == prerender
    return status == 409


def publish(product: Product, collection: str, sources: list[Path]) -> list[Layer]:
    """Bring rasters in by the command line, and say where they are."""
    product.manage("ingest", *map(str, sources), "--collection", collection)
    return [layer_of(product, f"{collection}/{source.stem}") for source in sources]


def layer_of(product: Product, address: str) -> Layer:
    """What the server says of a product, and its object where that is a file."""
    document = call(product, "GET", f"/tiles/{address}/tilejson.json")[1]
    uuid = call(product, "GET", f"/api/products/{address}")[1]["uuid"]
    found = list((product.data_dir / "objects" / "products" / uuid).rglob("data.tif"))
    return Layer(address, tuple(document["bounds"]), document["maxzoom"],
                 found[0] if found else Path())  # fmt: skip


def call(
    product: Product, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a request as the operator."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {product.token()}", "Content-Type": "application/json"}
    request = Request(product.url + path, data, headers, method=method)
    try:
        with LOCAL.open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, {}


def wait_until_prerendered(product: Product, address: str, seconds: float = 900) -> str:
    """The format of the product's stored tiles; nothing where none come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stored = call(product, "GET", f"/api/products/{address}")[1].get("prerendered", {})
        if stored.get("state") == "ready":
            return str(stored["format"])
        if stored.get("state") not in ("waiting", "rendering", "none"):
            return ""
        time.sleep(1)
    return ""


def make_world(product: Product, folder: Path, count: int) -> str:
    """A public collection of `count` products all over the world, and its overview built.

    One is brought in; the others are rows of the catalogue that share its object, each at a place
    of its own. Returns why that cannot be, or nothing.
    """
    source = write_small_lonlat(folder / "spot.tif")
    publish(product, "live", [source])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tiles.clones", "--count", str(count)],
        cwd=ROOT, env=os.environ | product.env, text=True, capture_output=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip().split("\n")[-1]
