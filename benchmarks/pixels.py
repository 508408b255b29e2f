"""Pixels alone, in one process: CPU of each phase of a tile, beside rio-tiler on the same COG.

    python -m benchmarks.pixels [--kinds rgb,index] [--zooms 10,13,16] [--tiles 12] [--megabytes 60]

Prints milliseconds of CPU, the least of some rounds and the median over tiles: a machine that
others use too makes every other figure larger. Blocks are kept decoded, as in a server that is
warm; placing is asked anew each time.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rio_tiler.colormap import cmap
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from benchmarks.make_rasters import write_raster
from repository.raster_info import Kind
from repository.rendering_style import ClassColor, RenderingStyle
from tasks.conversion import convert
from tests.rasters import found_of, info_of
from tests.tiler.refs import ref_of
from tiler.pixels import pictures, placement
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.rendering import FORMATS, encode
from tiler.pixels.source_window import read_source, source_window
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

MEANING: dict[str, Kind] = {
    "rgb": "rgb", "reflectance": "measurement", "index": "measurement", "classes": "classes",
}  # fmt: skip
STYLES = {
    "rgb": RenderingStyle(kind="rgb", bands=(1, 2, 3), resampling="bilinear"),
    "reflectance": RenderingStyle(
        kind="rgb", bands=(1, 2, 3), stretch=((0.0, 3000.0),) * 3, resampling="bilinear"
    ),
    "index": RenderingStyle(
        kind="ramp", bands=(1,), stretch=((-0.4, 0.8),), resampling="bilinear"
    ),
    "classes": RenderingStyle(
        kind="classes", bands=(1,),
        classes=tuple(ClassColor(i, (20 * i, 255 - 20 * i, 9, 255)) for i in range(9)),
    ),
}  # fmt: skip
COLUMNS = ("place", "read", "draw", "encode", "png", "jpg", "webp", "rio-tiler png", "times")
ROUNDS = 7
Tile = tuple[int, int, int]


def main() -> None:
    """Make rasters, measure, print a table."""
    options = _options()
    print("| kind | zoom | tiles | " + " | ".join(COLUMNS) + " | KB |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as folder:
        for kind in options.kinds.split(","):
            ref = _published(Path(folder), kind, options.megabytes)
            for z in map(int, options.zooms.split(",")):
                for place, tiles in _tiles(ref, z, options.tiles).items():
                    rows = [_measure(ref, tile) for tile in tiles]
                    _print(kind, z, place, rows)


def _published(folder: Path, kind: str, megabytes: int) -> AssetRef:
    source, cog = folder / f"{kind}.tif", folder / f"{kind}.cog.tif"
    write_raster(source, kind, megabytes)
    convert(found_of(source, info_of(source, MEANING[kind])), cog)
    return ref_of(cog, STYLES[kind])


def _tiles(ref: AssetRef, z: int, count: int) -> dict[str, list[Tile]]:
    """Some tiles from within the raster and some of its edge."""
    west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, z)
    every = [(z, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    edge = [t for t in every if t[1] in (west, east) or t[2] in (north, south)]
    inner = [t for t in every if west < t[1] < east and north < t[2] < south]
    chosen = {"inner": inner, "edge": edge}
    shuffle = random.Random(1)
    return {name: shuffle.sample(t, min(count, len(t))) for name, t in chosen.items() if t}


def _measure(ref: AssetRef, tile: Tile) -> dict[str, float]:
    bounds = QUAD.bounds(*tile)

    def place() -> placement.Placement:
        placement._placed_coarsely.cache_clear()
        return placement.place(
            bounds, QUAD.crs, 256, 256, source_crs=ref.crs_wkt, source_transform=ref.transform,
            source_size=(ref.width, ref.height),
        )  # fmt: skip

    placed = place()
    window = source_window(ref, placed.columns, placed.rows, placed.resolution, placed.reach)
    found: dict[str, float] = {"place": _cpu(place)}
    if window is not None:
        average = ref.style.resampling != "nearest"
        found["read"] = _cpu(lambda: read_source(ref, window, ref.style.bands, average=average))
    for extension in ("png", "jpg", "webp"):
        media = FORMATS[extension]
        found[extension] = _cpu(lambda m=media: pictures.draw(ref, bounds, QUAD.crs, 256, 256, m))
    drawn = pictures._draw_quickly(ref, bounds, QUAD.crs, 256, 256, FORMATS["png"])
    if drawn is not None:
        found["encode"] = _cpu(lambda: encode(drawn[0], FORMATS["png"]))
        found["draw"] = found["png"] - found["encode"] - found.get("read", 0.0)
    with suppress(TileOutsideBounds):  # a box around a turned raster has more tiles than it
        found["rio-tiler png"] = _cpu(lambda: _by_rio_tiler(ref, tile), rounds=2)
    body = pictures.draw(ref, bounds, QUAD.crs, 256, 256, FORMATS["png"])
    found["KB"] = len(body or b"") / 1000
    return found


def _by_rio_tiler(ref: AssetRef, tile: Tile) -> bytes:
    z, x, y = tile
    style = ref.style
    with Reader(ref.gdal_path) as reader:
        image = reader.tile(x, y, z, indexes=style.bands, resampling_method=style.resampling)
    if style.stretch:
        image.rescale(in_range=style.stretch)
    colours = cmap.get("viridis") if style.kind != "rgb" else None
    rendered: bytes = image.render(img_format="PNG", colormap=colours)
    return rendered


def _cpu(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of CPU of the fastest round."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) * 1000


def _print(kind: str, z: int, place: str, rows: list[dict[str, float]]) -> None:
    middle = {
        name: statistics.median(row[name] for row in rows if name in row)
        for name in {name for row in rows for name in row}
    }
    if "rio-tiler png" in middle:
        middle["times"] = middle["rio-tiler png"] / middle["png"]
    cells = [f"{middle[name]:.2f}" if name in middle else "-" for name in COLUMNS]
    print(
        f"| {kind} | {z} | {place} | " + " | ".join(cells) + f" | {middle['KB']:.1f} |", flush=True
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", default=",".join(STYLES))
    parser.add_argument("--zooms", default="10,13,16")
    parser.add_argument("--tiles", type=int, default=12)
    parser.add_argument("--megabytes", type=int, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    main()
