"""Which format answers: `f=` first, then the Accept header (RFC 9110, 12.5.1)."""

from __future__ import annotations

from repository.errors import BadRequest
from tiler.ogc.coverages import COVERAGE_JSON, GEOTIFF

DOCUMENT_NAMES = {"json": "json", "geojson": "json", "html": "html"}
DOCUMENT_TYPES = {
    "text/html": "html", "application/xhtml+xml": "html", "application/json": "json",
    "application/geo+json": "json", "*/*": "json", "application/*": "json",
    "application/schema+json": "json", "application/vnd.oai.openapi+json": "json",
}  # fmt: skip
COVERAGE_NAMES = {
    "gtiff": GEOTIFF, "geotiff": GEOTIFF, "tiff": GEOTIFF, "tif": GEOTIFF,
    "json": COVERAGE_JSON, "covjson": COVERAGE_JSON, "coveragejson": COVERAGE_JSON,
}  # fmt: skip
COVERAGE_TYPES = {
    "image/tiff": GEOTIFF, "image/*": GEOTIFF, "*/*": GEOTIFF,
    "application/x-geotiff": GEOTIFF,
    "application/prs.coverage+json": COVERAGE_JSON, "application/vnd.cov+json": COVERAGE_JSON,
    "application/json": COVERAGE_JSON,
}  # fmt: skip


def document_format(f: str | None, accept: str) -> str:
    """`json` or `html`. JSON is what a client gets that does not say. Raises BadRequest."""
    return _choose(f, accept, DOCUMENT_NAMES, DOCUMENT_TYPES, "json")


def coverage_format(f: str | None, accept: str) -> str:
    """GEOTIFF or COVERAGE_JSON. GeoTIFF by default: CoverageJSON is some thirty times larger."""
    return _choose(f, accept, COVERAGE_NAMES, COVERAGE_TYPES, GEOTIFF)


def _choose(
    f: str | None, accept: str, names: dict[str, str], types: dict[str, str], default: str
) -> str:
    if f:
        if f.lower() not in names:
            raise BadRequest(f"There is no format {f[:50]!r} here.", code="unknown_format",
                             hint=f"f takes one of {', '.join(names)}.")  # fmt: skip
        return names[f.lower()]
    best, best_weight = default, 0.0
    for entry in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((_weight(p) for p in parameters if p.startswith("q=")), 1.0)
        if media_type in types and weight > best_weight:
            best, best_weight = types[media_type], weight
    return best


def _weight(parameter: str) -> float:
    try:
        return float(parameter[2:])
    except ValueError:
        return 0.0
