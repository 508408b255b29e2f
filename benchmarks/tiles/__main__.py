"""`python -m benchmarks.tiles [--quick]`: the table of tiles beside the peers.

Our server is started whole, three times on the same data: without a cache of drawn tiles, without
caches at all, and as it comes. CPU is that of all processes of a server, ours with PostgreSQL and
Redis. The servers take turns, round by round; ask ratios, not times.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from benchmarks.make_rasters import write_patches, write_raster
from benchmarks.tiles import cold, ours
from benchmarks.tiles.front import front
from benchmarks.tiles.goals import (
    BEHIND_NGINX,
    DEFAULT_COG,
    INDEX,
    JPEG,
    MAPSERVER,
    MEGABYTES,
    MOSAIC,
    NGINX,
    NO_BLOCKS,
    OURS,
    PASSTHROUGH,
    TITILER,
    WARM,
    WEBP,
    WORLD,
)  # fmt: skip
from benchmarks.tiles.load import Run, Target, load
from benchmarks.tiles.ours import Layer, target
from benchmarks.tiles.peers import LOCAL, ROOT, mapserver, nginx, titiler
from benchmarks.tiles.table import Table, print_head
from tests.services.product import Product, running_product

PATCHES = 10
CASES = ("warm", "no blocks", "as it comes", "mosaics", "cold")


def main() -> None:
    """Measure what is asked for, print, write JSON."""
    options = _options()
    table = Table(options.rounds, options.seconds)
    megabytes = 30 if options.quick else 300
    print_head()
    try:
        with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as name:
            world = 1_000 if options.quick else 10_000
            Bench(table, Path(name), megabytes, world).run(options.cases)
        if "cold" in options.cases:
            cold.measure(table, megabytes)
    finally:  # what was measured is worth knowing, whatever came after
        table.finish()


class Bench:
    """The rasters, the peers that read them, and our server on its data."""

    def __init__(self, table: Table, folder: Path, megabytes: int, world: int) -> None:
        self.table, self.folder, self.world = table, folder, world
        self.data = folder / "data"
        self.sources = {
            kind: write_raster(folder / f"{kind}.tif", kind, megabytes)
            for kind in ("rgb", "index")
        }  # fmt: skip
        self.default = {kind: _default_cog(path) for kind, path in self.sources.items()}
        self.layers: dict[str, Layer] = {}

    def run(self, cases: list[str]) -> None:
        """One server of ours after the other."""
        with ExitStack() as stack:
            self.titiler = stack.enter_context(titiler())
            with running_product(self.data, TILE_CACHE_MB="0", PUBLISH_SAMPLE="no") as product:
                self._publish(product)
                layers = {
                    kind: (layer.stored, lines)
                    for (kind, layer), lines in zip(
                        self.layers.items(),
                        ("", 'PROCESSING "SCALE=-1,1" PROCESSING "NODATA=-9999"'),
                        strict=True,
                    )
                }
                self.mapserver = stack.enter_context(mapserver(self.folder, layers))
                if self.mapserver is None:
                    self.table.skip("MapServer", "cgi-mapserver, spawn-fcgi or nginx is missing")
                if "warm" in cases:
                    self._warm(product)
                if "mosaics" in cases:
                    self._mosaic(product)
                    self._world(product)
                self._memory(product)
            if "no blocks" in cases:
                self._without_blocks()
            if "as it comes" in cases:
                self._as_it_comes()

    def _publish(self, product: Product) -> None:
        if not ours.make_collection(product, "live", "never"):
            ours.make_collection(product, "live")
        layers = ours.publish(product, "live", list(self.sources.values()))
        self.layers = dict(zip(self.sources, layers, strict=True))

    def targets(
        self, product: Product, kind: str, extension: str, *, stretch: str = ""
    ) -> list[Target]:
        """Ours and each peer, for the same pictures."""
        layer = self.layers[kind]
        tile = f"WebMercatorQuad/{{z}}/{{x}}/{{y}}.{extension}"
        found = [target(product, tiles_of(layer, extension))]
        for name, path in ((TITILER, layer.stored), (DEFAULT_COG, self.default[kind])):
            url = f"{self.titiler.url}/tiles/{tile}?url={quote(str(path), safe='')}{stretch}"
            found.append(Target(name, url, self.titiler.pids))
        if self.mapserver and extension in ("png", "jpg"):
            media = "image/jpeg" if extension == "jpg" else "image/png"
            url = (
                f"{self.mapserver.url}/?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&STYLES=&CRS=EPSG:3857"
                f"&BBOX={{bbox}}&WIDTH=256&HEIGHT=256&LAYERS={kind}&FORMAT={media}"
            )
            found.append(Target(MAPSERVER, url, self.mapserver.pids))
        return found

    def _warm(self, product: Product) -> None:
        rgb, index = self.layers["rgb"], self.layers["index"]
        stretch = "&rescale=-1,1&colormap_name=viridis"
        for zoom in (rgb.max_zoom - 3, rgb.max_zoom):
            self.table.measure(f"PNG RGB, warm, z{zoom}", self.targets(product, "rgb", "png"),
                               rgb.tiles(zoom), WARM)  # fmt: skip
        for zoom in (index.max_zoom - 3, index.max_zoom):
            self.table.measure(f"float index PNG, warm, z{zoom}",
                               self.targets(product, "index", "png", stretch=stretch),
                               index.tiles(zoom), INDEX)  # fmt: skip
        for extension, goals in (("jpg", JPEG), ("webp", WEBP)):
            case = f"{extension.upper().replace('JPG', 'JPEG')} RGB, warm, z{rgb.max_zoom}"
            self.table.measure(case, self.targets(product, "rgb", extension),
                               rgb.tiles(rgb.max_zoom), goals)  # fmt: skip

    def _without_blocks(self) -> None:
        settings = {"TILE_CACHE_MB": "0", "BLOCK_CACHE_MB": "0", "PUBLISH_SAMPLE": "no"}
        with running_product(self.data, **settings) as product:
            rgb = self.layers["rgb"]
            for zoom in (rgb.max_zoom - 3, rgb.max_zoom):
                self.table.measure(f"PNG RGB, no block cache, z{zoom}",
                                   self.targets(product, "rgb", "png")[:3],
                                   rgb.tiles(zoom), NO_BLOCKS)  # fmt: skip

    def _as_it_comes(self) -> None:
        """With the cache of drawn tiles, and tiles that were drawn ahead of time."""
        # The servers of tests draw nothing ahead of time by themselves.
        soon = {"PRERENDER_SETTLE_SECONDS": "1", "SWEEP_SECONDS": "2"}
        with running_product(self.data, PUBLISH_SAMPLE="no", **soon) as product:
            rgb = self.layers["rgb"]
            self.table.measure(f"PNG RGB, tile cache on, z{rgb.max_zoom}",
                               self.targets(product, "rgb", "png")[:2],
                               rgb.tiles(rgb.max_zoom), ())  # fmt: skip
            self._passthrough(product)

    def _passthrough(self, product: Product) -> None:
        case = "passthrough"
        if not ours.make_collection(product, "stored", "always"):
            self.table.skip(case, "this server stores no tiles ahead of time")
            return
        layer = ours.publish(product, "stored", [self.sources["rgb"]])[0]
        extension = ours.wait_until_prerendered(product, layer.address)
        if not extension:
            self.table.skip(case, "the tiles were not drawn in time")
            return
        tiles = layer.tiles(layer.max_zoom)
        targets = self.targets(product, "rgb", extension)
        targets[0] = target(product, tiles_of(layer, extension))
        static = self.folder / "static"
        for z, x, y in tiles:
            path = static / f"{z}/{x}/{y}.{extension}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(LOCAL.open(targets[0].url((z, x, y))).read())
        location = f"location / {{ root {static}; open_file_cache max=20000; }}"
        with nginx(self.folder, location) as peer:
            if peer:
                files = f"{peer.url}/{{z}}/{{x}}/{{y}}.{extension}"
                targets.append(Target(NGINX, files, peer.pids))
            self.table.measure(case, targets, tiles, PASSTHROUGH)
            self._behind_nginx(product, targets, tiles)

    def _behind_nginx(
        self, product: Product, targets: list[Target], tiles: list[ours.Tile]
    ) -> None:
        """deploy/nginx.conf before our server; both are counted."""
        case = "passthrough behind deploy/nginx.conf"
        with front(self.folder, product) as peer:
            if peer is None:
                self.table.skip(case, "deploy/nginx.conf or nginx is missing")
                return
            path = targets[0].template.removeprefix(product.url)
            behind = Target(OURS, peer.url + path, (*peer.pids, *ours.pids_of(product)))
            self.table.measure(case, [behind, targets[-1]], tiles, BEHIND_NGINX)

    def _mosaic(self, product: Product) -> None:
        if not ours.make_collection(product, "patches", "never"):
            ours.make_collection(product, "patches")
        sources = [
            write_patches(self.folder / f"patch-{number}.tif", number, PATCHES)
            for number in range(PATCHES)
        ]
        layers = ours.publish(product, "patches", sources)
        tiles = layers[0].tiles(13)
        own = target(product, "/tiles/patches/WebMercatorQuad/{z}/{x}/{y}.png")
        case = f"mosaic of {PATCHES} products, z13"
        run = load(own, tiles, self.table.seconds)
        if run.bad:
            self.table.skip(case, "this server has no tiles of whole collections")
            return
        given = {"assets": [str(layer.stored) for layer in layers], "tiles": tiles[:12]}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.tiles.mosaic_peer", json.dumps(given)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        theirs = json.loads(done.stdout)
        runs = {OURS: load(own, tiles, self.table.seconds)} | {
            name: Run(theirs[key], 0, 0, 0, 0, 0)
            for name, key in ((MOSAIC.peer, "threads"), ("mosaic_reader, no threads", "none"))
        }  # fmt: skip
        self.table.add(case, runs, [MOSAIC])

    def _world(self, product: Product) -> None:
        case = f"world view of {self.world:,} products"
        if why := ours.make_world(product, self.folder, self.world):
            self.table.skip(case, why)
            return
        own = target(product, "/tiles/world/WebMercatorQuad/{z}/{x}/{y}.png")
        rgb = self.layers["rgb"]
        one = target(product, tiles_of(rgb, "png"), name=WORLD.peer)
        tiles = [(z, x, y) for z in (0, 1, 2) for x in range(2**z) for y in range(2**z)]
        load(own, tiles, 2)
        load(one, rgb.tiles(rgb.max_zoom - 3), 2)
        runs = {OURS: load(own, tiles, self.table.seconds),
                WORLD.peer: load(one, rgb.tiles(rgb.max_zoom - 3), self.table.seconds)}  # fmt: skip
        self.table.add(case, runs, [WORLD])

    def _memory(self, product: Product) -> None:
        """The largest of our web processes, after all of the load before and some of every kind."""
        web, largest = product.pid("web"), 0.0
        for kind in self.layers:
            for extension in ("png", "jpg", "webp"):
                path = tiles_of(self.layers[kind], extension)
                mixed = [t for z in range(7, 15) for t in self.layers[kind].tiles(z)[:40]]
                run = load(Target(OURS, product.url + path, (web,)), mixed, self.table.seconds)
                largest = max(largest, run.rss_mb)
        most, aim = MEGABYTES
        word = "goal reached" if largest <= aim else "must reached" if largest <= most else "MISSED"
        self.table.judge(
            "memory of one tile process under load",
            f"{largest:.0f} MB (must <= {most}, goal <= {aim}): {word}",
        )


def tiles_of(layer: Layer, extension: str) -> str:
    """The template of a product's tiles on our server."""
    return f"/tiles/{layer.address}/WebMercatorQuad/{{z}}/{{x}}/{{y}}.{extension}"


def _default_cog(source: Path) -> Path:
    """What `rio cogeo create` makes without being told anything."""
    made = source.with_name(f"default-{source.name}")
    rio = Path(sys.executable).with_name("rio")
    subprocess.run([rio, "cogeo", "create", "-q", str(source), str(made)], check=True)
    return made


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small rasters, 1,000 products")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
