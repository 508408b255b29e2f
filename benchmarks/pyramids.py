"""Tiles drawn ahead of time: what PMTiles and a web-aligned WEBP COG cost to write and to ask.

    python -m benchmarks.pyramids [--megabytes 48] [--folder DIR]

Both hold every zoom of the same raster. CPU seconds, bytes, and microseconds for one tile.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil

from benchmarks.make_rasters import KINDS, write_raster
from repository.rendering_style import RenderingStyle
from tasks.conversion import convert, info_of_result, with_kind
from tasks.inspection import inspect_files
from tasks.pyramids import DrawnPyramid, PyramidOrder, draw_pyramid, ref_of
from tasks.raster_source import HandedFile
from tasks.rendering_defaults import default_style
from tasks.statistics import RasterStatistics
from tiler.pixels.asset_ref import AssetRef, PyramidRef
from tiler.pixels.pmtiles import open_archive
from tiler.pixels.pyramid_index import index_of
from tiler.pixels.reading import read_tile
from tiler.pixels.rendering import bands_for, media_format, render
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD
from tiler.stored_tiles import stored_tile

LOOKUPS = 20_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=48, help="of each raster")
    arguments.add_argument("--folder", type=Path, help="for the rasters; a temporary one")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(f"{'kind':12} {'form':10} {'data MB':>8} {'MB':>7} {'share':>6} {'zooms':>6} "
              f"{'tiles':>6} {'CPU s':>6} {'ms/tile':>7} {'us/ask':>7}")  # fmt: skip
        for kind in KINDS:
            for line in _measured(kind, given.megabytes, Path(folder)):
                print(line, flush=True)


def _measured(kind: str, megabytes: int, folder: Path) -> Iterator[str]:
    cog, info, style = _converted(kind, megabytes, folder)
    extension = "webp" if style.kind == "rgb" else "png"
    order = PyramidOrder(info, style, extension, 0, 10**7)
    ref, archive = ref_of(order, cog), folder / f"{kind}.pmtiles"
    read_tile(ref, WEB_MERCATOR_QUAD, ref.max_zoom, *_middle(ref), bands=style.bands)  # compiles
    drawn, seconds = _timed(lambda: draw_pyramid(order, cog, archive, lambda share: None))
    data = cog.stat().st_size
    yield _line(kind, "PMTiles", data, drawn, seconds, _ask(ref, archive, style, extension))
    yield f"{'':12} {'of which':10} {'open':>8} {_opening(archive):7.1f} ms"
    if style.kind == "rgb":
        other = folder / "web.tif"
        _, seconds = _timed(lambda: _webp_cog(cog, other))
        size = DrawnPyramid(other.stat().st_size, drawn.min_zoom, drawn.max_zoom, drawn.tiles, 0)
        yield _line(kind, "WEBP COG", data, size, seconds, float("nan"))


def _line(
    kind: str, form: str, data: int, drawn: DrawnPyramid, seconds: float, micros: float
) -> str:
    return (
        f"{kind:12} {form:10} {data / 1e6:8.1f} {drawn.size / 1e6:7.2f} {drawn.size / data:6.1%} "
        f"{drawn.min_zoom:>3}-{drawn.max_zoom:<2} {drawn.tiles:6} {seconds:6.1f} "
        f"{seconds / max(1, drawn.tiles) * 1e3:7.2f} {micros:7.1f}"
    )


def _converted(kind: str, megabytes: int, folder: Path) -> tuple[Path, Any, RenderingStyle]:
    """The COG as the way in makes it, its facts and its first style."""
    source, cog = write_raster(folder / f"{kind}.tif", kind, megabytes), folder / f"{kind}.cog.tif"
    work = folder / kind
    work.mkdir()
    found = inspect_files([HandedFile(str(source), source.name)], folder=work, answers={},
                          max_decoded_bytes=10**12, say_found=lambda found: None)  # fmt: skip
    raster = with_kind(found.rasters[0])
    statistics = RasterStatistics(raster.info)
    result = convert(raster, cog, on_progress=lambda share: None, on_strip=statistics.add)
    info = statistics.complete(info_of_result(raster, result))
    source.unlink()
    return cog, info, default_style(info)


def _webp_cog(cog: Path, target: Path) -> None:
    """Web-aligned, 256-pixel blocks, overviews by GDAL: lossy blocks are decoded to be served as
    anything else, and its overviews are not the pixels that the renderer would give."""
    with rasterio.Env(GDAL_NUM_THREADS=1):
        rasterio.shutil.copy(
            cog, target, driver="COG", compress="WEBP", quality=80, blocksize=256,
            tiling_scheme="GoogleMapsCompatible", overview_resampling="average", add_mask="YES",
        )  # fmt: skip


def _ask(ref: AssetRef, archive: Path, style: RenderingStyle, extension: str) -> float:
    """Microseconds of CPU for one stored tile, found and read."""
    pyramid = PyramidRef(str(archive), style.digest, extension, str(archive), ())
    known = replace(ref, pyramid=pyramid)
    z, media = ref.max_zoom, media_format(extension)
    left, top, right, bottom = WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, z)
    chance = np.random.default_rng(1)
    xs = chance.integers(left, right + 1, LOOKUPS).tolist()
    ys = chance.integers(top, bottom + 1, LOOKUPS).tolist()
    drawn = render(
        read_tile(ref, WEB_MERCATOR_QUAD, z, xs[0], ys[0], bands=bands_for(style, media),
                  resampling=style.resampling), style, extension,
    )  # fmt: skip
    assert stored_tile(known, WEB_MERCATOR_QUAD, z, xs[0], ys[0], media, 256) == drawn

    def ask() -> None:
        for x, y in zip(xs, ys, strict=True):
            stored_tile(known, WEB_MERCATOR_QUAD, z, x, y, media, 256)

    return _timed(ask)[1] / LOOKUPS * 1e6


def _opening(archive: Path) -> float:
    """Milliseconds of CPU until the first tile of an archive can be found."""
    descriptor = os.open(archive, os.O_RDONLY)
    try:
        read = lambda start, length: os.pread(descriptor, length, start)  # noqa: E731
        return _timed(lambda: index_of(open_archive(read)))[1] * 1e3
    finally:
        os.close(descriptor)


def _middle(ref: AssetRef) -> tuple[int, int]:
    left, top, right, bottom = WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, ref.max_zoom)
    return (left + right) // 2, (top + bottom) // 2


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


if __name__ == "__main__":
    main()
