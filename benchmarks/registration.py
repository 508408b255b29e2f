"""How many small rasters a minute the way in takes, and where their time goes.

    python -m benchmarks.registration [--quick] [--count N] [--clients N]

Sends N rasters of 64 x 64 pixels as forms from several clients at once, waits until
the last one is published, and prints products a minute, the CPU that each part of the
server spent on one, and how long a job was in each state. One server, its own data
folder, real PostgreSQL, Redis, workers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import requests

from benchmarks.processes import cpu_seconds
from tests.services.product import Product, running_product

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PARTS = ("web", "worker", "scheduler", "postgres", "redis")
SIDE = 64
TIMELINE = """
select step, avg(extract(epoch from next - at)) from (
  select entry->>0 as step, (entry->>1)::timestamptz as at,
         lead((entry->>1)::timestamptz) over (partition by id order by nr) as next
  from rastrum_job, jsonb_array_elements(timeline) with ordinality as t(entry, nr)
  where collection_id = 'bench') as steps
where next is not null group by step
"""


def main() -> None:
    """Measure, print the tables, write JSON."""
    options = _options()
    count = options.count or (300 if options.quick else 10_000)
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as name:
        folder = Path(name)
        files = _rasters(folder / "rasters", min(count, 500))
        with running_product(folder / "data", PUBLISH_SAMPLE="no") as product:
            _make_collection(product)
            before = _cpu(product)
            began = time.monotonic()
            with ThreadPoolExecutor(options.clients) as pool:
                list(pool.map(lambda n: _send(product, files[n % len(files)], n), range(count)))
            accepted = time.monotonic() - began
            published = _wait(product, count)
            seconds = time.monotonic() - began
            spent = {part: cpu - before[part] for part, cpu in _cpu(product).items()}
            _report(count, published, accepted, seconds, spent, _timeline(product))


def _rasters(folder: Path, count: int) -> list[Path]:
    """Small elevation models, each at a place of its own."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    folder.mkdir()
    paths = []
    for n in range(count):
        path = folder / f"dem-{n}.tif"
        pixels = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype("int16") + n
        grid = from_origin(300_000 + 1000 * (n % 50), 5_500_000 + 1000 * (n // 50), 10, 10)
        with rasterio.open(
            path, "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="int16",
            crs="EPSG:32633", transform=grid, nodata=-1,
        ) as dataset:  # fmt: skip
            dataset.write(pixels, 1)
        paths.append(path)
    return paths


def _make_collection(product: Product) -> None:
    answer = requests.post(
        f"{product.url}/api/collections", json={"id": "bench"}, headers=_headers(product),
        timeout=60,
    )  # fmt: skip
    answer.raise_for_status()


def _headers(product: Product) -> dict[str, str]:
    return {"Authorization": f"Bearer {product.token()}"}


def _send(product: Product, path: Path, number: int) -> None:
    with path.open("rb") as stream:
        answer = requests.post(
            f"{product.url}/api/collections/bench/products",
            files={"file": (path.name, stream, "image/tiff")}, data={"id": f"dem-{number}"},
            headers=_headers(product), timeout=300,
        )  # fmt: skip
    answer.raise_for_status()


def _database(product: Product) -> psycopg.Connection[tuple[object, ...]]:
    lines = (product.data_dir / "run" / "env").read_text().splitlines()
    url = next(line for line in lines if line.startswith("DATABASE_URL")).split("=", 1)[1]
    return psycopg.connect(url.strip("'").replace("postgis://", "postgresql://"), autocommit=True)


def _wait(product: Product, count: int) -> int:
    """How many were published when none was left."""
    states = (
        "select count(*) filter (where state = 'published'), count(*) from rastrum_job "
        "where collection_id = 'bench' and finished is not null"
    )
    with _database(product) as database:
        while True:
            row = database.execute(states)
            published, finished = row.fetchone() or (0, 0)
            if finished == count:
                return int(str(published))
            time.sleep(0.2)


def _timeline(product: Product) -> dict[str, float]:
    with _database(product) as database:
        return {str(step): float(str(took)) for step, took in database.execute(TIMELINE)}


def _cpu(product: Product) -> dict[str, float]:
    return {part: cpu_seconds(product.pid(part)) for part in PARTS}


def _report(
    count: int, published: int, accepted: float, seconds: float, spent: dict[str, float],
    timeline: dict[str, float],
) -> None:  # fmt: skip
    rate = 60 * published / seconds
    print(f"{published} of {count} published in {seconds:.0f} s: {rate:.0f} products a minute")
    print(f"(the last one was accepted after {accepted:.0f} s)\n")
    print("| part | CPU ms a product |\n|---|---|")
    for part, cpu in spent.items():
        print(f"| {part} | {1000 * cpu / count:.1f} |")
    print("\n| state | mean seconds |\n|---|---|")
    for state in ("queued", "inspecting", "converting", "storing"):
        print(f"| {state} | {timeline.get(state, 0.0):.3f} |")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"registration-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps({
        "count": count, "published": published, "seconds": seconds, "accepted_seconds": accepted,
        "cpu_seconds": spent, "mean_seconds_in_state": timeline,
    }, indent=1))  # fmt: skip
    print(f"\nwritten to {path.relative_to(ROOT)}")
    sys.exit(0 if published == count else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 rasters")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--clients", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
