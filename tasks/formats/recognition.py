"""Names the format of a file by its content; the ending of its name decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repository.errors import Rejected
from tasks.formats import elevation, sqlite_tiles, table
from tasks.formats.ascii_grid import is_ascii_grid
from tasks.formats.errors import missing_sidecar
from tasks.formats.foreign import refusal, unsupported
from tasks.formats.raw_headers import is_ehdr_header, is_envi_header
from tasks.formats.records import Format

_START_BYTES = 1024
_HEAD_BYTES = _TAIL_BYTES = 16 * 2**20
_RAW_ENDINGS = (".dat", ".bil", ".bip", ".bsq", ".raw", ".bin", ".flt", ".envi")


def recognise(path: Path, name: str, sidecars: Mapping[str, Path] | None = None) -> Format:
    """The format of the file at `path`, which its owner calls `name`.

    `sidecars` are the files that were handed in beside it, by their ending in lower case (".hdr").
    Raises Rejected: `empty_file`, `not_a_raster`, `unsupported_format`, `missing_sidecar`, and
    `corrupt` for a database that cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_START_BYTES)
    if not start:
        raise Rejected("The file is empty.", code="empty_file", hint="Upload it again.")
    found = _by_magic(start)
    if found is table.HDF5:
        return table.NETCDF if is_netcdf4(path) else table.HDF5
    if found is not None:
        return found
    if start.startswith(sqlite_tiles.MAGIC):
        return _sqlite(path)
    if is_ascii_grid(start):
        return table.ASCII_GRID
    if (header := (sidecars or {}).get(".hdr")) is not None:
        return _by_header(header)
    if elevation.srtm_cell(name) and path.stat().st_size in elevation.SRTM_SHAPES:
        return table.SRTM_HGT
    raise _refusal(start, name, path.stat().st_size)


def is_netcdf4(path: Path) -> bool:
    """Whether an HDF5 file was written by or for NetCDF: it names its dimensions so.

    HDF-EOS grids are left to the HDF5 driver, which knows their projections.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        content = file.read(_HEAD_BYTES)
        file.seek(max(len(content), size - _TAIL_BYTES))
        content += file.read(_TAIL_BYTES)
    if b"_NCProperties" in content or b"_Netcdf4" in content or b"_nc3_strict" in content:
        return True
    return b"DIMENSION_SCALE" in content and b"HDFEOS" not in content


def _by_magic(start: bytes) -> Format | None:
    for magics, found in table.BY_MAGIC:
        if start.startswith(magics):
            return found
    # A weather bulletin may put a line of text before its first message.
    at = start.find(b"GRIB")
    if 0 < at < 200 and start[at + 7 : at + 8] in (b"\x01", b"\x02"):
        return table.GRIB
    return None


def _sqlite(path: Path) -> Format:
    with sqlite_tiles.sqlite_of(path) as connection:
        found = sqlite_tiles.kinds(connection)
    if "gpkg_contents" in found:
        return table.GEOPACKAGE
    if "tiles" in found and "metadata" in found:
        return table.MBTILES
    raise unsupported("an SQLite database without map tiles")


def _by_header(header: Path) -> Format:
    with header.open("rb") as file:
        start = file.read(_START_BYTES * 64)
    if is_envi_header(start):
        return table.ENVI
    if is_ehdr_header(start):
        return table.EHDR
    raise Rejected(
        "The header (.hdr) beside the pixels is neither one of ENVI nor one of ESRI.",
        code="not_a_raster",
        hint="Write the raster as GeoTIFF and upload that.",
    )


def _refusal(start: bytes, name: str, size_bytes: int) -> Rejected:
    ending = Path(name.lower()).suffix
    if is_envi_header(start) or is_ehdr_header(start):
        return missing_sidecar(
            "This is the header of raw pixels; the file with the pixels is missing.",
            "Hand in both files together, or in one zip archive.",
        )
    answer = refusal(start)
    if answer.code != "not_a_raster":
        return answer
    if ending in _RAW_ENDINGS:
        return missing_sidecar(
            f"These may be raw pixels, but their header {_shown_stem(name)}.hdr is missing.",
            "Hand in both files together, or in one zip archive.",
        )
    if ending == ".hgt":
        return Rejected(
            "The file is no SRTM height file: "
            + ("its name does not say where it lies." if size_bytes in elevation.SRTM_SHAPES
               else f"it has {size_bytes} bytes, which is none of their sizes."),
            code="not_a_raster",
            hint="It must have its original size and name, such as N10W110.hgt.",
        )  # fmt: skip
    return answer


def _shown_stem(name: str) -> str:
    stem = Path(name.replace("\\", "/")).stem[:80]
    return "".join(character for character in stem if character.isprintable()) or "file"
