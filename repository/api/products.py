"""/api/products: read, change and remove what is published."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from repository import editing
from repository.api import schemas
from repository.api.presenting import product_json, product_summary
from repository.api.principals import caller, request_links
from repository.api.queries import ProductFilter, page_json
from repository.catalogue import find_product, search

router = Router(tags=["products"])


@router.get("", response=schemas.ProductPage)
def list_products(request: HttpRequest, filters: Query[ProductFilter]) -> Any:
    """The products of all collections that the caller may see."""
    page = search(caller(request), filters.query(request))
    links = request_links(request)
    return page_json(request, [product_summary(row, links) for row in page.items], page.next)


@router.get("/{c}/{p}", response=schemas.ProductOutput)
def read_product(request: HttpRequest, c: str, p: str) -> Any:
    """One product with its raster's facts; 410 for a removed one that the caller could see."""
    return product_json(find_product(caller(request), c, p), request_links(request))


@router.patch("/{c}/{p}", response=schemas.ProductOutput)
def change_product(request: HttpRequest, c: str, p: str, payload: schemas.ProductPatch) -> Any:
    """Change metadata, style or visibility."""
    changes = {k: v for k, v in payload.dict(exclude_unset=True).items() if v is not None}
    editing.change(caller(request), find_product(caller(request), c, p), changes)
    return product_json(find_product(caller(request), c, p), request_links(request))


@router.delete("/{c}/{p}", response={204: None})
def remove_product(request: HttpRequest, c: str, p: str, reason: str = "") -> Any:
    """Leave a tombstone."""
    editing.remove(caller(request), find_product(caller(request), c, p), reason=reason[:2000])
    return 204, None
