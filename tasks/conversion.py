"""A source raster and what is known of it in; a Cloud-Optimized GeoTIFF of the same pixels out."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from repository.errors import OutOfSpace, RastrumError, Rejected
from repository.raster_info import RasterInfo
from tasks import cog_profiles
from tasks.cog.halving import Strip, joined
from tasks.cog.levels import Level, level_sizes, open_levels
from tasks.cog.pyramid import BlockQueue, Pyramid
from tasks.cog.source import OPEN_OPTIONS, Source, open_source
from tasks.cog.tags import descriptive_tags
from tasks.cog.traversal import Traversal, cache_bytes, plan
from tasks.cog.validity import Mask, Pixels, Validity
from tasks.cog.writer import Layout, write_file

SECONDS_BETWEEN_REPORTS = 0.1
SHARE_OF_PIXELS = 0.95
"""Of the progress; the rest is for putting the file together."""

OnStrip = Callable[[Pixels, Mask], None]
OnProgress = Callable[[float], None]


class Cancelled(RastrumError):
    """The owner or the worker asked to stop; nothing was left behind."""

    code, status, title = "cancelled", 409, "Cancelled"


@dataclass(frozen=True)
class ConversionResult:
    """What was written."""

    size_bytes: int
    overviews: tuple[int, ...]
    """Reduction factors, 2, 4, 8 ..."""


def info_of_result(info: RasterInfo, result: ConversionResult) -> RasterInfo:
    """The source's facts with the storage of the COG that `convert` wrote in place of its own."""
    side = cog_profiles.profile_for(info).block_size
    return replace(
        info,
        driver="GTiff",
        compression="zstd",
        block_width=side,
        block_height=side,
        overviews=result.overviews,
    )


def convert(
    source: Path,
    destination: Path,
    info: RasterInfo,
    *,
    on_progress: OnProgress | None = None,
    on_strip: OnStrip | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    threads: int | None = None,
) -> ConversionResult:
    """Write `source` as a COG to `destination`, reading each pixel once and changing none.

    CRS, transform, nodata, scales, colours and tags are those of `info`, which an
    owner may have corrected. A mask beside the source, `NAME.msk`, is used where
    `info` says that validity is per dataset. `on_progress` hears rising shares, 0 to
    1, at most ten a second; `on_strip` gets every full-resolution pixel once, as
    (pixels, valid), both (bands, height, width), True for valid.

    Raises Rejected (`truncated`, `unreadable_pixels`), OutOfSpace, Cancelled; then
    no destination is left.
    """
    try:
        return _Conversion(source, destination, info, threads or os.cpu_count() or 1).run(
            _Progress(on_progress), on_strip, is_cancelled
        )
    except BaseException as error:
        destination.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(
                f"The disk is full: a COG of {info.decoded_bytes >> 20} MB of pixels did not fit.",
                hint="Nothing is lost. The job goes on when the operator has made room.",
            ) from error
        raise


class _Progress:
    """Rising shares, at most ten a second."""

    def __init__(self, listener: OnProgress | None) -> None:
        self._listener = listener
        self._next = 0.0

    def report(self, share: float) -> None:
        now = time.monotonic()
        if self._listener is not None and (now >= self._next or share >= 1):
            self._next = now + SECONDS_BETWEEN_REPORTS
            self._listener(min(1.0, share))


