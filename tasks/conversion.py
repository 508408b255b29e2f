"""A raster and what is known of it in; a Cloud-Optimized GeoTIFF of the same pixels out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from repository.errors import OutOfSpace, Rejected
from repository.raster_info import RasterInfo
from tasks import cog_profiles
from tasks.cog.filling import Filling
from tasks.cog.levels import Level, level_sizes, open_levels
from tasks.cog.proving import read_as_it_is
from tasks.cog.pyramid import BlockQueue
from tasks.cog.strips import Opening, OpenStrips, common_dtype, needs_preparation, open_strips
from tasks.cog.tags import descriptive_tags
from tasks.cog.validity import Validity
from tasks.cog.writer import Layout, write_file
from tasks.cog_profiles import CogProfile
from tasks.formats.opening import open_raster
from tasks.kinds import guess_kind
from tasks.memory import LARGEST_BLOCK_BYTES, band_block_bytes, runs_alone
from tasks.raster_source import FoundRaster
from tasks.watch import OnProgress, OnStrip, Progress, Watch

SHARE_OF_PIXELS = 0.95
"""Of the progress; the rest is for putting the file together."""
SHARE_OF_COPY = 0.25
"""Of the progress, where a source must be copied into tiles first."""


@dataclass(frozen=True)
class ConversionResult:
    """What was written."""

    size_bytes: int
    overviews: tuple[int, ...]
    """Reduction factors, 2, 4, 8 ..."""


def with_kind(found: FoundRaster) -> FoundRaster:
    """`found` with its kind guessed from pixels, where inspection shrank from its blocks' size.

    Raises Rejected where it cannot be opened.
    """
    if not runs_alone(found.info) or found.source.warp or found.take_as_it_is:
        return found
    with open_raster(found.source, name=found.source.name) as dataset:
        kind = guess_kind(dataset, found.info, block_bytes=LARGEST_BLOCK_BYTES)
    return replace(found, info=replace(found.info, kind=kind))


def info_of_result(found: FoundRaster, result: ConversionResult) -> RasterInfo:
    """The raster's facts with the storage of the COG that `convert` wrote in place of its own.

    A raster that is taken as it is keeps its own.
    """
    if found.take_as_it_is:
        return found.info
    profile = cog_profiles.profile_for(found.info)
    return replace(
        found.info,
        driver="GTiff",
        compression=profile.codec,
        block_width=profile.block_size,
        block_height=profile.block_size,
        overviews=result.overviews,
    )


def convert(
    found: FoundRaster,
    destination: Path,
    *,
    on_progress: OnProgress | None = None,
    on_strip: OnStrip | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    threads: int | None = None,
    profile: CogProfile | None = None,
) -> ConversionResult:
    """Write the raster as a COG to `destination`, reading each pixel once and changing none.

    CRS, transform, nodata, scales, colours and tags are those of `found.info`, which an
    owner may have corrected. Where `found.source` names a warp, its pixels are those of the
    grid that `found.info` describes. A raster that is taken as it is is read to its end, with
    its overviews, and nothing is written. `on_progress` hears rising shares, 0 to 1, at most
    ten a second; `on_strip` gets every full-resolution pixel once, as (pixels, valid), both
    (bands, height, width), True for valid. `profile` replaces that of the raster's kind.

    Raises Rejected (`truncated`, `unreadable_pixels`, `block_too_large`), OutOfSpace,
    Cancelled; then no destination is left.
    """
    _reject_large_blocks(found.info)
    watch = Watch(Progress(on_progress), on_strip, is_cancelled)
    threads = threads or os.cpu_count() or 1
    try:
        if found.take_as_it_is:
            read_as_it_is(found, watch, threads)
            return ConversionResult(os.path.getsize(found.source.path), found.info.overviews)
        return _Conversion(found, destination, threads, profile).run(watch)
    except BaseException as error:
        destination.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(
                f"The disk is full: a COG of {found.info.decoded_bytes >> 20} MB of pixels "
                "did not fit.",
                hint="Nothing is lost. The job goes on when the operator has made room.",
            ) from error
        raise


def _reject_large_blocks(info: RasterInfo) -> None:
    size = band_block_bytes(info)
    if size > LARGEST_BLOCK_BYTES:
        raise Rejected(
            f"One block of the raster decodes to {size >> 20} MiB; "
            f"{LARGEST_BLOCK_BYTES >> 20} MiB are taken.",
            code="block_too_large",
            hint="Cut it into tiles: `gdal_translate -of COG in.tif out.tif`.",
        )


class _Conversion:
    """One run of `convert`: its plan, its levels, its threads."""

    def __init__(
        self, found: FoundRaster, destination: Path, threads: int, profile: CogProfile | None
    ) -> None:
        self.found, self.info, self.destination = found, found.info, destination
        self.threads = threads
        self.profile = profile or cog_profiles.profile_for(found.info)
        self.dtype = common_dtype(found.info)
        self.predictor = cog_profiles.predictor_for(self.profile, self.dtype)
        self.interleaved = cog_profiles.is_pixel_interleaved(len(found.info.bands))
        self.validity = Validity(found.info.bands)

    def run(self, watch: Watch) -> ConversionResult:
        """Convert; see `convert`."""
        with ExitStack() as stack:
            opened = stack.enter_context(self._open(watch.progress))
            levels = self._open_levels()
            for level in levels:
                stack.enter_context(level.spool)
            pool = stack.enter_context(ThreadPoolExecutor(self.threads))
            queue = self._queue(pool, levels[0], watch.progress)
            filling = Filling(
                self.validity, queue, self.dtype, self.interleaved, self.destination.parent
            )
            strips = watch.guarded(opened.strips)
            filling.fill(levels, opened.traversal, strips, watch.on_valid)
            size = self._write(levels, opened, watch.progress)
        watch.progress.report(1.0)
        return ConversionResult(size, tuple(2**n for n in range(1, len(levels))))

    def _open(self, progress: Progress) -> AbstractContextManager[OpenStrips]:
        opening = Opening(
            self.profile.block_size, self.interleaved, self.threads, self.destination.parent,
            on_copied=lambda share: progress.report(SHARE_OF_COPY * share),
        )  # fmt: skip
        return open_strips(self.found, opening)

    def _open_levels(self) -> list[Level]:
        size = self.profile.block_size
        planes = 1 if self.interleaved else len(self.info.bands)
        sizes = level_sizes(self.info.width, self.info.height, size)
        return open_levels(sizes, size, planes, self.destination.parent)

    def _queue(self, pool: ThreadPoolExecutor, full: Level, progress: Progress) -> BlockQueue:
        total, done = full.across * full.down, 0
        prepared = needs_preparation(self.found, self.profile.block_size)
        start = SHARE_OF_COPY if prepared else 0.0

        def written(level: Level) -> None:
            nonlocal done
            if level is full:
                done += 1
                progress.report(start + (SHARE_OF_PIXELS - start) * done / total)

        return BlockQueue(pool, self.profile, self.predictor, 8 * self.threads, written)

    def _write(self, levels: Sequence[Level], opened: OpenStrips, progress: Progress) -> int:
        layout = Layout(
            descriptive=descriptive_tags(self.info, self.dtype, opened.reader),
            codec=self.profile.codec,
            predictor=self.predictor,
            has_mask=self.validity.has_dataset_mask,
            row_major=self.interleaved and len(opened.traversal.column_starts) == 1,
        )
        return write_file(
            self.destination, levels, layout,
            lambda share: progress.report(SHARE_OF_PIXELS + (1 - SHARE_OF_PIXELS) * share),
        )  # fmt: skip
