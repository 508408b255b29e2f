"""WMTS requests read from a path or from key-value pairs; what they ask is checked elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from repository.errors import NotFound
from tiler.wmts_errors import WmtsError

VERSION = "1.0.0"
CAPABILITIES = "WMTSCapabilities.xml"
INFO_EXTENSIONS = {"json": "application/json", "txt": "text/plain"}


@dataclass(frozen=True)
class Scope:
    """What the service is of: all empty the catalogue, else a collection, else a product."""

    collection: str = ""
    product: str = ""


@dataclass(frozen=True)
class TileRequest:
    """GetTile, or with `pixel` GetFeatureInfo."""

    layer: str
    style: str
    tile_matrix_set: str
    z: int
    row: int
    column: int
    format: str
    """A media type, or a file extension in a path."""
    pixel: tuple[int, int] | None = None
    """I and J: column and row within the tile."""
    info_format: str = ""


def parse_path(rest: str) -> tuple[Scope, TileRequest | None]:
    """Scope, and the tile that a RESTful path asks for; none for capabilities and for KVP.

    Raises NotFound for a path that is none of ours.
    """
    parts = [part for part in rest.split("/") if part]
    at = parts.index(VERSION) if VERSION in parts else len(parts)
    scope, below = parts[:at], parts[at + 1 :]
    if len(scope) > 2:
        raise NotFound("There is nothing at this address.")
    place = Scope(*scope)
    if not below or below == [CAPABILITIES]:
        return place, None
    if len(below) not in (6, 8):
        raise NotFound("There is nothing at this address.",
                       hint=f"Capabilities are at {VERSION}/{CAPABILITIES}.")  # fmt: skip
    last, _, extension = below[-1].rpartition(".")
    layer, style, tms, matrix, row, column, *pixel = [*below[:-1], last]
    wanted = TileRequest(
        layer, style, tms, _number(matrix, "TileMatrix"), _number(row, "TileRow"),
        _number(column, "TileCol"), extension or "?",
    )  # fmt: skip
    return place, _with_pixel(wanted, pixel, extension) if pixel else wanted


def parse_key_values(pairs: Iterable[tuple[str, str]]) -> TileRequest | None:
    """The tile that a query asks for; None for capabilities. Keys in any case.

    Raises WmtsError for what is missing or not understood.
    """
    values = {key.lower(): value for key, value in pairs}
    if "service" not in values and "request" not in values:
        return None
    if _is_qgis_asking(values):
        return None
    if _required(values, "service").upper() != "WMTS":
        raise WmtsError("InvalidParameterValue", "This is a WMTS.", "service")
    operation = _required(values, "request").lower()
    if operation == "getcapabilities":
        _check_versions(values)
        return None
    if operation not in ("gettile", "getfeatureinfo"):
        detail = f"There is no operation {operation[:50]}."
        raise WmtsError("OperationNotSupported", detail, "request")
    if _required(values, "version") != VERSION:
        raise WmtsError("InvalidParameterValue", "Only version 1.0.0 is spoken.", "version")
    wanted = TileRequest(
        _required(values, "layer"), values.get("style", ""), _required(values, "tilematrixset"),
        _number(_required(values, "tilematrix"), "TileMatrix"),
        _number(_required(values, "tilerow"), "TileRow"),
        _number(_required(values, "tilecol"), "TileCol"), _required(values, "format"),
    )  # fmt: skip
    if operation == "gettile":
        return wanted
    pixel = [_required(values, "j"), _required(values, "i")]
    return _with_pixel(wanted, pixel, "", _required(values, "infoformat"))


def _is_qgis_asking(values: dict[str, str]) -> bool:
    """Given an address without a query, QGIS asks for a WMS and takes WMTS capabilities as well."""
    return values.get("service") == "WMS" and values.get("request") == "GetCapabilities"


def _with_pixel(
    wanted: TileRequest, pixel: list[str], extension: str, info_format: str = ""
) -> TileRequest:
    """`pixel` is J, I as in a path."""
    j, i = (_number(text, name) for text, name in zip(pixel, ("J", "I"), strict=True))
    info_format = info_format or INFO_EXTENSIONS.get(extension, extension)
    tile_format = wanted.format if not extension else "png"
    return TileRequest(
        wanted.layer, wanted.style, wanted.tile_matrix_set, wanted.z, wanted.row, wanted.column,
        tile_format, (i, j), info_format,
    )  # fmt: skip


def _check_versions(values: dict[str, str]) -> None:
    offered = [v.strip() for v in values.get("acceptversions", "").split(",") if v.strip()]
    if offered and VERSION not in offered:
        raise WmtsError(
            "VersionNegotiationFailed", "Only version 1.0.0 is spoken.", "AcceptVersions"
        )


def _required(values: dict[str, str], name: str) -> str:
    if not values.get(name):
        raise WmtsError("MissingParameterValue", f"The parameter {name} is missing.", name)
    return values[name]


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise WmtsError("InvalidParameterValue", f"{name} must be a whole number.", name)
    return int(text)
