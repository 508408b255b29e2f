"""Reading a source that has no north-up grid: each strip of the target is warped on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject
from rasterio.windows import Window

from repository.raster_info import RasterInfo
from tasks.cog.halving import Strip
from tasks.cog.source import Source, naming_faults
from tasks.cog.validity import Validity
from tasks.placement import Placement, suggested_side
from tasks.raster_source import Warp

WARP_MEGABYTES = 64
"""Memory of one step of GDAL's warper; it cuts a strip until source and target fit."""

TOLERANCE_PIXELS = 0.125
"""Positions between exact ones are interpolated where that errs by no more (GDAL's default)."""


@dataclass(frozen=True)
class WarpedSource:
    """A raster that is brought to the grid of `info` while it is read.

    Through `rasterio.warp.reproject` into an array: a WarpedVRT would need the VRT driver,
    which is switched off where files of strangers are read.
    """

    source: Source
    copy: DatasetReader
    """The pixels of `source`, placed as `placement` says."""
    placement: Placement
    warp: Warp
    info: RasterInfo
    threads: int

    def read_strip(self, window: Window, dtype: np.dtype[Any]) -> Strip:
        """Pixels and mask of a window of the target grid; see `tasks.cog.source.StripReader`."""
        bands = self.copy.count
        validity = Validity(self.info.bands)
        masked = validity.has_dataset_mask
        shape = (bands + int(masked), int(window.height), int(window.width))
        pixels = np.zeros(shape, dtype)
        with naming_faults(window, self.warp.height):
            reproject(
                rasterio.band(self.copy, list(self.copy.indexes)), pixels,
                dst_transform=self._grid(window), dst_crs=self.placement.crs,
                resampling=Resampling[self.warp.resampling],
                tolerance=TOLERANCE_PIXELS, num_threads=self.threads,
                warp_mem_limit=WARP_MEGABYTES,
                **self._scales(), **self._outside(validity), **self.placement.warp_options(),
            )  # fmt: skip
        return Strip(pixels[:bands], pixels[-1] > 0 if masked else None)

    def tags(self, band: int = 0) -> dict[str, str]:
        """Tags of a band that are still true; the dataset's own spoke of its old grid."""
        tags = self.source.tags(band) if band else {}
        return {key: text for key, text in tags.items() if not key.startswith("STATISTICS_")}

    def _grid(self, window: Window) -> Affine:
        return Affine(*self.warp.transform) @ Affine.translation(window.col_off, window.row_off)

    def _scales(self) -> dict[str, str]:
        """Target pixels for each of the source, the same in every strip.

        GDAL would guess them anew from the shapes of each step, and blur where it guesses less
        than one: a strip across a rotated raster meets a source window of another shape.
        """
        natural = suggested_side(self.placement, self.copy.width, self.copy.height)
        scale = min(1.0, natural / self.warp.transform[0])
        if math.isclose(scale, 1, rel_tol=1e-6):
            scale = 1.0
        return {"XSCALE": repr(scale), "YSCALE": repr(scale)}

    def _outside(self, validity: Validity) -> dict[str, Any]:
        """How the warper learns which pixels are invalid, and marks those that it makes."""
        options: dict[str, Any] = {"UNIFIED_SRC_NODATA": "NO"}
        nodata = self.info.bands[0].nodata
        if validity.has_dataset_mask:
            options["dst_alpha"] = self.copy.count + 1
        elif (position := validity.alpha_index) is not None:
            options |= {"src_alpha": position + 1, "dst_alpha": position + 1}
        elif nodata is not None:
            options |= {"src_nodata": nodata, "dst_nodata": nodata}
        return options
