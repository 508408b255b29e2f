"""Coverage pixels as CoverageJSON (OGC 21-069r2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from repository.errors import BadRequest
from repository.raster_info import BandInfo, RasterInfo
from tiler.ogc.coverage_pixels import CoveragePixels
from tiler.ogc.crs_uris import parse_crs, storage_crs_uri, y_comes_first
from tiler.ogc.records import CoverageRecord

Document = dict[str, Any]


PIECE = 4096
"""Values that are written at a time: the encoder hands no other thread the interpreter meanwhile,
and a million at once would stop the whole process for a second or more (measured)."""


def coverage_json_of(record: CoverageRecord, pixels: CoveragePixels) -> bytes:
    """A Coverage of domain type Grid; values as stored, null where there is none.

    Raises BadRequest for a rotated grid, which has no axes of its own in CoverageJSON, and for
    complex numbers.
    """
    names = [record.band_names[index - 1] for index in pixels.bands]
    bands = [record.raster.bands[index - 1] for index in pixels.bands]
    coverage = {
        "type": "Coverage",
        "domain": _domain(record.raster, pixels),
        "parameters": {
            name: _parameter(name, band) for name, band in zip(names, bands, strict=True)
        },
    }
    ranges = (
        f"{json.dumps(name)}: {_range(pixels, position)}" for position, name in enumerate(names)
    )
    return f'{json.dumps(coverage)[:-1]}, "ranges": {{{", ".join(ranges)}}}}}'.encode()


def _domain(raster: RasterInfo, pixels: CoveragePixels) -> Document:
    a, b, c, d, e, f = tuple(pixels.transform)[:6]
    if b or d:
        raise BadRequest("CoverageJSON cannot describe a rotated grid.", code="rotated_grid",
                         hint="Ask for f=GTiff.")  # fmt: skip
    _, height, width = pixels.values.shape
    return {
        "type": "Domain",
        "domainType": "Grid",
        "axes": {"x": _axis(c, a, width), "y": _axis(f, e, height)},
        "referencing": [_referencing(raster)],
    }


def _axis(origin: float, step: float, count: int) -> Document:
    """Centres of cells: coordinates of a Grid are where the values lie (7.1.1)."""
    return {"start": origin + step / 2, "stop": origin + step * (count - 0.5), "num": count}


def _referencing(raster: RasterInfo) -> Document:
    """Coordinates in the order of the CRS's own axes (6.1): latitude first for EPSG:4326."""
    crs = parse_crs(raster.crs_wkt)
    system: Document = {"type": "GeographicCRS" if crs.is_geographic else "ProjectedCRS"}
    uri = storage_crs_uri(raster)
    system |= {"id": uri} if uri else {"wkt": raster.crs_wkt}
    return {"coordinates": ["y", "x"] if y_comes_first(crs) else ["x", "y"], "system": system}


def _parameter(name: str, band: BandInfo) -> Document:
    parameter: Document = {
        "type": "Parameter",
        "description": {"en": band.description or f"Band {band.index}"},
        "observedProperty": {"label": {"en": name}},
    }
    if (band.scale, band.offset) != (1.0, 0.0):
        parameter |= {"scale": band.scale, "offset": band.offset}
    if band.unit:
        parameter["unit"] = {"label": {"en": band.unit}, "symbol": band.unit}
    return parameter


def _range(pixels: CoveragePixels, position: int) -> str:
    values = pixels.values[position]
    if values.dtype.kind == "c":
        raise BadRequest("CoverageJSON has no complex numbers.", code="complex_values",
                         hint="Ask for f=GTiff.")  # fmt: skip
    about = {
        "type": "NdArray",
        "dataType": "float" if values.dtype.kind == "f" else "integer",
        "axisNames": ["y", "x"],
        "shape": list(values.shape),
    }
    present = pixels.valid[position] & np.isfinite(values)
    pieces = ", ".join(_pieces(values.ravel(), present.ravel()))
    return f'{json.dumps(about)[:-1]}, "values": [{pieces}]}}'


def _pieces(values: np.ndarray, present: np.ndarray) -> Iterator[str]:
    for start in range(0, len(values), PIECE):
        piece: list[Any] = values[start : start + PIECE].tolist()
        for place in np.flatnonzero(~present[start : start + PIECE]):
            piece[place] = None
        yield json.dumps(piece)[1:-1]
