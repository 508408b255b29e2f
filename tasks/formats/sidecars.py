"""Takes the CRS from a .prj beside a raster whose driver does not look there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError

from repository.errors import Rejected
from tasks.raster_source import RasterSource

_MAX_BYTES = 64 * 1024


def with_sidecar_crs(
    source: RasterSource, dataset: rasterio.DatasetReader, answers: Mapping[str, Any]
) -> dict[str, Any]:
    """`answers`, with the CRS of the .prj where neither the dataset nor the owner names one.

    Raises Rejected `unknown_crs` where the .prj cannot be read.
    """
    result = dict(answers)
    sidecar = Path(source.path).with_suffix(".prj")
    if source.has_sidecars and "crs" not in result and not dataset.crs and sidecar.exists():
        result["crs"] = _wkt(sidecar)
    return result


def _wkt(sidecar: Path) -> str:
    """WKT of ESRI's dialect becomes that of OGC; nothing else is read, no code, no file name."""
    text = sidecar.read_bytes()[:_MAX_BYTES].decode("utf-8", "replace").strip().lstrip("\ufeff")
    try:
        return str(rasterio.CRS.from_wkt(text, morph_from_esri_dialect=True).to_wkt())
    except CRSError as error:
        raise Rejected(
            "The CRS in the .prj file beside the raster cannot be understood.",
            code="unknown_crs",
            hint="Leave the .prj out and give `crs`, for example EPSG:32633.",
        ) from error
