"""Changing and removing published products."""

from __future__ import annotations

import json
from typing import Any

from repository import registration
from repository.collections import check_keywords
from repository.errors import BadRequest
from repository.models import Product
from repository.models.collection import Visibility
from repository.models.product import DatetimeSource
from repository.policy import require_change
from repository.principal import Principal
from repository.raster_info import RasterInfo
from repository.rendering_style import RAMPS, RenderingStyle
from repository.times import parse_instant, parse_range

MAX_PROPERTIES_BYTES = 64 * 1024
BANDS_OF = {"rgb": 3, "ramp": 1, "classes": 1}


def change(principal: Principal, product: Product, changes: dict[str, Any]) -> None:
    """Change metadata, style or visibility. Raises Forbidden, BadRequest."""
    require_change(principal, product)
    values = dict(changes)
    if "datetime" in values:
        values |= _interval(values.pop("datetime"))
    if values.get("visibility") == Visibility.PUBLIC:
        _require_public_collection(product)
    if "style" in values:
        values["style"] = checked_style(product, values["style"]).to_json()
    if "properties" in values:
        check_properties(values["properties"])
    check_keywords(values.get("keywords") or [])
    registration.amend(product, values)


def remove(principal: Principal, product: Product, *, reason: str = "") -> None:
    """Leave a tombstone. Raises Forbidden."""
    require_change(principal, product)
    registration.remove(product, reason=reason)


def check_properties(properties: Any) -> None:
    """Raise BadRequest unless it is a JSON object of reasonable size."""
    if not isinstance(properties, dict):
        raise BadRequest("properties must be a JSON object.", code="invalid_properties",
                         hint='For example {"sensor": "S2A", "cloud_cover": 12}')  # fmt: skip
    try:
        text = json.dumps(properties, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # NaN, half a surrogate pair, a million brackets
        raise BadRequest("properties holds what JSON cannot.", code="invalid_properties") from None
    if len(text) > MAX_PROPERTIES_BYTES:
        raise BadRequest("properties has more than 64 KB.", code="invalid_properties")
    if rb"\u0000" in text:
        raise BadRequest("properties holds a NUL character.", code="invalid_properties")


def checked_style(product: Product, data: dict[str, Any]) -> RenderingStyle:
    """A style that this product can be drawn in. Raises BadRequest `invalid_style`."""
    info = RasterInfo.from_json(product.raster or {})
    try:
        style = RenderingStyle.from_json({"name": "default"} | data)
    except (TypeError, KeyError, ValueError) as error:
        raise _bad_style(f"The style cannot be read: {error}.") from None
    if style.ramp.lower().removesuffix("_r") not in RAMPS:
        raise _bad_style(f"There is no colour ramp {style.ramp!r}.")
    if style.kind not in tuple(BANDS_OF) or len(style.bands) != BANDS_OF[style.kind]:
        raise _bad_style(f"A style of kind {style.kind!r} does not have {len(style.bands)} bands.")
    if not all(isinstance(b, int) and 1 <= b <= len(info.bands) for b in style.bands):
        raise _bad_style(f"The bands must lie between 1 and {len(info.bands)}.")
    if style.stretch and len(style.stretch) != len(style.bands):
        raise _bad_style("The stretch needs one low and high for each band.")
    if not all(
        isinstance(n, (int, float)) and abs(n) < 1e300 for pair in style.stretch for n in pair
    ):
        raise _bad_style("The stretch must be made of numbers.")
    if any(low >= high for low, high in style.stretch):
        raise _bad_style("Each stretch needs a low that is less than its high.")
    return style


def _bad_style(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_style", hint="Start from the style that GET shows.")


def _interval(text: str) -> dict[str, Any]:
    if "/" in text:
        start, end = parse_range(text)
    else:
        start = end = parse_instant(text)
    if start is None or end is None:
        raise BadRequest("A product's time must have a start and an end.", code="invalid_datetime")
    return {"start": start, "end": end, "datetime_source": DatetimeSource.GIVEN}


def _require_public_collection(product: Product) -> None:
    if product.collection.visibility == Visibility.PRIVATE:
        raise BadRequest(
            f"The collection {product.collection_id} is private, so a map in it cannot be public.",
            code="collection_is_private",
            hint="Make the collection public first.",
        )
