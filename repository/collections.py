"""Making, changing and removing collections."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from repository.errors import BadRequest, Conflict
from repository.jobs import unfinished
from repository.models import Collection
from repository.models.product import ProductState
from repository.names import is_valid_id
from repository.policy import require_change, require_writer
from repository.principal import Principal

MAX_KEYWORDS = 50


def create(principal: Principal, collection_id: str, **fields: Any) -> Collection:
    """A new collection of the caller's. Raises BadRequest, Conflict `collection_exists`."""
    require_writer(principal)
    if not is_valid_id(collection_id):
        raise BadRequest(
            f"{collection_id[:120]!r} cannot be an id.",
            code="invalid_id",
            hint="Use small letters, digits, '.', '_' and '-', starting with a letter or digit.",
        )
    fields["title"] = fields.get("title") or collection_id
    try:
        with transaction.atomic():
            return Collection.objects.create(
                id=collection_id, owner_id=principal.user_id, **_checked(fields)
            )
    except IntegrityError:
        raise Conflict(
            f"The id {collection_id} is taken.", code="collection_exists", hint="Choose another id."
        ) from None


def change(principal: Principal, collection: Collection, changes: dict[str, Any]) -> Collection:
    """Change what `changes` names. Raises Forbidden."""
    require_change(principal, collection)
    if changes.get("title") == "":
        raise BadRequest("A collection needs a title.", code="invalid_field")
    Collection.objects.filter(pk=collection.pk).update(**_checked(changes), updated=Now())
    return Collection.objects.select_related("owner").get(pk=collection.pk)


def delete(principal: Principal, collection: Collection) -> None:
    """Remove an empty collection. Raises Conflict `collection_not_empty`, Forbidden.

    Tombstones and ended jobs go with it: nothing is left that could be asked for.
    """
    require_change(principal, collection)
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)
        living = collection.products.exclude(state=ProductState.REMOVED)
        if living.exists() or unfinished().filter(collection=collection).exists():
            raise Conflict(
                f"The collection {collection.id} still has maps or uploads on their way.",
                code="collection_not_empty",
                hint="Remove its maps first.",
            )
        collection.products.all().delete()
        collection.delete()


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    keywords = fields.get("keywords") or []
    if len(keywords) > MAX_KEYWORDS or any(len(word) > 100 for word in keywords):
        raise BadRequest(
            f"At most {MAX_KEYWORDS} keywords of 100 characters.", code="invalid_field"
        )
    return fields
