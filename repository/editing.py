"""Changing and removing published products."""

from __future__ import annotations

import json
from typing import Any

from repository import registration, styles
from repository.collections import check_keywords
from repository.errors import BadRequest
from repository.models import Product
from repository.models.collection import Visibility
from repository.models.product import DatetimeSource
from repository.policy import require_change
from repository.principal import Principal
from repository.style_rules import checked_style
from repository.times import parse_instant, parse_range

MAX_PROPERTIES_BYTES = 64 * 1024


def change(principal: Principal, product: Product, changes: dict[str, Any]) -> None:
    """Change metadata, style or visibility. Raises Forbidden, BadRequest."""
    require_change(principal, product)
    values = dict(changes)
    if "datetime" in values:
        values |= _interval(values.pop("datetime"))
    if values.get("visibility") == Visibility.PUBLIC:
        _require_public_collection(product)
    if "style" in values:
        values["style"] = _style(principal, product, values["style"])
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


def _style(principal: Principal, product: Product, wanted: str | dict[str, Any]) -> dict[str, Any]:
    """The definition of a style, or a copy of the one of that name, which follows its changes."""
    if isinstance(wanted, str):
        return dict(styles.find_offered(principal, product, wanted).definition)
    return checked_style(wanted, styles.bands_of(product)).to_json()


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
