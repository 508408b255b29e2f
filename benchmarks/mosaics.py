"""Whole collections as one layer: CPU a tile, beside rio-tiler's mosaic_reader and one product.

    python -m benchmarks.mosaics [--quick] [--products N] [--seconds S]

Ten products over one place, each valid in a band of its own, so that a tile needs several; then
a map of the world of a collection of N products (10,000), with its overview and with a filter,
against tiles of one product. The whole server is started; CPU is that of all its processes.
The peer reads the stored objects in this process, which costs it neither HTTP nor policy.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg
import rasterio
import requests
from rasterio.transform import from_origin
from rio_tiler.io import Reader
from rio_tiler.mosaic import mosaic_reader

from benchmarks.make_rasters import relief
from benchmarks.processes import cpu_seconds
from tests.services.product import Product, running_product
from tiler.pixels.tile_matrix_sets import HALF_WORLD, WEB_MERCATOR_QUAD

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
OVERLAPPING, SIDE, ZOOM = 10, 2048, 13
CLIENTS = 4
ANEW = "?sortby=-datetime"
"""The usual order, said aloud: the same picture, but with parameters it is not kept."""
Tile = tuple[int, int, int]


def main() -> None:
    """Measure, print a table, write JSON."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as name:
        folder = Path(name)
        with running_product(folder / "data", PUBLISH_SAMPLE="no") as product:
            rows = _overlapping(product, folder, options.seconds)
            rows += _world(product, folder, options.products, options.seconds)
    print("\n| case | server | CPU ms a tile | ratio |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['case']} | {row['server']} | {row['cpu_ms']:.2f} | {row['ratio']:.2f} |")
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"mosaics-{time.strftime('%Y%m%dT%H%M%S')}.json"
    target.write_text(json.dumps(rows, indent=1))


def _overlapping(product: Product, folder: Path, seconds: float) -> list[dict[str, Any]]:
    _collection(product, "covering")
    paths = _bands(folder)
    for day, path in enumerate(paths):
        product.manage("ingest", str(path), "--collection", "covering",
                       "--datetime", f"2024-01-{day + 1:02d}")  # fmt: skip
    tilejson = f"{product.url}/tiles/covering/WebMercatorQuad/tilejson.json"
    bounds = requests.get(tilejson, timeout=60).json()["bounds"]
    tiles = _inner_tiles(bounds, ZOOM)
    stored = sorted((product.data_dir / "objects" / "products").rglob("data.tif"))
    template = f"{product.url}/tiles/covering/WebMercatorQuad/{{}}.png{ANEW}"
    ours = _load(product, [template.format(_path(tile)) for tile in tiles], seconds)
    case = f"z{ZOOM} over {OVERLAPPING}"
    rows = [_row(case, "ours", ours, ours)]
    for threads in (None, 0):
        theirs = _peer([str(path) for path in stored], tiles, threads)
        label = f"mosaic_reader, {'default threads' if threads is None else 'no threads'}"
        rows.append(_row(case, label, theirs, ours))
    return rows


