"""A product's page, its QGIS file, and what its owner may do."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from repository import editing, prerendered, styles
from repository.api.principals import caller, request_links
from repository.catalogue import assets_of, find_product
from repository.errors import BadRequest, NotFound
from repository.jobs import unfinished
from repository.models import Asset, Job, Product, Style
from repository.models.asset import AssetRole
from repository.models.collection import Visibility
from repository.policy import may_change, require_change
from repository.portal import qlr
from repository.portal.forms import ProductSettings
from repository.portal.gis_addresses import product_addresses, product_tabs
from repository.portal.job_facts import asks_for_nodata
from repository.portal.product_facts import facts_of, map_settings
from repository.portal.product_files import files_of, rasters_of
from repository.portal.views.reprocessing import warnings_of
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from repository.styles import DEFAULT
from repository.times import format_instant


@require_safe
def product(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """The map, its values, its facts and its addresses."""
    row = find_product(caller(request), c, p)
    assets = assets_of(row)
    cog = _cog(assets)
    links = request_links(request)
    name, style, offered = _chosen_style(request, row)
    warnings = warnings_of(row)
    changeable = may_change(caller(request), row)
    response = render(
        request,
        "portal/product.html",
        {
            "product": row,
            "facts": facts_of(row, style),
            "style": style,
            "style_name": name,
            "style_query": "" if name == DEFAULT else f"?style={name}",
            "styles": offered,
            "rasters": rasters_of(assets),
            "files": files_of(assets),
            "warnings": warnings,
            "asks_for_nodata": asks_for_nodata({code for code, _ in warnings}),
            "coming": _coming(row) if changeable else None,
            "cog": cog,
            "is_private": _is_private(row),
            "map": map_settings(row, style, name),
            "stored": prerendered.of_product(caller(request), row),
            "tabs": product_tabs(links, c, p, cog.file_name if cog else "", name),
            "addresses": product_addresses(links, c, p, name, has_style_file=not style.formula),
            "page_address": links.product_page(c, p),
            "may_change": changeable,
        },
    )
    response["Cache-Control"] = "private, no-cache"
    return response


@require_safe
def layer_file(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """The QGIS layer definition file."""
    row = find_product(caller(request), c, p)
    info = RasterInfo.from_json(row.raster or {})
    layer = qlr.TileLayer(
        id=f"rastrum_{row.uuid.hex}",
        title=row.title,
        capabilities=request_links(request).wmts_capabilities(c, p),
        layer=f"{c}:{p}",
        style=_chosen_style(request, row)[0],
        bounds_wgs84=info.bounds_wgs84,
    )
    response = HttpResponse(qlr.layer_definition(layer), content_type=qlr.MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{p}.qlr"'
    return response


@require_http_methods(["GET", "POST"])
def edit_product(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """Change what is said of a map, and who can see it."""
    row = find_product(caller(request), c, p)
    require_change(caller(request), row)
    form = ProductSettings(request.POST or None, initial=_initial(row))
    if request.method == "POST" and form.is_valid():
        try:
            editing.change(caller(request), row, _changes(form))
        except BadRequest as error:
            form.add_error(_field_of(error), f"{error.detail} {error.hint}")
        else:
            messages.success(request, "Saved.")
            return redirect("product", c=c, p=p)
    status = 422 if form.is_bound and form.errors else 200
    return render(
        request, "portal/product_edit.html", {"form": form, "product": row}, status=status
    )


@require_http_methods(["GET", "POST"])
def remove_product(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """Remove a map, once its owner has read what is lost."""
    row = find_product(caller(request), c, p)
    require_change(caller(request), row)
    if request.method == "POST":
        editing.remove(caller(request), row, reason=request.POST.get("reason", "").strip()[:500])
        messages.success(request, f"{row.title} is removed.")
        return redirect("collection", c=c)
    context = {"product": row, "assets": assets_of(row)}
    return render(request, "portal/product_remove.html", context)


def _chosen_style(request: HttpRequest, row: Product) -> tuple[str, RenderingStyle, list[Style]]:
    """The name that the address asks for, its style, and what may be asked for beside the default.

    Raises NotFound `unknown_style`.
    """
    offered = styles.offered(caller(request), row)
    name = request.GET.get("style") or DEFAULT
    if name == DEFAULT:
        return name, RenderingStyle.from_json(row.style or {}), offered
    chosen = next((style for style in offered if style.name == name), None)
    if chosen is None:
        raise NotFound("There is no such style of this map.", code="unknown_style")
    return name, RenderingStyle.from_json(chosen.definition), offered


def _cog(assets: list[Asset]) -> Asset | None:
    return next((asset for asset in assets if asset.role == AssetRole.DATA), None)


def _coming(row: Product) -> Job | None:
    """The job that makes the next version, if one is under way."""
    return unfinished().filter(product=row).order_by("-created").first()


def _is_private(row: Product) -> bool:
    return Visibility.PRIVATE in (row.visibility, row.collection.visibility)


def _initial(row: Product) -> dict[str, str]:
    assert row.start, "published products have a time"
    assert row.end, "published products have a time"
    start, end = (format_instant(t.replace(microsecond=0)) for t in (row.start, row.end))
    return {
        "title": row.title,
        "description": row.description,
        "datetime": start if start == end else f"{start}/{end}",
        "visibility": row.visibility,
        "licence": row.licence,
        "keywords": ", ".join(row.keywords),
    }


def _changes(form: ProductSettings) -> dict[str, object]:
    """What differs: an untouched time keeps its source."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


def _field_of(error: BadRequest) -> str | None:
    return {"collection_is_private": "visibility", "invalid_datetime": "datetime"}.get(error.code)
