"""A strip of one level becomes a strip of the next: all bands, and the mask with them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tasks.cog import odd_sides, reduction
from tasks.cog.odd_sides import Sides
from tasks.cog.validity import Mask, Pixels, Validity, fill_for
from tasks.cog_profiles import Resampling


@dataclass(frozen=True)
class Strip:
    """Pixels (bands, h, w) with the dataset's mask (h, w), True for valid, if it has one."""

    pixels: Pixels
    mask: Mask | None

    def block(self, x: int, y: int, size: int) -> Strip:
        """The part that starts at column `x`, row `y` and is at most size x size."""
        rows, columns = slice(y, y + size), slice(x, x + size)
        mask = None if self.mask is None else self.mask[rows, columns]
        return Strip(self.pixels[:, rows, columns], mask)


@dataclass(frozen=True)
class Checked:
    """A strip with the validity of each band, None where all is valid."""

    strip: Strip
    valid: Sequence[Mask | None]

    def last_row(self) -> Checked:
        """A copy of the lowest row: what the strip below needs where the height is odd."""
        mask = None if self.strip.mask is None else self.strip.mask[-1:].copy()
        valid = [None if band is None else band[-1:].copy() for band in self.valid]
        return Checked(Strip(self.strip.pixels[:, -1:].copy(), mask), valid)

    def first_row(self) -> Checked:
        """Stands in for the row above the first one, which weighs nothing."""
        mask = None if self.strip.mask is None else self.strip.mask[:1]
        valid = [None if band is None else band[:1] for band in self.valid]
        return Checked(Strip(self.strip.pixels[:, :1], mask), valid)


@dataclass(frozen=True)
class Halving:
    """How strips of one raster are halved."""

    validity: Validity
    resampling: Resampling
    pool: ThreadPoolExecutor

    def halve(self, checked: Checked, above: Checked | None, sides: Sides) -> Strip:
        """The strip at half the resolution, sides rounded up; bands side by side in the pool.

        `above` is the row before the strip, None at the top.
        """
        above = above or checked.first_row()
        pixels, mask = checked.strip.pixels, checked.strip.mask
        bands, height, width = pixels.shape
        half = laid_out_like(pixels, (bands, -(-height // 2), -(-width // 2)))

        def halve_band(position: int) -> None:
            self._halve_band(position, checked, above, sides, half[position])

        list(self.pool.map(halve_band, range(bands)))
        if mask is None or above.strip.mask is None:
            return Strip(half, None)
        return Strip(half, self._halve_mask(mask, above.strip.mask, sides))

    def _halve_band(
        self, position: int, checked: Checked, above: Checked, sides: Sides, half: Pixels
    ) -> None:
        band, valid = checked.strip.pixels[position], checked.valid[position]
        row, row_valid = above.strip.pixels[position], above.valid[position]
        about = self.validity.bands[position]
        fill = fill_for(about.nodata, half.dtype)
        if sides.any_odd and self.resampling == "average":
            half[:] = odd_sides.weighted_mean(band, valid, fill, (row, row_valid), sides)
        else:
            if sides.any_odd:
                band = odd_sides.realigned(band, row, sides)
                valid = self._realigned_mask(valid, row_valid, checked, sides)
            half[:] = reduction.reducer(self.resampling)(band, valid, fill)
        if self.resampling == "average" and about.mask == "nodata" and about.nodata is not None:
            valid = checked.valid[position]
            halved = None if valid is None else self._halve_mask(valid, row_valid, sides)
            reduction.step_off_nodata(half, halved, about.nodata)

    def _realigned_mask(
        self, valid: Mask | None, above: Mask | None, checked: Checked, sides: Sides
    ) -> Mask | None:
        if valid is None and above is None:
            return None
        _, height, width = checked.strip.pixels.shape
        valid = np.ones((height, width), np.bool_) if valid is None else valid
        above = np.ones((1, width), np.bool_) if above is None else above
        return odd_sides.realigned(valid, above, sides)

    def _halve_mask(self, valid: Mask, above: Mask | None, sides: Sides) -> Mask:
        above = np.ones((1, valid.shape[1]), np.bool_) if above is None else above
        if not sides.any_odd:
            return reduction.halve_mask(valid, self.resampling)
        if self.resampling == "average":
            return odd_sides.covered(valid, above, sides)
        return reduction.halve_mask(odd_sides.realigned(valid, above, sides), self.resampling)


def laid_out_like(pixels: Pixels, shape: tuple[int, int, int]) -> Pixels:
    """An empty (bands, h, w) array whose memory is in the same order as that of `pixels`."""
    if pixels.flags.c_contiguous:
        return np.empty(shape, pixels.dtype)
    bands, height, width = shape
    return np.empty((height, width, bands), pixels.dtype).transpose(2, 0, 1)


def joined(parts: Sequence[Strip], axis: int) -> Strip:
    """Strips below one another (axis 1) or side by side (axis 2) as one."""
    if len(parts) == 1:
        return parts[0]
    shape = list(parts[0].pixels.shape)
    shape[axis] = sum(part.pixels.shape[axis] for part in parts)
    pixels = laid_out_like(parts[0].pixels, (shape[0], shape[1], shape[2]))
    np.concatenate([part.pixels for part in parts], axis=axis, out=pixels)
    masks = [part.mask for part in parts if part.mask is not None]
    return Strip(pixels, np.concatenate(masks, axis=axis - 1) if masks else None)
