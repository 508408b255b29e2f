"""The styles of a map: what it offers, and what its owner adds, chooses and removes."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from repository import editing, styles
from repository.api.principals import caller
from repository.api.receiving import HashedUpload, received_files
from repository.api.receiving_styles import read_upload
from repository.catalogue import find_product
from repository.errors import BadRequest, RastrumError
from repository.models import Product
from repository.policy import require_change
from repository.portal.style_forms import NewStyleForm, StyleFileForm
from repository.styles import Home, NewStyle

KIND_WORDS = {
    "rgb": "Colour picture", "ramp": "Colour ramp", "stops": "Own colours, blended",
    "intervals": "Own colours, in steps", "classes": "Classes",
}  # fmt: skip


@dataclass(frozen=True)
class StyleCard:
    """One style as the page lists it."""

    name: str
    title: str
    kind: str
    is_default: bool
    is_own: bool
    """Of this map; else of its collection."""
    is_writable: bool
    """Whether a style file can hold it."""


@require_http_methods(["GET", "POST"])
def product_styles(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """The list, and two ways to add one: from a file, and from a band or a formula."""
    row = find_product(caller(request), c, p)
    require_change(caller(request), row)
    bands = styles.bands_of(row) or ()
    files = received_files(request, "file") if request.method == "POST" else []
    is_file = "from_file" in request.POST
    posted = request.POST if request.method == "POST" else None
    from_file = StyleFileForm(posted if is_file else None, prefix="file")
    from_bands = NewStyleForm(None if is_file else posted, bands=bands, prefix="new")
    form = from_file if is_file else from_bands
    if form.is_bound and form.is_valid():
        try:
            made, lost = _from_file(files, from_file, row) if is_file else (from_bands.style(), ())
            added = styles.create(caller(request), row, made)
        except RastrumError as error:
            form.add_error(None, f"{error.detail} {error.hint}")
        else:
            messages.success(request, f"The style {added.title or added.name} is added.")
            for sentence in lost:
                messages.warning(request, sentence)
            return redirect("product-styles", c=c, p=p)
    status = 422 if form.is_bound else 200
    context = {
        "product": row, "cards": _cards(request, row), "from_file": from_file,
        "from_bands": from_bands, "bands": bands,
    }  # fmt: skip
    return render(request, "portal/product_styles.html", context, status=status)


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
    row = find_product(caller(request), c, p)
    styles.remove(caller(request), styles.find(caller(request), row, name))
    messages.success(request, f"The style {name} is removed.")
    return redirect("product-styles", c=c, p=p)


def _from_file(
    files: list[HashedUpload], form: StyleFileForm, home: Home
) -> tuple[NewStyle, tuple[str, ...]]:
    """The style of an uploaded file, and what of it is lost."""
    if not files:
        raise BadRequest("Choose a style file first.", code="file_missing")
    fields = {"id": form.cleaned_data["name"], "title": form.cleaned_data["title"]}
    sent = read_upload(files[0].path.read_bytes(), files[0].name or "", fields, "").read_for(home)
    return sent.new, sent.warnings


def _cards(request: HttpRequest, row: Product) -> list[StyleCard]:
    default = (row.style or {}).get("name")
    return [
        StyleCard(
            style.name, style.title or style.name, KIND_WORDS[style.definition["kind"]],
            style.name == default, style.product_id is not None,
            not style.definition.get("formula"),
        )
        for style in styles.offered(caller(request), row)
    ]  # fmt: skip
