"""The styles of a map and of a collection: what there is, and what the owner adds and removes."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from repository import editing, styles
from repository.api.principals import caller
from repository.api.receiving import HashedUpload, received_files
from repository.api.receiving_styles import read_upload
from repository.catalogue import find_collection, find_product
from repository.errors import BadRequest, RastrumError
from repository.models import Collection, Product, Style
from repository.policy import require_change
from repository.portal.style_forms import NewStyleForm, StyleFileForm
from repository.styles import Home, NewStyle

KIND_WORDS = {
    "rgb": "Colour picture", "ramp": "Colour ramp", "stops": "Own colours, blended",
    "intervals": "Own colours, in steps", "classes": "Classes",
}  # fmt: skip


@dataclass(frozen=True)
class StyleCard:
    """One style as a page lists it; addresses are empty where there is nothing to be done."""

    name: str
    title: str
    kind: str
    is_default: bool
    shared: bool
    """Of the collection, on a map's page."""
    page: str = ""
    file: str = ""
    """Without its ending."""
    choose: str = ""
    remove: str = ""


@require_http_methods(["GET", "POST"])
def product_styles(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """The styles that a map offers, and two ways to add one."""
    row = find_product(caller(request), c, p)
    require_change(caller(request), row)
    cards = [_product_card(style, row) for style in styles.offered(caller(request), row)]
    return _page(request, row, cards, reverse("product", args=[c, p]))


@require_http_methods(["GET", "POST"])
def collection_styles(request: HttpRequest, c: str) -> HttpResponse:
    """The styles that a collection has for its maps, and two ways to add one."""
    row = find_collection(caller(request), c)
    require_change(caller(request), row)
    found = styles.styles_of(caller(request), row).order_by("name")
    cards = [_collection_card(style) for style in found]
    return _page(request, row, cards, reverse("collection", args=[c]))


@require_POST
def choose_style(request: HttpRequest, c: str, p: str, name: str) -> HttpResponse:
    """Draw the map by it where no style is asked for."""
    row = find_product(caller(request), c, p)
    editing.change(caller(request), row, {"style": name})
    messages.success(request, "The map is drawn by it from now on.")
    return redirect("product-styles", c=c, p=p)


@require_POST
def remove_style(request: HttpRequest, c: str, p: str, name: str) -> HttpResponse:
    """Forget one of the map's own styles."""
    _remove(request, find_product(caller(request), c, p), name)
    return redirect("product-styles", c=c, p=p)


@require_POST
def remove_collection_style(request: HttpRequest, c: str, name: str) -> HttpResponse:
    """Forget a style of a collection."""
    _remove(request, find_collection(caller(request), c), name)
    return redirect("collection-styles", c=c)


def _remove(request: HttpRequest, home: Home, name: str) -> None:
    styles.remove(caller(request), styles.find(caller(request), home, name))
    messages.success(request, f"The style {name} is removed.")


def _page(
    request: HttpRequest, home: Product | Collection, cards: list[StyleCard], back: str
) -> HttpResponse:
    """The page with its two forms; after a style was added, the page again."""
    is_posted = request.method == "POST"
    files = received_files(request, "file") if is_posted else []
    is_file = "from_file" in request.POST
    bands = styles.bands_of(home)
    from_file = StyleFileForm(request.POST if is_file else None, prefix="file")
    from_bands = NewStyleForm(
        request.POST if is_posted and not is_file else None, bands=bands, prefix="new"
    )
    form = from_file if is_file else from_bands
    if form.is_bound and form.is_valid():
        try:
            made, lost = _from_file(files, from_file, home) if is_file else (from_bands.style(), ())
            added = styles.create(caller(request), home, made)
        except RastrumError as error:
            form.add_error(None, f"{error.detail} {error.hint}")
        else:
            messages.success(request, f"The style {added.title or added.name} is added.")
            for sentence in lost:
                messages.warning(request, sentence)
            return redirect(request.path)
    context = {
        "home": home, "is_map": isinstance(home, Product), "back": back, "cards": cards,
        "from_file": from_file, "from_bands": from_bands, "bands": bands or (),
    }  # fmt: skip
    return render(request, "portal/styles.html", context, status=422 if is_posted else 200)


def _from_file(
    files: list[HashedUpload], form: StyleFileForm, home: Home
) -> tuple[NewStyle, tuple[str, ...]]:
    """The style of an uploaded file, and what of it is lost."""
    if not files:
        raise BadRequest("Choose a style file first.", code="file_missing")
    fields = {"id": form.cleaned_data["name"], "title": form.cleaned_data["title"]}
    sent = read_upload(files[0].path.read_bytes(), files[0].name or "", fields, "").read_for(home)
    return sent.new, sent.warnings


def _product_card(style: Style, row: Product) -> StyleCard:
    c, p, name = row.collection_id, row.slug, style.name
    is_default = (row.style or {}).get("name") == name
    is_own = style.product_id is not None
    return StyleCard(
        name, style.title or name, KIND_WORDS[style.definition["kind"]], is_default, not is_own,
        page=f"{reverse('product', args=[c, p])}?style={name}",
        file=_file(style, f"/api/products/{c}/{p}/styles/{name}"),
        choose="" if is_default else reverse("choose-style", args=[c, p, name]),
        remove=reverse("remove-style", args=[c, p, name]) if is_own else "",
    )  # fmt: skip


def _collection_card(style: Style) -> StyleCard:
    name = style.name
    return StyleCard(
        name, style.title or name, KIND_WORDS[style.definition["kind"]], False, False,
        file=_file(style, f"/api/collections/{style.collection_id}/styles/{name}"),
        remove=reverse("remove-collection-style", args=[style.collection_id, name]),
    )  # fmt: skip


def _file(style: Style, address: str) -> str:
    """Empty for a formula, which no style file can hold."""
    return "" if style.definition.get("formula") else address
