"""Sole writer of Style: named styles of products, of collections and of their owners' libraries.

A product offers its own styles and those of its collection that need no band which it lacks;
of two with one name its own counts. A product that is drawn by one of them where none is asked
for holds a copy under that name, which follows every change.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import IntegrityError
from django.db.models import F, Func, IntegerField, Q, QuerySet
from django.db.models.functions import Now

from repository import registration
from repository.errors import BadRequest, Conflict, NotFound
from repository.models import Collection, Product, Style
from repository.models.product import ProductState
from repository.names import is_valid_id
from repository.policy import require_change, require_writer, visible_to
from repository.principal import Principal
from repository.raster_info import BandInfo, RasterInfo
from repository.rendering_style import RenderingStyle
from repository.style_rules import checked_style
from repository.transactions import commit

DEFAULT = "default"
MAX_STYLES = 200
"""Of one product, one collection or one library."""

Home = Product | Collection | None
"""Where a style belongs; None: to the library of its owner."""


@dataclass(frozen=True)
class NewStyle:
    """A style to be stored."""

    name: str
    definition: dict[str, Any]
    title: str = ""


def offered(principal: Principal, product: Product) -> list[Style]:
    """The styles beside its default in which the product can be drawn, by name."""
    bands = len((product.raster or {}).get("bands", ()))
    return among(offered_by(principal, [product.pk], [product.collection_id]), product.pk,
                 product.collection_id, bands)  # fmt: skip


def offered_by(
    principal: Principal, products: list[uuid.UUID], collections: list[str]
) -> list[Style]:
    """The visible styles of any of these products and collections; `among` says which fits."""
    wanted = Q(product__in=products) | Q(collection__in=collections)
    rows = visible_to(principal, Style.objects.filter(wanted))
    return list(rows.order_by("name"))


def among(styles: list[Style], product: uuid.UUID, collection: str, bands: int) -> list[Style]:
    """Those of the styles that a product with so many bands offers, one of each name."""
    own = {s.name: s for s in styles if s.product_id == product and s.bands_needed <= bands}
    shared = {
        s.name: s for s in styles if s.collection_id == collection and s.bands_needed <= bands
    }
    return [style for _, style in sorted((shared | own).items())]


def find_offered(principal: Principal, product: Product, name: str) -> Style:
    """The product's style of that name. Raises NotFound `unknown_style`."""
    found = next((s for s in offered(principal, product) if s.name == name), None)
    return found or _unknown(name)


def drawn_style(
    principal: Principal, product: uuid.UUID | str, collection: str, bands: int, name: str
) -> RenderingStyle:
    """How the style of that name draws a product with so many bands; one small query.

    Raises NotFound `unknown_style`.
    """
    here = Q(product=product) | Q(collection=collection)
    rows = visible_to(principal, Style.objects.filter(here, name=name, bands_needed__lte=bands))
    own_first = F("product").asc(nulls_last=True)
    found = "\0" not in name and rows.order_by(own_first).values_list("pk", "revision").first()
    return _read(*found) if found else _unknown(name)


def shared_style(principal: Principal, collection: str, name: str) -> tuple[RenderingStyle, int]:
    """How a collection's own style of that name draws, and how many bands it needs; one small
    query. Raises NotFound `unknown_style`."""
    rows = visible_to(principal, Style.objects.filter(collection=collection, name=name))
    found = "\0" not in name and rows.values_list("pk", "revision", "bands_needed").first()
    return (_read(*found[:2]), found[2]) if found else _unknown(name)


def shared_names(principal: Principal, collection: str) -> list[tuple[str, str]]:
    """Names and titles of a collection's own styles."""
    rows = visible_to(principal, Style.objects.filter(collection=collection))
    return list(rows.order_by("name").values_list("name", "title"))


@lru_cache(maxsize=200)
def _read(style_id: uuid.UUID, revision: int) -> RenderingStyle:
    """The definition as it is at that revision; large ones take milliseconds to parse."""
    row = Style.objects.filter(pk=style_id).values_list("definition", flat=True).first()
    return RenderingStyle.from_json(row) if row else _unknown(str(style_id))


def offered_names(
    principal: Principal, products: Iterable[tuple[uuid.UUID, str]]
) -> dict[uuid.UUID, list[tuple[str, str]]]:
    """Names and titles of what each of these (product, collection) pairs offers beside its
    default; products that offer nothing are left out."""
    pairs = dict(products)
    rows = offered_by(principal, list(pairs), sorted(set(pairs.values())))
    places = {row.product_id or row.collection_id for row in rows}
    asked = [key for key, collection in pairs.items() if {key, collection} & places]
    length = Func(F("raster__bands"), function="jsonb_array_length", output_field=IntegerField())
    counts = Product.objects.filter(pk__in=asked).values_list("pk", length)
    return {
        key: [(row.name, row.title) for row in among(rows, key, pairs[key], count or 0)]
        for key, count in counts
    }


def styles_of(principal: Principal, home: Home) -> QuerySet[Style]:
    """The visible styles that belong to a product, to a collection, or to the caller's library."""
    rows = visible_to(principal, Style.objects.select_related("product__collection", "collection"))
    if home is None:
        return rows.filter(product=None, collection=None, owner=principal.user_id)
    return rows.filter(**_home_fields(home))


