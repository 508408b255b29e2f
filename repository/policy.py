"""The one door: who may see what, and who may change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from repository.errors import Forbidden, SignInRequired
from repository.models import (
    ApiToken,
    Asset,
    BlockIndex,
    Collection,
    Job,
    OverviewTile,
    Product,
    Pyramid,
    ResumableUpload,
    Style,
    User,
)
from repository.models.collection import Contributors, Visibility
from repository.models.product import ProductState
from repository.principal import Principal

Row = TypeVar("Row", bound=Model)

PUBLIC = Visibility.PUBLIC


def visible_to(
    principal: Principal, rows: QuerySet[Row], *, tombstones: bool = False
) -> QuerySet[Row]:
    """The rows that this caller may see; a model without a rule shows nothing.

    Filtering happens in the database, before anything is counted or paged. With
    `tombstones`, removed products are kept: they show to who could see them.
    """
    rule = _RULES.get(rows.model)
    if rule is None:
        return rows.none()
    if rows.model is Product and not tombstones:
        rows = rows.filter(state=ProductState.PUBLISHED)
    elif rows.model is Product:
        rows = rows.filter(state__in=[ProductState.PUBLISHED, ProductState.REMOVED])
    elif rows.model in (Asset, Pyramid):
        rows = rows.filter(product__state=ProductState.PUBLISHED)
    elif rows.model is BlockIndex:
        rows = rows.filter(asset__product__state=ProductState.PUBLISHED)
    elif rows.model is Style:
        rows = rows.filter(Q(product=None) | Q(product__state=ProductState.PUBLISHED))
    if principal.is_operator and rows.model not in _OWNERS_ALONE:
        return rows
    return rows.filter(rule(principal))


def may_change(principal: Principal, row: Model) -> bool:
    """Whether this caller may edit or remove the row."""
    if principal.is_anonymous or not principal.can_write:
        return False
    if principal.is_operator:
        return True
    if isinstance(row, (Product, Job)):
        return principal.user_id in (row.owner_id, row.collection.owner_id)
    if isinstance(row, Collection):
        return principal.user_id == row.owner_id
    if isinstance(row, Style):
        home = row.product or row.collection
        return principal.user_id == row.owner_id if home is None else may_change(principal, home)
    return isinstance(row, ApiToken) and principal.user_id == row.user_id


def may_contribute(principal: Principal, collection: Collection) -> bool:
    """Whether this caller may add products to the collection."""
    open_to_all = collection.contributors == Contributors.MEMBERS
    return may_change(principal, collection) or (
        open_to_all and not principal.is_anonymous and principal.can_write
    )


def require_change(principal: Principal, row: Model) -> None:
    """Raise SignInRequired or Forbidden unless the caller may change the row."""
    require_writer(principal)
    if not may_change(principal, row):
        raise Forbidden("You may see this, but not change it.", hint="Ask its owner.")


def require_contributor(principal: Principal, collection: Collection) -> None:
    """Raise SignInRequired or Forbidden unless the caller may add products."""
    require_writer(principal)
    if not may_contribute(principal, collection):
        raise Forbidden(
            f"You may not add maps to the collection {collection.id}.",
            hint="Ask its owner, or make a collection of your own.",
        )


def require_retry(principal: Principal, job: Job) -> None:
    """Raise SignInRequired or Forbidden unless the caller may start the job over: a new map needs
    what an upload needs, a new version what a change of the map needs."""
    require_change(principal, job)
    if job.request.get("replaces") is None:
        require_contributor(principal, job.collection)
    elif job.product is not None:
        require_change(principal, job.product)


def may_import(principal: Principal) -> bool:
    """Whether this caller may have files fetched: the server then speaks to other servers."""
    if principal.is_anonymous or not principal.can_write:
        return False
    if principal.is_operator:
        return True
    user = User.objects.filter(pk=principal.user_id or 0, is_active=True).first()
    return user is not None and user.has_perm("repository.import_by_url")


def require_import(principal: Principal) -> None:
    """Raise SignInRequired or Forbidden unless the caller may have files fetched."""
    require_writer(principal)
    if not may_import(principal):
        raise Forbidden(
            "You may not import files by their address.", code="import_not_allowed",
            hint="Upload the file, or ask the operator for the permission "
            "“Can import files by their address”.",
        )  # fmt: skip


def require_writer(principal: Principal) -> None:
    """Raise SignInRequired or Forbidden unless the credentials allow changes."""
    if principal.is_anonymous:
        raise SignInRequired(hint="Send an API token: Authorization: Bearer TOKEN.")
    if not principal.can_write:
        raise Forbidden("This token may only read.", code="read_only_token",
                        hint="Make a token with the scope write.")  # fmt: skip


def _collections(principal: Principal, at: str = "") -> Q:
    public = Q(**{f"{at}visibility": PUBLIC})
    if principal.is_anonymous:
        return public
    return public | Q(**{f"{at}owner": principal.user_id})


def _products(principal: Principal, at: str = "") -> Q:
    """Public only within a public collection; else for its owner and the collection's."""
    public = Q(**{f"{at}visibility": PUBLIC, f"{at}collection__visibility": PUBLIC})
    if principal.is_anonymous:
        return public
    return (
        public
        | Q(**{f"{at}owner": principal.user_id})
        | Q(**{f"{at}collection__owner": principal.user_id})
    )


def _of_products(principal: Principal) -> Q:
    return _products(principal, "product__")


def _block_indexes(principal: Principal) -> Q:
    return _products(principal, "asset__product__")


def _styles(principal: Principal) -> Q:
    """As the product or the collection that they belong to; one's own library beside."""
    of_products = Q(product__isnull=False) & _products(principal, "product__")
    of_collections = Q(collection__isnull=False) & _collections(principal, "collection__")
    library = Q(product=None, collection=None) & _own(principal, "owner")
    return of_products | of_collections | library


def _own(principal: Principal, field: str) -> Q:
    return Q(pk__in=[]) if principal.is_anonymous else Q(**{field: principal.user_id})


_RULES: dict[type[Model], Callable[[Principal], Q]] = {
    Collection: lambda principal: _collections(principal),
    Product: lambda principal: _products(principal),
    Asset: _of_products,
    BlockIndex: _block_indexes,
    Pyramid: _of_products,
    Job: lambda principal: _own(principal, "owner"),
    ApiToken: lambda principal: _own(principal, "user"),
    ResumableUpload: lambda principal: _own(principal, "owner"),
    Style: _styles,
    # They show public products alone, and only while the collection is public.
    OverviewTile: lambda principal: Q(collection__visibility=PUBLIC),
}

_OWNERS_ALONE = (ApiToken, ResumableUpload)
"""Not even operators see these of others."""