class _Conversion:
    """One run of `convert`: its plan, its levels, its threads."""

    def __init__(self, source: Path, destination: Path, info: RasterInfo, threads: int) -> None:
        self.source_path, self.destination, self.info = source, destination, info
        self.threads = threads
        self.profile = cog_profiles.profile_for(info)
        self.dtype = common_dtype(info)
        self.predictor = cog_profiles.predictor_for(self.profile, self.dtype)
        self.interleaved = cog_profiles.is_pixel_interleaved(len(info.bands))
        self.validity = Validity(info.bands)
        self.traversal = plan(info, self.profile.block_size)

    def run(
        self,
        progress: _Progress,
        on_strip: OnStrip | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> ConversionResult:
        """Convert; see `convert`."""
        options = OPEN_OPTIONS | {"GDAL_CACHEMAX": cache_bytes(self.info, self.traversal)}
        with ExitStack() as stack:
            stack.enter_context(rasterio.Env(**options))
            source = stack.enter_context(
                open_source(
                    self.source_path, self.info, interleaved=self.interleaved,
                    needs_mask=self.validity.has_dataset_mask, threads=self.threads,
                )
            )  # fmt: skip
            levels = self._open_levels()
            for level in levels:
                stack.enter_context(level.spool)
            pool = stack.enter_context(ThreadPoolExecutor(self.threads))
            reader = stack.enter_context(ThreadPoolExecutor(1))
            queue = self._queue(pool, levels[0], progress)
            strips = _guarded(_read_ahead(source, self.traversal, self.dtype, reader), is_cancelled)
            self._compress(strips, levels, queue, on_strip)
            size = self._write(levels, source, progress)
        progress.report(1.0)
        return ConversionResult(size, tuple(2**n for n in range(1, len(levels))))

    def _open_levels(self) -> list[Level]:
        size = self.profile.block_size
        planes = 1 if self.interleaved else len(self.info.bands)
        sizes = level_sizes(self.info.width, self.info.height, size)
        return open_levels(sizes, size, planes, self.destination.parent)

    def _queue(self, pool: ThreadPoolExecutor, full: Level, progress: _Progress) -> BlockQueue:
        total, done = full.across * full.down, 0

        def written(level: Level) -> None:
            nonlocal done
            if level is full:
                done += 1
                progress.report(SHARE_OF_PIXELS * done / total)

        return BlockQueue(pool, self.profile, self.predictor, 8 * self.threads, written)

    def _compress(
        self,
        strips: Iterator[tuple[rasterio.windows.Window, Strip]],
        levels: Sequence[Level],
        queue: BlockQueue,
        on_strip: OnStrip | None,
    ) -> None:
        """Fill all levels. A raster of several columns meets again at a coarse level."""
        shared = self._first_shared_level(len(levels))
        parts: list[list[Strip]] = []
        pyramid = Pyramid(levels[:shared], self.validity, queue)
        for window, strip in strips:
            if window.row_off == 0 and shared < len(levels):
                parts.append([])
                pyramid = Pyramid(
                    levels[:shared], self.validity, queue,
                    left=window.col_off // self.profile.block_size, beyond=parts[-1].append,
                )  # fmt: skip
            valid = self.validity.of_all(strip.pixels, strip.mask)
            if on_strip is not None:
                on_strip(strip.pixels, stacked_masks(valid, strip.pixels.shape))
            pyramid.feed(strip, valid, last=window.row_off + window.height == self.info.height)
        if parts:
            whole = joined([joined(column, axis=1) for column in parts], axis=2)
            Pyramid(levels[shared:], self.validity, queue).feed(whole, last=True)
        queue.drain()

    def _first_shared_level(self, level_count: int) -> int:
        """The number of levels that each column fills by itself."""
        if len(self.traversal.column_starts) == 1:
            return level_count
        return int(np.log2(self.traversal.columns // self.profile.block_size)) + 1

    def _write(self, levels: Sequence[Level], source: Source, progress: _Progress) -> int:
        layout = Layout(
            descriptive=descriptive_tags(self.info, self.dtype, source.dataset),
            predictor=self.predictor,
            has_mask=self.validity.has_dataset_mask,
            row_major=self.interleaved and len(self.traversal.column_starts) == 1,
        )
        return write_file(
            self.destination, levels, layout,
            lambda share: progress.report(SHARE_OF_PIXELS + (1 - SHARE_OF_PIXELS) * share),
        )  # fmt: skip


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


def stacked_masks(valid: Sequence[Mask | None], shape: tuple[int, ...]) -> Mask:
    """Band masks, None for all valid, as one read-only array of `shape` (bands, height, width)."""
    if all(mask is None for mask in valid):
        return np.broadcast_to(np.True_, shape)
    if all(mask is valid[0] for mask in valid):
        return np.broadcast_to(np.asarray(valid[0]), shape)
    everything = np.broadcast_to(np.True_, shape[1:])
    return np.stack([everything if mask is None else mask for mask in valid])


def _read_ahead(
    source: Source, traversal: Traversal, dtype: np.dtype[Any], reader: ThreadPoolExecutor
) -> Iterator[tuple[rasterio.windows.Window, Strip]]:
    """Strips in order; the next one is decoded while the caller works on this one."""

    def read(window: rasterio.windows.Window) -> Strip:
        return Strip(source.read(window, dtype), source.read_mask(window))

    windows = list(traversal.strips())
    coming = reader.submit(read, windows[0])
    for number, window in enumerate(windows):
        strip = coming.result()
        if number + 1 < len(windows):
            coming = reader.submit(read, windows[number + 1])
        yield window, strip


def _guarded(
    strips: Iterator[tuple[rasterio.windows.Window, Strip]],
    is_cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[rasterio.windows.Window, Strip]]:
    """The same strips, until somebody asks to stop."""
    for item in strips:
        if is_cancelled is not None and is_cancelled():
            raise Cancelled("The conversion was stopped on request.")
        yield item