def find(principal: Principal, home: Home, name: str) -> Style:
    """The style of that name. Raises NotFound `unknown_style`."""
    row = styles_of(principal, home).filter(name=name).first() if "\0" not in name else None
    return row or _unknown(name)


def find_by_id(principal: Principal, style_id: uuid.UUID) -> Style:
    """The style, wherever it belongs. Raises NotFound `unknown_style`."""
    rows = Style.objects.select_related("product__collection", "collection")
    row = visible_to(principal, rows).filter(pk=style_id).first()
    return row or _unknown(str(style_id))


def search(principal: Principal, *, limit: int, after: str = "") -> tuple[list[Style], str]:
    """All visible styles by name, and where to continue if there are more."""
    rows = visible_to(principal, Style.objects.select_related("product", "collection"))
    name, _, key = after.partition("/")
    if after:
        try:
            last = uuid.UUID(key)
        except ValueError:
            raise BadRequest("This page address is broken.", code="invalid_cursor",
                             hint="Start again from the first page.") from None  # fmt: skip
        rows = rows.filter(Q(name__gt=name) | Q(name=name, id__gt=last))
    found = list(rows.order_by("name", "id")[: limit + 1])
    more = len(found) > limit
    return found[:limit], f"{found[limit - 1].name}/{found[limit - 1].pk}" if more else ""


def create(principal: Principal, home: Home, new: NewStyle) -> Style:
    """A new style. Raises BadRequest `invalid_style`, `invalid_id`, `too_many_styles`, Conflict
    `style_exists`, Forbidden, SignInRequired."""
    _require(principal, home)
    check_name(new.name)
    definition = checked_style(new.definition, bands_of(home), new.name)
    assert principal.user_id is not None, "only a signed-in caller may change"
    row = Style(
        name=new.name, title=new.title or definition.title, owner_id=principal.user_id,
        **_home_fields(home), **_drawn(definition),
    )  # fmt: skip
    if styles_of(principal, home).count() >= MAX_STYLES:
        raise BadRequest(f"There are {MAX_STYLES} styles here already.", code="too_many_styles",
                         hint="Remove one that is not used.")  # fmt: skip
    try:
        with commit("styles.create"):
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"There is a style {new.name} already.", code="style_exists",
                       hint="Choose another name, or change that one.") from None  # fmt: skip
    return find_by_id(principal, row.pk)


def change(
    principal: Principal, style: Style, *, title: str | None = None,
    definition: dict[str, Any] | None = None,
) -> Style:  # fmt: skip
    """Give a style another title or another definition; products that are drawn by it follow.

    Raises BadRequest `invalid_style`, Forbidden.
    """
    require_change(principal, style)
    changes: dict[str, Any] = {} if title is None else {"title": title}
    if definition is not None:
        home = style.product or style.collection
        changes |= _drawn(checked_style(definition, bands_of(home), style.name))
    with commit("styles.change"):
        Style.objects.filter(pk=style.pk).update(
            **changes, revision=F("revision") + 1, updated=Now()
        )
        if definition is not None:
            last = {f"raster__bands__{changes['bands_needed'] - 1}__isnull": False}
            registration.redraw(_drawn_by(style).filter(**last), changes["definition"])
    return find_by_id(principal, style.pk)


def remove(principal: Principal, style: Style) -> None:
    """Forget a style. Products that are drawn by it keep their copy. Raises Forbidden."""
    require_change(principal, style)
    with commit("styles.remove"):
        registration.redraw(_drawn_by(style), style.definition | {"name": DEFAULT})
        style.delete()


def check_name(name: str) -> None:
    """Raise BadRequest `invalid_id` unless it can name a style."""
    if not is_valid_id(name) or name == DEFAULT or name.endswith((".qml", ".sld")):
        raise BadRequest(
            f"{name[:120]!r} cannot name a style.", code="invalid_id",
            hint="Use small letters, digits, '.', '_' and '-', starting with a letter or digit. "
            "The name default is the product's own.",
        )  # fmt: skip


def bands_of(home: Home) -> tuple[BandInfo, ...] | None:
    """The bands that a style may name; None where no single raster says so."""
    return RasterInfo.from_json(home.raster or {}).bands if isinstance(home, Product) else None


def _require(principal: Principal, home: Home) -> None:
    require_writer(principal)
    if home is not None:
        require_change(principal, home)


def _home_fields(home: Home) -> dict[str, Any]:
    return {
        "product": home if isinstance(home, Product) else None,
        "collection": home if isinstance(home, Collection) else None,
    }


def _drawn(style: RenderingStyle) -> dict[str, Any]:
    return {"definition": style.to_json(), "bands_needed": max(style.bands)}


def _drawn_by(style: Style) -> QuerySet[Product]:
    """The products whose default is this style."""
    rows = Product.objects.filter(state=ProductState.PUBLISHED, style__name=style.name)
    if style.product_id is not None:
        return rows.filter(pk=style.product_id)
    if style.collection_id is None:
        return rows.none()
    return rows.filter(collection=style.collection_id).exclude(styles__name=style.name)


def _unknown(name: str) -> Any:
    raise NotFound(f"There is no style {name[:50]!r}.", code="unknown_style",
                   hint="Leave it out, or write default.")  # fmt: skip
