"""Collections: the list, a page each, making one and changing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from repository import collections, prerendered
from repository.api.principals import caller, request_links
from repository.catalogue import ProductQuery, count, find_collection, search, search_collections
from repository.errors import Conflict
from repository.policy import may_change, may_contribute, require_change, require_writer
from repository.portal.forms import CollectionSettings, NewCollection
from repository.portal.gis_addresses import collection_tabs
from repository.portal.search_request import PAGE_SIZE
from repository.portal.views.home import cards, outlines


@require_safe
def collection_list(request: HttpRequest) -> HttpResponse:
    """The collections that the caller may see."""
    principal = caller(request)
    rows, after = search_collections(
        principal, limit=50, after=request.GET.get("after", ""), text=request.GET.get("q", "")
    )
    rows_with_counts = [
        {"collection": row, "count": count(principal, ProductQuery(collections=(row.id,)))}
        for row in rows
    ]
    return render(request, "portal/collections.html", {"rows": rows_with_counts, "after": after})


@require_safe
def collection(request: HttpRequest, c: str) -> HttpResponse:
    """One collection: what it is, its maps, its addresses."""
    principal = caller(request)
    row = find_collection(principal, c)
    query = ProductQuery(
        collections=(row.id,), limit=PAGE_SIZE, cursor=request.GET.get("cursor", "")
    )
    page = search(principal, query)
    links = request_links(request)
    tiles = links.collection_tiles(row.id)
    return render(
        request,
        "portal/collection.html",
        {
            "collection": row,
            "cards": cards(page.items),
            "total": count(principal, query),
            "next": page.next,
            "map": {"bbox": None, "products": outlines(page.items), "tiles": tiles},
            "tabs": collection_tabs(links, row.id),
            "stored": prerendered.of_collections(principal, [row.id])[row.id],
            "may_change": may_change(principal, row),
            "may_contribute": may_contribute(principal, row),
        },
    )


@require_http_methods(["GET", "POST"])
def new_collection(request: HttpRequest) -> HttpResponse:
    """Make a collection."""
    require_writer(caller(request))
    form = NewCollection(request.POST or None)
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        try:
            row = collections.create(caller(request), fields.pop("id"), **fields)
        except Conflict as error:
            form.add_error("id", f"{error.detail} {error.hint}")
        else:
            return redirect("collection", c=row.id)
    return _form_page(request, form, title="New collection", button="Make the collection")


@require_http_methods(["GET", "POST"])
def collection_settings(request: HttpRequest, c: str) -> HttpResponse:
    """Change a collection."""
    row = find_collection(caller(request), c)
    require_change(caller(request), row)
    names = CollectionSettings.base_fields
    initial = {name: getattr(row, name) for name in names}
    form = CollectionSettings(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        collections.change(caller(request), row, form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("collection", c=c)
    return _form_page(request, form, title="Settings", button="Save", collection=row)


@require_http_methods(["GET", "POST"])
def remove_collection(request: HttpRequest, c: str) -> HttpResponse:
    """Remove an empty collection, once confirmed."""
    row = find_collection(caller(request), c)
    require_change(caller(request), row)
    total = count(caller(request), ProductQuery(collections=(row.id,)))
    if request.method == "POST":
        collections.delete(caller(request), row)
        messages.success(request, f"The collection {row.title} is removed.")
        return redirect("collections")
    return render(request, "portal/collection_remove.html", {"collection": row, "total": total})


def _form_page(request: HttpRequest, form: CollectionSettings, **context: Any) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "portal/collection_form.html", {"form": form, **context}, status=status)
