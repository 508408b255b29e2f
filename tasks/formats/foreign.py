"""Names what is not taken: texts that point at other files, and formats that we do not know."""

from __future__ import annotations

from repository.errors import Rejected

TAKEN = (
    "GeoTIFF, JPEG 2000, NetCDF, HDF5, GRIB, ENVI, Erdas Imagine, ASCII grid, GeoPackage, MBTiles, "
    "PNG, JPEG, DTED and SRTM heights are taken, also in zip and tar archives."
)

_CONVERT = "Convert it first: `gdal_translate -of COG input output.tif`."

_BINARY = (
    (b"\x0e\x03\x13\x01", "HDF4"), (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"), (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"), (b"NITF", "NITF"), (b"GIF8", "GIF"),
    (b"RIFF", "WebP"), (b"BM", "a Windows bitmap"), (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"CDF", "NetCDF of an unknown version"),
)  # fmt: skip

_LABELS = (
    (b"datasetheader begin", "an ERMapper header"), (b"pds_version_id", "a PDS label"),
    (b"ccsd3zf", "a PDS label"), (b"object = isiscube", "an ISIS cube"),
    (b"object=isiscube", "an ISIS cube"), (b"object", "a label of a planetary image"),
    (b"interleave", "a header of raw pixels"),
)  # fmt: skip

_XML = (
    (b"<vrtdataset", "a VRT"), (b"<ogrvrtdatasource", "a VRT"),
    (b"<gdal_wms", "a description of a map server"),
    (b"<gdal_wmts", "a description of a map server"),
    (b"<wcs_gdal", "a description of a map server"),
    (b"<gdaltileindexdataset", "an index of tiles"), (b"<mrf_meta", "an MRF header"),
    (b"<svg", "an SVG picture"), (b"<html", "a web page"), (b"<!doctype html", "a web page"),
)  # fmt: skip

_POINTER = "It holds no pixels: at most it says in which other files they are."


def plain_start(start: bytes) -> bytes:
    """The first bytes of a text without byte order mark, blanks and case."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = start[2:].replace(b"\0", b"")
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \r\n\t\f\v\0").lower()


def refusal(start: bytes) -> Rejected:
    """The error for a file of no format that is taken, by its first bytes."""
    text = plain_start(start)
    if text.startswith((b"<", b"{", b"[")) or _name(text, _LABELS):
        return _pointer(text)
    name = _name(start, _BINARY) or ("a tar archive" if start[257:262] == b"ustar" else None)
    if name is not None:
        return unsupported(name)
    return Rejected(
        "The file is not a raster: its first bytes are those of no raster format.",
        code="not_a_raster",
        hint=TAKEN,
    )


def unsupported(name: str) -> Rejected:
    """The error for a format that is known and not taken; `name` with its article."""
    return Rejected(
        f"This looks like {name}, which is not taken.",
        code="unsupported_format",
        hint=f"{_CONVERT} {TAKEN}",
    )


def _pointer(text: bytes) -> Rejected:
    name = _name(text, _LABELS)
    if name is None and text.startswith(b"<"):
        name = next((known for sign, known in _XML if sign in text), "an XML document")
    return Rejected(
        f"This is {name or 'a JSON document'}. {_POINTER}",
        code="unsupported_format",
        hint=f"Upload the pixels themselves: `gdal_translate -of COG input output.tif`. {TAKEN}",
    )


def _name(start: bytes, table: tuple[tuple[bytes, str], ...]) -> str | None:
    return next((name for magic, name in table if start.startswith(magic)), None)