def _bands(folder: Path) -> list[Path]:
    """Each product valid on a diagonal band; together they are whole."""
    rng = np.random.default_rng(7)
    surface = np.tile(relief(rng), (SIDE // 2048, SIDE // 2048))
    noise = rng.integers(0, 40, (3, SIDE, SIDE))
    whole = np.clip(20 + 190 * surface[None] + noise, 1, 255).astype("uint8")
    number = np.add.outer(np.arange(SIDE), np.arange(SIDE)) * OVERLAPPING // (2 * SIDE)
    paths = []
    for n in range(OVERLAPPING):
        paths.append(folder / f"cover-{n}.tif")
        with rasterio.open(
            paths[-1], "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="uint8",
            crs="EPSG:32633", transform=from_origin(450_000, 5_600_000, 10, 10), nodata=0,
        ) as dataset:  # fmt: skip
            dataset.write(np.where(number == n, whole, 0).astype("uint8"))
    return paths


def _world(product: Product, folder: Path, count: int, seconds: float) -> list[dict[str, Any]]:
    _collection(product, "many")
    path = folder / "one.tif"
    colours = np.random.default_rng(1).integers(1, 255, (3, 512, 512), "uint8")
    with rasterio.open(
        path, "w", driver="GTiff", width=512, height=512, count=3, dtype="uint8", crs="EPSG:3857",
        transform=from_origin(0, 0, 20, 20),
    ) as dataset:  # fmt: skip
        dataset.write(colours)
    product.manage("ingest", str(path), "--collection", "many", "--datetime", "2024-01-01")
    before, began = cpu_seconds(product.pid("worker")), time.monotonic()
    _copies(product, count)
    live = _load(product, [_many(product, "?datetime=2000-01-01/..")], seconds)
    _wait_for_overview(product)
    spent, took = cpu_seconds(product.pid("worker")) - before, time.monotonic() - began
    print(f"the overview of {count} products took {took:.0f} s, {spent:.1f} s CPU of the worker")
    one = f"{product.url}/tiles/many/one/WebMercatorQuad"
    single = _load(product, [f"{one}/{_path(t)}.png" for t in _inner(product)], seconds)
    case = f"map of the world of {count}"
    return [
        _row(case, "one product's tile", single, single),
        _row(case, "overview", _load(product, [_many(product)], seconds), single),
        _row(case, "overview, asked anew", _load(product, [_many(product, ANEW)], seconds), single),
        _row(case, "with datetime=, drawn live", live, single),
    ]


def _copies(product: Product, count: int) -> None:
    """Rows of products elsewhere that share the first one's object."""
    columns = ("slug", "uuid", "bbox", "footprint", "raster", "start", '"end"')
    with _database(product) as database:
        row = database.execute(
            "select p.raster, array_agg(c.column_name::text) from rastrum_product p, "
            "information_schema.columns c where c.table_name = 'rastrum_product' "
            "and p.collection_id = 'many' group by p.raster"
        ).fetchone()
        raster, names = row or ({}, [])
        kept = [f'"{n}"' for n in names if n not in [c.strip('"') for c in columns]]
        side = int(count**0.5) + 1
        for n in range(1, count):
            top = 70 - (n // side) * 130 / side
            left = -175 + (n % side) * 350 / side
            x = left / 180 * HALF_WORLD
            y = HALF_WORLD * np.arcsinh(np.tan(np.radians(top))) / np.pi
            moved = raster | {
                "transform": [20, 0, x, 0, -20, y], "bounds": [x, y - 10240, x + 10240, y],
                "bounds_wgs84": _lonlat(x, y),
            }  # fmt: skip
            west, south, east, north = _lonlat(x, y)
            database.execute(
                f"with copy as (insert into rastrum_product (slug, uuid, bbox, footprint, raster, "
                f'start, "end", {", ".join(kept)}) select %s, gen_random_uuid(), %s, '
                f"st_makeenvelope(%s, %s, %s, %s, 4326), %s, start + %s * interval '1 hour', "
                f'"end" + %s * interval \'1 hour\', {", ".join(kept)} from rastrum_product '
                "where collection_id = 'many' and slug = 'one' returning uuid) "
                "insert into rastrum_asset (product_id, version, role, file_name, key, media_type, "
                "size, sha256, md5, position) select copy.uuid, a.version, a.role, a.file_name, "
                "a.key, a.media_type, a.size, a.sha256, a.md5, a.position from copy, "
                "rastrum_asset a join rastrum_product p on p.uuid = a.product_id "
                "where p.collection_id = 'many' and p.slug = 'one'",
                [f"p{n}", [west, south, east, north], west, south, east, north,
                 json.dumps(moved), n, n],
            )  # fmt: skip
        database.execute(
            "update rastrum_overview_tile set changed = changed + 1, gone = changed + 1"
        )
        database.execute("analyze rastrum_product")


def _lonlat(x: float, y: float) -> list[float]:
    west, east = (v / HALF_WORLD * 180 for v in (x, x + 10240))
    south, north = (
        float(np.degrees(np.arctan(np.sinh(v / HALF_WORLD * np.pi)))) for v in (y - 10240, y)
    )
    return [west, south, east, north]


def _wait_for_overview(product: Product) -> None:
    late = (
        "select count(*) from rastrum_overview_tile "
        "where collection_id = 'many' and z = 0 and (changed > built or gone > built)"
    )
    deadline = time.monotonic() + 1200
    with _database(product) as database:
        while (database.execute(late).fetchone() or (1,))[0]:
            if time.monotonic() > deadline:
                raise SystemExit("the overview is not built")
            time.sleep(1)


def _many(product: Product, query: str = "") -> str:
    return f"{product.url}/tiles/many/WebMercatorQuad/0/0/0.png{query}"


def _inner(product: Product) -> list[Tile]:
    document = requests.get(f"{product.url}/tiles/many/one/tilejson.json", timeout=60).json()
    return _inner_tiles(document["bounds"], document["maxzoom"])


def _inner_tiles(bounds: list[float], z: int) -> list[Tile]:
    west, north, east, south = WEB_MERCATOR_QUAD.tiles_over(tuple(bounds), z)  # type: ignore[arg-type]
    every = [(z, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    return [t for t in every if west < t[1] < east and north < t[2] < south] or every


def _path(tile: Tile) -> str:
    return "/".join(map(str, tile))


def _load(product: Product, urls: list[str], seconds: float) -> float:
    """CPU milliseconds of all of the server's processes an answer."""
    for url in urls:
        requests.get(url, timeout=300).raise_for_status()
    counts: list[int] = []

    def client(number: int) -> None:
        chance, done = random.Random(number), 0
        with requests.Session() as session:
            session.trust_env = False
            while time.perf_counter() < stop:
                session.get(chance.choice(urls), timeout=300).raise_for_status()
                done += 1
        counts.append(done)

    _wait_until_idle(product)
    stop = time.perf_counter() + seconds
    before = cpu_seconds(product.process.pid)
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    return 1000 * (cpu_seconds(product.process.pid) - before) / max(1, sum(counts))


def _wait_until_idle(product: Product, seconds: float = 300.0) -> None:
    """Workers draw pyramids and overviews ahead: that is no tile's cost."""
    worker, deadline = product.pid("worker"), time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_seconds(worker)
        time.sleep(3)
        if cpu_seconds(worker) - before < 0.1:
            return


def _peer(paths: list[str], tiles: list[Tile], threads: int | None) -> float:
    """CPU milliseconds a tile of rio-tiler, PNG included."""

    def read(path: str, x: int, y: int, z: int) -> Any:
        with Reader(path) as source:
            return source.tile(x, y, z)

    options = {} if threads is None else {"threads": threads}
    spent = []
    for number, (z, x, y) in enumerate(tiles[:20]):
        began = time.process_time()
        image, _ = mosaic_reader(paths[::-1], read, x, y, z, **options)
        image.render(img_format="PNG", zlevel=6)
        if number:
            spent.append(time.process_time() - began)
    return 1000 * median(spent)


def _row(case: str, server: str, cpu_ms: float, base: float) -> dict[str, Any]:
    return {"case": case, "server": server, "cpu_ms": cpu_ms, "ratio": cpu_ms / base}


def _collection(product: Product, name: str) -> None:
    headers = {"Authorization": f"Bearer {product.token()}"}
    answer = requests.post(f"{product.url}/api/collections", json={"id": name}, headers=headers,
                           timeout=60)  # fmt: skip
    answer.raise_for_status()


def _database(product: Product) -> psycopg.Connection[tuple[Any, ...]]:
    lines = (product.data_dir / "run" / "env").read_text().splitlines()
    url = next(line for line in lines if line.startswith("DATABASE_URL")).split("=", 1)[1]
    return psycopg.connect(url.strip("'").replace("postgis://", "postgresql://"), autocommit=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--products", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    options.products = options.products or (300 if options.quick else 10_000)
    return options


if __name__ == "__main__":
    sys.exit(main())
