"""Reads a COG that is kept as it is to its end: what cannot be decoded must not be published."""

from __future__ import annotations

from pathlib import Path

from tasks import cog_profiles
from tasks.cog.strips import Opening, open_overview_strips, open_strips
from tasks.cog.validity import Validity
from tasks.raster_source import FoundRaster
from tasks.watch import Watch


def read_as_it_is(found: FoundRaster, watch: Watch, threads: int) -> None:
    """Read every pixel of the raster, which `watch` gets, and of its overviews.

    Raises Rejected (`truncated`, `unreadable_pixels`) where one cannot be decoded.
    """
    validity = Validity(found.info.bands)
    opening = Opening(
        block_size=cog_profiles.profile_for(found.info).block_size,
        interleaved=cog_profiles.is_pixel_interleaved(len(found.info.bands)),
        threads=threads,
        folder=Path(found.source.path).parent,
    )
    factors = (1, *found.info.overviews)
    total = sum(1 / factor**2 for factor in factors)
    done = 0.0
    for number, factor in enumerate(factors):
        reading = open_overview_strips(found, opening, number - 1) if number else None
        with reading or open_strips(found, opening) as opened:
            pixels = opened.traversal.width * opened.traversal.height
            for window, strip in watch.guarded(opened.strips):
                if not number:
                    watch.on_valid(strip, validity.of_all(strip.pixels, strip.mask))
                done += window.width * window.height / pixels / factor**2
                watch.progress.report(min(0.99, done / total))
    watch.progress.report(1.0)
