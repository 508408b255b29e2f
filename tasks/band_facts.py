"""What a header says about each band: type, nodata, mask, scale, names and colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags

from repository.errors import BadRequest
from repository.raster_info import BandInfo
from tasks.formats.band_names import BandText, band_texts
from tasks.formats.records import HeaderFacts


def read_bands(
    dataset: rasterio.DatasetReader,
    header: HeaderFacts,
    answers: Mapping[str, Any],
    notes: list[tuple[str, str]],
) -> tuple[BandInfo, ...]:
    """Facts of every band of an open dataset, with an answered `nodata` applied.

    What must be told to the owner is appended to `notes`. Raises BadRequest `invalid_answer`.
    """
    text = header.nodata_text
    readable = _is_number(text)
    if text and not readable:
        notes.append(("nodata_ignored", f"The nodata value {text[:40]!r} is not a number."))
    values = dataset.nodatavals if readable or not text else (None,) * dataset.count
    if text and readable and all(value is None for value in values):
        notes.append(("nodata_ignored", f"The nodata value {text[:40]} does not fit the pixels."))
    bands = tuple(_bands(dataset, values))
    if "nodata" in answers:
        bands = tuple(_with_answered_nodata(band, answers["nodata"]) for band in bands)
    elif any(b.nodata is not None and not fits(b.nodata, b.dtype) for b in bands):
        notes.append(("nodata_out_of_range", f"No pixel can have the nodata value {text[:40]}."))
    return bands


def _bands(
    dataset: rasterio.DatasetReader, nodata: Sequence[float | int | None]
) -> Iterator[BandInfo]:
    """Each column is asked once: rasterio gathers it from all bands at every look."""
    columns = zip(
        dataset.indexes, dataset.dtypes, nodata, dataset.scales, dataset.offsets,
        dataset.colorinterp, dataset.mask_flag_enums, band_texts(dataset), strict=True,
    )  # fmt: skip
    for index, dtype, value, scale, offset, interpretation, flags, text in columns:
        is_palette = interpretation is ColorInterp.palette
        yield _band(
            BandInfo(
                index=index,
                dtype=str(dtype),
                nodata=value,
                scale=_usable(scale, 1.0),
                offset=_usable(offset, 0.0),
                color_interpretation=interpretation.name,
                mask=_mask(flags, value),
                color_table=_color_table(dataset, index) if is_palette else (),
            ),
            text,
        )


def _band(band: BandInfo, text: BandText) -> BandInfo:
    """`band` with its texts made safe, and nodata of the kind that its pixels have."""
    nodata = band.nodata
    if nodata is not None and np.dtype(band.dtype).kind in "iu" and float(nodata).is_integer():
        nodata = int(nodata)
    return replace(
        band,
        nodata=nodata,
        unit=clean_text(text.unit)[:100],
        description=clean_text(text.description)[:200],
    )


def _usable(number: float, otherwise: float) -> float:
    return float(number) if math.isfinite(number) else otherwise


def _mask(
    flags: list[MaskFlags], nodata: float | int | None
) -> Literal["all_valid", "nodata", "per_dataset", "alpha"]:
    """Alpha and per-dataset masks win: GDAL combines neither with nodata."""
    if MaskFlags.alpha in flags:
        return "alpha"
    if MaskFlags.per_dataset in flags:
        return "per_dataset"
    return "nodata" if nodata is not None else "all_valid"


def _color_table(
    dataset: rasterio.DatasetReader, band: int
) -> tuple[tuple[int, int, int, int, int], ...]:
    """All 256 entries of 8-bit tables; of 16-bit ones those that are not plain black padding."""
    try:
        table = dataset.colormap(band)
    except ValueError:
        return ()
    entries = sorted((value, *color) for value, color in table.items())
    if len(entries) > 256:
        entries = [entry for entry in entries if entry[1:] != (0, 0, 0, 255)]
    return tuple((int(v), int(r), int(g), int(b), int(a)) for v, r, g, b, a in entries)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def fits(value: float | int, dtype: str) -> bool:
    """Whether a pixel of `dtype` can have this value (NaN fits floats alone)."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return not math.isfinite(value) or abs(value) <= float(np.finfo(kind).max) * (1 + 1e-6)
    if not math.isfinite(value) or not float(value).is_integer():
        return False
    return int(np.iinfo(kind).min) <= int(value) <= int(np.iinfo(kind).max)


def _with_answered_nodata(band: BandInfo, answer: object) -> BandInfo:
    number = math.nan if isinstance(answer, str) and answer.lower() == "nan" else answer
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise BadRequest("The answer `nodata` is not a number.", code="invalid_answer")
    if not fits(number, band.dtype):
        raise BadRequest(
            f"No pixel of type {band.dtype} can have the nodata value {number:g}.",
            code="invalid_answer",
        )
    value = int(number) if np.dtype(band.dtype).kind in "iu" else float(number)
    mask = "nodata" if band.mask == "all_valid" else band.mask
    return replace(band, nodata=value, mask=mask)


def clean_text(text: object) -> str:
    """Without control characters: PostgreSQL refuses NUL, terminals obey the others."""
    decoded = str(text).encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in decoded if c.isprintable() or c in "\n\t")
