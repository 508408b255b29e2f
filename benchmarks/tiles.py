"""Tiles beside plain TiTiler on the same COG: CPU, rate and size a tile, in turns, as ratios.

    python benchmarks/tiles.py [--quick] [--format png] [--rounds N] [--seconds S]

The whole product is started (`manage.py serve`) and given rasters by its ordinary way
in; TiTiler reads the very object that was stored, and the COG that rio-cogeo would make
by default. CPU is that of all of a server's processes, ours with its database and
workers. Ask CPU, not the clock, on a machine that others use too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import requests  # noqa: E402

from benchmarks.make_rasters import write_raster  # noqa: E402
from benchmarks.processes import cpu_seconds  # noqa: E402
from tests.services.product import Product, free_port, running_product  # noqa: E402
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
MEGABYTES = {"quick": 30, "normal": 300}
KINDS = ("rgb", "reflectance", "index", "classes")
STRETCH = {
    "rgb": "",
    "reflectance": "&bidx=1&bidx=2&bidx=3&rescale=0,10000",
    "index": "&rescale=-1,1&colormap_name=viridis",
    "classes": "&colormap_name=viridis",
}
"""What TiTiler must be told with each request to draw a picture like ours."""
CLIENTS = 4


def main() -> None:
    """Start both servers, measure, print a table, write JSON."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as name:
        folder = Path(name)
        sources = {k: _source(folder, k, options.quick) for k in options.kinds.split(",")}
        with running_product(folder / "data") as product, _titiler() as titiler:
            product.manage("ingest", *map(str, sources.values()), "--collection", "samples")
            rows = [
                row
                for kind, source in sources.items()
                for row in _measure(kind, source, product, titiler, options)
            ]
    _write(rows)


@dataclass(frozen=True)
class TiTiler:
    """A running peer."""

    url: str
    pid: int


@contextmanager
def _titiler() -> Iterator[TiTiler]:
    """Plain TiTiler in one process, stopped afterwards."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "benchmarks.titiler_app:app", "--port", str(port),
         "--log-level", "warning"],
        cwd=ROOT, env=os.environ | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/openapi.json")
        yield TiTiler(url, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _measure(
    kind: str, source: Path, product: Product, peer: TiTiler, options: argparse.Namespace
) -> list[dict[str, object]]:
    """One row a zoom and server; the servers take turns within a round."""
    address = f"samples/{source.stem}"
    base = f"{product.url}/tiles/{address}"
    document = json.load(urlopen(f"{base}/tilejson.json"))
    uuid = json.load(urlopen(f"{product.url}/api/products/{address}"))["uuid"]
    stored = next((product.data_dir / "objects" / "products" / uuid).rglob("data.tif"))
    default = _default_cog(source)
    tile = f"WebMercatorQuad/{{z}}/{{x}}/{{y}}.{options.format}"
    titiler = f"{peer.url}/tiles/{tile}?url="
    targets = {
        "ours": f"{base}/{tile}",
        "titiler": titiler + quote(str(stored)) + STRETCH[kind],
        "titiler default COG": titiler + quote(str(default)) + STRETCH[kind],
    }
    rows = []
    for zoom in (document["maxzoom"] - 3, document["maxzoom"]):
        tiles = _tiles(document["bounds"], zoom)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
        for _ in range(options.rounds):
            for name, template in targets.items():
                pid = product.process.pid if name == "ours" else peer.pid
                runs[name].append(_load(template, tiles, options.seconds, pid))
        for name, found in runs.items():
            middle = {key: statistics.median(run[key] for run in found) for key in found[0]}
            rows.append({"kind": kind, "zoom": zoom, "server": name, **middle})
            theirs = statistics.median(run["cpu_ms"] for run in runs["titiler"])
            ratio = theirs / middle["cpu_ms"] if middle["cpu_ms"] else math.nan
            rows[-1]["cpu_ratio"] = ratio
            print(
                f"| {kind} | {zoom} | {name} | {middle['cpu_ms']:.2f} | {ratio:.2f} "
                f"| {middle['rate']:.0f} | {middle['p50_ms']:.1f} | {middle['kb']:.1f} "
                f"| {middle['bad']:.0f} |", flush=True,
            )  # fmt: skip
    return rows


def _load(
    template: str, tiles: list[tuple[int, int, int]], seconds: float, pid: int
) -> dict[str, float]:
    """CPU milliseconds a tile, tiles a second, median milliseconds and size over `seconds`."""
    stop, latencies, sizes, bad = time.perf_counter() + seconds, [], [], []

    def client(number: int) -> None:
        order = random.Random(number).sample(tiles, len(tiles))
        with requests.Session() as session:
            session.trust_env = False
            while time.perf_counter() < stop:
                z, x, y = order[len(latencies) % len(order)]
                start = time.perf_counter()
                answer = session.get(template.format(z=z, x=x, y=y))
                latencies.append(time.perf_counter() - start)
                sizes.append(len(answer.content))
                bad.extend([1] * (answer.status_code != 200))

    before, start = cpu_seconds(pid), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    spent, passed = cpu_seconds(pid) - before, time.perf_counter() - start
    count = max(1, len(latencies))
    return {
        "cpu_ms": spent * 1000 / count, "rate": count / passed,
        "p50_ms": statistics.median(latencies) * 1000, "kb": sum(sizes) / count / 1000,
        "bad": len(bad),
    }  # fmt: skip


def _tiles(bounds: list[float], zoom: int) -> list[tuple[int, int, int]]:
    """Up to 300 tiles over the bounds, in an order that is the same in every run."""
    west, north, east, south = WEB_MERCATOR_QUAD.tiles_over(tuple(bounds), zoom)  # type: ignore[arg-type]
    every = [(zoom, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    inner = [t for t in every if west < t[1] < east and north < t[2] < south] or every
    return random.Random(1).sample(inner, min(300, len(inner)))


def _source(folder: Path, kind: str, quick: bool) -> Path:
    return write_raster(
        folder / f"bench-{kind}.tif", kind, MEGABYTES["quick" if quick else "normal"]
    )


def _default_cog(source: Path) -> Path:
    """What `rio cogeo create` makes without being told anything."""
    target = source.with_name(f"default-{source.name}")
    if not target.exists():
        rio = Path(sys.executable).with_name("rio")
        subprocess.run([rio, "cogeo", "create", "-q", str(source), str(target)], check=True)
    return target


def _wait(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


def _write(rows: list[dict[str, object]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"tiles-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(rows, indent=1))
    print(f"written to {path.relative_to(ROOT)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small rasters")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--format", default="png", choices=("png", "jpg", "webp"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    print("| kind | zoom | server | CPU ms/tile | CPU x | tiles/s | p50 ms | KB/tile | bad |")
    print("|---|---|---|---|---|---|---|---|---|")
    return options


if __name__ == "__main__":
    main()
