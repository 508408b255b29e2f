"""Reads the text headers beside raw pixels, and compares what they promise with the file's size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import complex_data, corrupt, missing_sidecar, truncated
from tasks.formats.limits import Extent, Limits, check_extent
from tasks.formats.records import HeaderFacts

MAX_HEADER_BYTES = 4 * 2**20

_ENVI_DTYPES = {
    1: "uint8", 2: "int16", 3: "int32", 4: "float32", 5: "float64", 6: "complex64",
    9: "complex128", 12: "uint16", 13: "uint32", 14: "int64", 15: "uint64",
}  # fmt: skip
_SIZES = {"8": 1, "16": 2, "32": 4, "64": 8, "128": 16}


@dataclass(frozen=True)
class _Raw:
    extent: Extent
    dtype: str
    offset: int
    bits: int = 8
    """Of one pixel, where several share a byte."""


def is_envi_header(start: bytes) -> bool:
    """Whether a file that begins so is the header of an ENVI raster."""
    return start.lstrip(b"\xef\xbb\xbf \r\n\t")[:4].upper() == b"ENVI"


def is_ehdr_header(start: bytes) -> bool:
    """Whether a file that begins so is an ESRI header: lines of `NROWS 100`."""
    words = {line.split()[0].upper() for line in start.splitlines() if len(line.split()) == 2}
    return {b"NROWS", b"NCOLS"} <= words


def check_envi(path: Path, limits: Limits) -> HeaderFacts:
    """Facts of an ENVI pair; raises Rejected where pixels are missing, complex or too many."""
    values = _envi_values(_header_text(path))
    kind = _number(values, "data type", None)
    if kind not in _ENVI_DTYPES:
        raise corrupt(f"The header says data type {kind}, which ENVI does not know.")
    dtype = _ENVI_DTYPES[kind]
    if dtype.startswith("complex"):
        raise complex_data(dtype)
    if _number(values, "file compression", 0):
        raise Rejected(
            "The pixels of the ENVI file are compressed.",
            code="unsupported_compression",
            hint="Save it uncompressed, or as GeoTIFF.",
        )
    extent = Extent(
        _number(values, "samples", None),
        _number(values, "lines", None),
        _number(values, "bands", 1),
        _item_bytes(dtype),
    )
    return _checked(path, _Raw(extent, dtype, _number(values, "header offset", 0)), limits)


def check_ehdr(path: Path, limits: Limits) -> HeaderFacts:
    """Facts of an ESRI .bil, .bip, .bsq or .flt pair; raises Rejected as `check_envi`."""
    values = {
        words[0].lower(): words[1]
        for words in (line.split() for line in _header_text(path).splitlines())
        if len(words) >= 2
    }
    is_float_grid = "cellsize" in values and "nbits" not in values
    bits = _number(values, "nbits", 32 if is_float_grid else 8)
    if bits not in (1, 2, 4, 8, 16, 32, 64):
        raise corrupt(f"The header says {bits} bits per pixel.")
    kind = values.get("pixeltype", "FLOAT" if is_float_grid else "").upper()
    prefix = "float" if kind.startswith("FLOAT") else "int" if kind == "SIGNEDINT" else "uint"
    extent = Extent(
        _number(values, "ncols", None),
        _number(values, "nrows", None),
        _number(values, "nbands", 1),
        max(1, bits // 8),
    )
    raw = _Raw(extent, f"{prefix}{max(8, bits)}", _number(values, "skipbytes", 0), min(bits, 8))
    return _checked(path, raw, limits)


def _checked(path: Path, raw: _Raw, limits: Limits) -> HeaderFacts:
    size = os.path.getsize(path)
    check_extent(raw.extent, size, limits)
    if raw.offset < 0:
        raise corrupt("The header says that the pixels begin before the file.")
    row = raw.extent.width * raw.extent.sample_bytes
    row_on_disk = -(-row * raw.bits // 8)
    needed = raw.offset + row_on_disk * raw.extent.height * raw.extent.bands
    if needed > size:
        raise truncated(size, needed)
    return HeaderFacts.of(size, raw.extent, raw.dtype, row)


def _header_text(path: Path) -> str:
    header = path.with_suffix(".hdr")
    if not header.exists():
        raise missing_sidecar(
            "The header (.hdr) of the raw pixels is missing.", "Hand in both files together."
        )
    if header.stat().st_size > MAX_HEADER_BYTES:
        raise corrupt("The header (.hdr) is far longer than any header.")
    return header.read_bytes().decode("latin-1")


def _envi_values(text: str) -> dict[str, str]:
    """`key = value` pairs; a value in braces may go over several lines."""
    values: dict[str, str] = {}
    inside = False
    for line in text.splitlines()[1:]:
        if not inside and "=" in line:
            key, _, value = line.partition("=")
            values[key.strip().lower()] = value.strip()
            inside = "{" in value and "}" not in value
        elif inside:
            inside = "}" not in line
    return values


def _number(values: dict[str, str], key: str, otherwise: int | None) -> int:
    text = values.get(key)
    if text is None and otherwise is not None:
        return otherwise
    try:
        return int(text or "")
    except ValueError as error:
        raise corrupt(f"The header does not say `{key}` as a number.") from error


def _item_bytes(dtype: str) -> int:
    return _SIZES[dtype.lstrip("abcdefghijklmnopqrstuvwxyz")]
