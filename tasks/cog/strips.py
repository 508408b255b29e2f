"""A found raster's pixels in order, strip by strip: opened, planned, read ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.io import DatasetReader
from rasterio.windows import Window

from repository.errors import Rejected
from repository.raster_info import RasterInfo
from tasks.cog.halving import Strip
from tasks.cog.source import OpenRaster, Source, StripReader, open_source
from tasks.cog.tiled_copy import TILE_WIDTH, tiled_copy
from tasks.cog.traversal import (
    MAX_TILE_ROWS,
    STRIP_BYTES,
    Traversal,
    cache_bytes,
    needs_copy,
    plan,
    plan_copy,
    plan_warp,
)
from tasks.cog.validity import Validity
from tasks.cog.warped import WarpedSource
from tasks.memory import pixel_bytes
from tasks.placement import Placement, placement_of
from tasks.raster_source import FoundRaster

WARP_CACHE_BYTES = 128 << 20
"""Of source blocks: neighbouring steps of a warp read the same ones."""


@dataclass(frozen=True)
class OpenStrips:
    """A raster that is open, and the order in which it is read."""

    reader: StripReader
    traversal: Traversal
    strips: Iterator[tuple[Window, Strip]]
    """Each pixel once."""


@dataclass(frozen=True)
class Opening:
    """How a raster is opened for its strips."""

    block_size: int
    """Of the COG, in pixels."""
    interleaved: bool
    """Arrays are laid out in memory with the bands of a pixel side by side."""
    threads: int
    folder: Path
    """For a copy of the source, where one must be made first."""
    on_copied: Callable[[float], None] = lambda share: None
    """Hears the share of that."""


def needs_preparation(found: FoundRaster, block_size: int) -> bool:
    """Whether `found` is copied into tiles before its strips are read."""
    if found.source.warp or found.take_as_it_is:
        return not found.take_as_it_is
    return needs_copy(found.info, plan(found.info, block_size))


@contextmanager
def open_strips(found: FoundRaster, opening: Opening) -> Iterator[OpenStrips]:
    """The strips of `found`, in the grid of its info.

    Raises Rejected where the source cannot be opened; the strips do where it cannot be read.
    """
    info, warp = found.info, found.source.warp
    with ExitStack() as stack:
        raster = stack.enter_context(_opened(found, opening.threads))
        source = Source(raster, opening.interleaved)
        if not needs_preparation(found, opening.block_size):
            traversal = plan(info, opening.block_size)
            yield _open(source, info, traversal, cache_bytes(info, traversal), stack)
            return
        placement = placement_of(raster.dataset, warp) if warp else None
        copy = stack.enter_context(_copied(found, raster, placement, opening))
        if warp is None or placement is None:
            info = replace(info, block_width=TILE_WIDTH, block_height=copy.block_shapes[0][0])
            inside = OpenRaster(copy, tuple(copy.indexes), raster.mask_dataset and copy)
            source = Source(inside, opening.interleaved, copied_from=source)
            traversal = plan(info, opening.block_size)
            yield _open(source, info, traversal, cache_bytes(info, traversal), stack)
            return
        warped = WarpedSource(source, copy, placement, warp, info, opening.threads)
        yield _open(warped, info, plan_warp(info, opening.block_size), WARP_CACHE_BYTES, stack)


@contextmanager
def open_overview_strips(found: FoundRaster, opening: Opening, level: int) -> Iterator[OpenStrips]:
    """The strips of one of the overviews of `found`, the finest being number 0."""
    with ExitStack() as stack:
        raster = stack.enter_context(_opened(found, opening.threads, overview_level=level))
        info = replace(found.info, width=raster.dataset.width, height=raster.dataset.height)
        traversal = plan(info, opening.block_size)
        source = Source(raster, opening.interleaved)
        yield _open(source, info, traversal, cache_bytes(info, traversal), stack)


def _opened(found: FoundRaster, threads: int, **options: Any) -> AbstractContextManager[OpenRaster]:
    needs_mask = Validity(found.info.bands).has_dataset_mask
    return open_source(found.source, needs_mask=needs_mask, threads=threads, **options)


@contextmanager
def _copied(
    found: FoundRaster, raster: OpenRaster, placement: Placement | None, opening: Opening
) -> Iterator[DatasetReader]:
    width, height = raster.dataset.width, raster.dataset.height
    info = replace(found.info, width=width, height=height)
    traversal = plan_copy(info) if info.block_width >= width else plan(info, opening.block_size)
    shape, dtype = (len(info.bands), height, width), common_dtype(info)
    with ExitStack() as reading:
        source = Source(raster, interleaved=False)
        opened = _open(source, info, traversal, cache_bytes(info, traversal), reading)
        copying = tiled_copy(
            opened.strips,
            shape,
            min(traversal.rows, MAX_TILE_ROWS),
            dtype,
            placement,
            opening.folder,
            opening.on_copied,
        )
        with copying as copy:
            reading.close()
            yield copy


def _open(
    reader: StripReader, info: RasterInfo, traversal: Traversal, cache: int, stack: ExitStack
) -> OpenStrips:
    stack.enter_context(rasterio.Env(GDAL_CACHEMAX=cache))
    return OpenStrips(reader, traversal, _strips(reader, traversal, info, stack))


def _strips(
    reader: StripReader, traversal: Traversal, info: RasterInfo, stack: ExitStack
) -> Iterator[tuple[Window, Strip]]:
    """Read ahead where two strips are affordable."""
    dtype = common_dtype(info)

    def read(window: Window) -> Strip:
        return reader.read_strip(window, dtype)

    if traversal.rows * traversal.columns * pixel_bytes(info) > STRIP_BYTES * 5 // 4:
        return ((window, read(window)) for window in traversal.strips())
    return _read_ahead(read, traversal, stack.enter_context(ThreadPoolExecutor(1)))


def _read_ahead(
    read: Callable[[Window], Strip],
    traversal: Traversal,
    ahead: ThreadPoolExecutor,
) -> Iterator[tuple[Window, Strip]]:
    """Strips in order; the next one is decoded while the caller works on this one."""
    windows = list(traversal.strips())
    coming = ahead.submit(read, windows[0])
    for number, window in enumerate(windows):
        strip = coming.result()
        if number + 1 < len(windows):
            coming = ahead.submit(read, windows[number + 1])
        yield window, strip


def common_dtype(info: RasterInfo) -> np.dtype[Any]:
    """The one type that holds all bands exactly: a GeoTIFF has no other choice.

    Raises Rejected where there is none.
    """
    dtypes = [np.dtype(band.dtype) for band in info.bands]
    common = np.result_type(*dtypes)
    if any(not np.can_cast(dtype, common, "safe") for dtype in dtypes) or common.kind not in "iuf":
        names = ", ".join(sorted({band.dtype for band in info.bands}))
        raise Rejected(
            f"No one number type holds all bands exactly; they are {names}.",
            hint="Write the bands with one type, or as separate files.",
            code="unsupported_dtype",
        )
    return common
