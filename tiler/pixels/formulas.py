"""Formulas over pixels: the steps of `repository.formulas` as passes of numpy, strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repository.formulas import Formula, parse_formula
from repository.raster_info import BandInfo
from tiler.pixels.nodata import representable
from tiler.pixels.reading import Pixels

Values = NDArray[Any]

STRIP = 65_536
"""Pixels at a time: what a deep formula holds stays within the processor's cache."""

ONE: dict[str, Callable[..., Values]] = {
    "neg": np.negative, "abs": np.abs, "sqrt": np.sqrt, "log": np.log, "log10": np.log10,
    "exp": np.exp,
}  # fmt: skip
TWO: dict[str, Callable[..., Values]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def computed(pixels: Pixels, text: str) -> Pixels:
    """The formula's value as one band, from the bands that it names, in rising order.

    On physical values: each band's scale and offset are applied. Not valid where a band that
    the formula names is not, and where any step has no finite result: a division by zero, the
    root of a negative number, an overflow.
    """
    formula = parse_formula(text)
    kind = np.result_type(np.float32, *(plane.dtype for plane in pixels.data))
    kind = kind if kind.kind == "f" else np.dtype(np.float64)
    bands, height, width = pixels.data.shape
    values = np.empty((height, width), kind)
    rows = max(1, STRIP // max(1, width))
    with np.errstate(all="ignore"):
        for top in range(0, height, rows):
            strip = slice(top, top + rows)
            planes = {
                number: _physical(pixels.data[i, strip], _fact(pixels, i), kind)
                for i, number in enumerate(formula.bands[:bands])
            }
            values[strip] = _run(formula, planes, kind)
    mask = pixels.mask & np.isfinite(values)
    return replace(pixels, data=values[None], mask=mask, valid_count=int(mask.sum()), bands=())


def _fact(pixels: Pixels, i: int) -> BandInfo | None:
    return pixels.bands[i] if i < len(pixels.bands) else None


def _physical(plane: Values, band: BandInfo | None, kind: np.dtype[Any]) -> Values:
    """The plane's values times scale plus offset; NaN for the band's own nodata."""
    values = (np.abs(plane) if plane.dtype.kind == "c" else plane).astype(kind)
    if band is None:
        return values
    nodata = representable(band, plane.dtype)
    if nodata is not None:
        values[plane == nodata] = np.nan
    if (band.scale, band.offset) != (1.0, 0.0):
        values = values * kind.type(band.scale) + kind.type(band.offset)
    return values


def _run(formula: Formula, planes: dict[int, Values], kind: np.dtype[Any]) -> Values:
    """A stack machine; what is not finite becomes NaN at once, so that 1 / (1 / 0) is nothing."""
    stack: list[Values] = []
    for operation, number in formula.steps:
        if operation == "number":
            stack.append(_finite(kind.type(number)))
        elif operation == "band":
            stack.append(planes[int(number)])
        elif operation in ONE:
            stack.append(_finite(ONE[operation](stack.pop())))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_finite(TWO[operation](left, right)))
    return stack.pop()


def _finite(values: Values) -> Values:
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, values.dtype.type(np.nan))
