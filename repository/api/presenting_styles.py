"""Styles as the API's JSON shapes, and what their addresses are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repository.links import Links
from repository.models import Product, Style
from repository.styles import DEFAULT
from repository.times import format_instant


def style_json(
    row: Style, links: Links, product: Product | None = None, warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """StyleOutput of a stored style; `product` is the one that offers it."""
    return {
        "id": row.name,
        "uuid": str(row.pk),
        "title": row.title,
        "collection": row.product.collection_id if row.product else row.collection_id,
        "product": row.product.slug if row.product else None,
        "is_default": product is not None and (product.style or {}).get("name") == row.name,
        "definition": _without_name(row.definition),
        "revision": row.revision,
        "created": format_instant(row.created),
        "updated": format_instant(row.updated),
        "links": style_links(row, links, product),
        "warnings": list(warnings),
    }


def default_json(product: Product, links: Links) -> dict[str, Any]:
    """StyleOutput of what a product is drawn by where no style is asked for."""
    definition = product.style or {}
    return {
        "id": DEFAULT,
        "uuid": None,
        "title": definition.get("title", ""),
        "collection": product.collection_id,
        "product": product.slug,
        "is_default": True,
        "definition": _without_name(definition),
        "revision": product.revision,
        "created": format_instant(product.created),
        "updated": format_instant(product.updated),
        "links": _of_product(DEFAULT, links, product),
        "warnings": [],
    }


def style_links(row: Style, links: Links, product: Product | None) -> dict[str, str]:
    """Where a style is found, as a file too; with the tiles of the product that offers it."""
    if row.product is not None:
        own = links.product_style(row.product.collection_id, row.product.slug, row.name)
    elif row.collection_id is not None:
        own = links.collection_style(row.collection_id, row.name)
    else:
        own = links.style(row.pk)
    found = {"self": own, "qml": f"{own}.qml", "sld": f"{own}.sld"}
    return found | (_of_product(row.name, links, product) if product is not None else {})


def _of_product(name: str, links: Links, product: Product) -> dict[str, str]:
    c, p = product.collection_id, product.slug
    own = links.product_style(c, p, name)
    return {
        "self": own, "qml": f"{own}.qml", "sld": f"{own}.sld",
        "tiles": links.styled(links.tiles(c, p), name),
        "tilejson": links.styled(links.tile_resource(c, p, "tilejson.json"), name),
        "legend": links.styled(links.tile_resource(c, p, "legend.png"), name),
    }  # fmt: skip


def _without_name(definition: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key != "name"}
