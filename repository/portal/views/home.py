"""The home page: search, and what was found beside a map of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from repository.api.principals import caller
from repository.catalogue import count, search
from repository.models import Product
from repository.portal.product_facts import crs_words, pixel_size
from repository.portal.search_request import SORTS, read_search
from repository.raster_info import RasterInfo


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Everything that the caller may see, or what the search finds."""
    wanted = read_search(request.GET)
    query = wanted.query()
    page = search(caller(request), query)
    return render(
        request,
        "portal/home.html",
        {
            "search": wanted,
            "sorts": SORTS,
            "cards": cards(page.items),
            "total": count(caller(request), query),
            "next": page.next,
            "map": {"bbox": wanted.bounds(), "products": outlines(page.items)},
        },
    )


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For pages that name no icon of their own, such as the admin's."""
    return redirect(static("mark.svg"))


def cards(products: Iterable[Product]) -> list[dict[str, Any]]:
    """A product and the line that tells it from its neighbours."""
    return [{"product": product, "facts": _line(product)} for product in products]


def outlines(products: Iterable[Product]) -> list[dict[str, Any]]:
    """Footprints for the map beside a list, in the list's order."""
    return [
        {
            "address": product.address,
            "title": product.title,
            "bbox": product.bbox,
            "footprint": product.footprint.geojson if product.footprint else None,
        }
        for product in products
    ]


def _line(product: Product) -> str:
    info = RasterInfo.from_json(product.raster or {})
    return f"{pixel_size(info)} pixels · {crs_words(info)}"
