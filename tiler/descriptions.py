"""What the tile server says about a product, in TiTiler's shapes; from the catalogue alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from titiler.core.models.mapbox import TileJSON

from repository.raster_info import BandInfo, Bounds, Statistics
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.tile_matrix_sets import MAX_LATITUDE

NODATA_TYPES = {"all_valid": "None", "nodata": "Nodata", "per_dataset": "Mask", "alpha": "Alpha"}


def tilejson(ref: AssetRef, template: str, legend: str) -> dict[str, Any]:
    """TileJSON 3.0.0; bounds cross no antimeridian, which its readers do not expect."""
    left, bottom, right, top = drawn_bounds(ref.bounds_wgs84)
    middle = (left + right) / 2 if left < right else ((left + right + 360) / 2 + 180) % 360 - 180
    crosses = left > right
    document = TileJSON(
        name=ref.title, tiles=[template], legend=legend,
        minzoom=ref.min_zoom, maxzoom=ref.max_zoom,
        bounds=[-180.0 if crosses else left, bottom, 180.0 if crosses else right, top],
        center=(middle, (bottom + top) / 2, ref.min_zoom),
    )  # fmt: skip
    return document.model_dump(exclude_none=True)


def collection_tilejson(
    title: str, bounds_wgs84: Bounds, max_zoom: int, template: str, legend: str, attribution: str
) -> dict[str, Any]:
    """TileJSON 3.0.0 of a whole collection, from the map of the world on."""
    bounds = drawn_bounds(bounds_wgs84)
    left, bottom, right, top = bounds
    document = TileJSON(
        name=title, tiles=[template], legend=legend or None, attribution=attribution or None,
        minzoom=0, maxzoom=max_zoom, bounds=list(bounds),
        center=((left + right) / 2, (bottom + top) / 2, 0),
    )  # fmt: skip
    return document.model_dump(exclude_none=True)


def drawn_bounds(bounds: Bounds) -> Bounds:
    """Longitude and latitude of what Web Mercator can show of the bounds."""
    left, bottom, right, top = bounds
    bottom, top = (min(MAX_LATITUDE, max(-MAX_LATITUDE, value)) for value in (bottom, top))
    return left, bottom, right, top


def info(ref: AssetRef) -> dict[str, Any]:
    """rio-tiler's Info: of the raster as stored."""
    bands = [ref.band(i) for i in ref.data_bands]
    first = bands[0]
    return {
        "bounds": list(ref.bounds), "crs": ref.crs_name or ref.crs_wkt,
        "band_metadata": [[f"b{b.index}", {}] for b in bands],
        "band_descriptions": [[f"b{b.index}", b.description] for b in bands],
        "dtype": first.dtype, "nodata_type": NODATA_TYPES[first.mask],
        "nodata_value": first.nodata if _finite(first.nodata) is not None else _text(first.nodata),
        "colorinterp": [b.color_interpretation for b in ref.bands],
        "scales": [b.scale for b in bands], "offsets": [b.offset for b in bands],
        "colormap": {str(v): list(c) for v, *c in first.color_table} or None,
        "driver": "GTiff", "count": len(ref.bands), "width": ref.width, "height": ref.height,
        "overviews": list(ref.overviews), "minzoom": ref.min_zoom, "maxzoom": ref.max_zoom,
        "bounds_wgs84": list(ref.bounds_wgs84), "title": ref.title, "kind": ref.kind,
    }  # fmt: skip


def statistics(ref: AssetRef, *, unscale: bool = False) -> dict[str, Any]:
    """rio-tiler's BandStatistics of each band, of full resolution; unknown ones null.

    Of the values as stored, or with `unscale` times the band's scale plus its offset.
    """
    return {f"b{i}": _band_statistics(ref.band(i), unscale) for i in ref.data_bands}


def _band_statistics(band: BandInfo, unscale: bool) -> dict[str, Any]:
    known = band.statistics or Statistics(None, None, None, None, 0, 0)
    if unscale and (band.scale, band.offset) != (1.0, 0.0):
        known = unscaled(known, band.scale, band.offset)
    total = None if known.mean is None else known.mean * known.valid_count
    return {
        "min": _finite(known.min), "max": _finite(known.max),
        "mean": _finite(known.mean), "std": _finite(known.std),
        "count": known.valid_count, "sum": _finite(total),
        "median": None, "majority": None, "minority": None,
        "unique": len(known.unique_values) or None,
        "histogram": [list(known.histogram_counts), list(known.histogram_edges)],
        "valid_percent": round(100 * known.valid_share, 2),
        "masked_pixels": known.total_count - known.valid_count,
        "valid_pixels": known.valid_count,
        "percentile_2": _finite(known.percentile_2), "percentile_98": _finite(known.percentile_98),
        "description": band.name,
    }  # fmt: skip


def unscaled(known: Statistics, scale: float, offset: float) -> Statistics:
    """The statistics of `scale` times the values plus `offset`.

    A scale below zero turns the order round: the least value becomes the largest.
    """

    def placed(value: float | None) -> float | None:
        return None if value is None else value * scale + offset

    turned = -1 if scale < 0 else 1
    low, high = (placed(value) for value in (known.min, known.max)[::turned])
    low_2, high_98 = (placed(v) for v in (known.percentile_2, known.percentile_98)[::turned])
    return replace(
        known, min=low, max=high, mean=placed(known.mean),
        std=None if known.std is None else known.std * abs(scale),
        percentile_2=low_2, percentile_98=high_98,
        histogram_counts=known.histogram_counts[::turned],
        histogram_edges=tuple(edge * scale + offset for edge in known.histogram_edges[::turned]),
    )  # fmt: skip


def _finite(value: float | int | None) -> float | int | None:
    """JSON has no NaN and no infinity (RFC 8259, 6)."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return value


def _text(value: float | int | None) -> str | None:
    return None if value is None else str(value)
