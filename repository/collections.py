"""Making, changing and removing collections."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from repository.errors import BadRequest, Conflict, NotFound
from repository.failpoints import around
from repository.jobs import unfinished
from repository.models import Asset, Collection, Pyramid, Upload, UploadedFile
from repository.models.product import ProductState
from repository.names import is_valid_id
from repository.policy import require_change, require_writer
from repository.principal import Principal
from repository.storage import object_store

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
    assert principal.user_id is not None, "require_writer lets no anonymous caller pass"
    fields["title"] = fields.get("title") or collection_id
    check_keywords(fields.get("keywords") or [])
    try:
        with transaction.atomic():
            return Collection.objects.create(id=collection_id, owner_id=principal.user_id, **fields)
    except IntegrityError:
        raise Conflict(
            f"The id {collection_id} is taken.", code="collection_exists", hint="Choose another id."
        ) from None


def change(principal: Principal, collection: Collection, changes: dict[str, Any]) -> Collection:
    """Change what `changes` names. Raises Forbidden."""
    require_change(principal, collection)
    if changes.get("title") == "":
        raise BadRequest("A collection needs a title.", code="invalid_field")
    check_keywords(changes.get("keywords") or [])
    Collection.objects.filter(pk=collection.pk).update(**changes, updated=Now())
    return Collection.objects.select_related("owner").get(pk=collection.pk)


def delete(principal: Principal, collection: Collection) -> None:
    """Remove an empty collection. Raises Conflict `collection_not_empty`, Forbidden.

    Tombstones and ended jobs go with it: nothing is left that could be asked for.
    """
    require_change(principal, collection)
    with around("collections.remove"), transaction.atomic():
        # Uploads check their foreign key at the commit, and so wait for this lock.
        if not Collection.objects.select_for_update().filter(pk=collection.pk):
            raise NotFound(f"The collection {collection.id} is gone already.")
        living = collection.products.exclude(state=ProductState.REMOVED)
        if living.exists() or unfinished().filter(collection=collection).exists():
            raise Conflict(
                f"The collection {collection.id} still has maps or uploads on their way.",
                code="collection_not_empty",
                hint="Remove its maps first.",
            )
        _delete_with_objects(collection)


def _delete_with_objects(collection: Collection) -> None:
    """Rows now, their objects once that is certain: the sweeper finds objects by their rows."""
    uploads = Upload.objects.filter(jobs__collection=collection)
    assets = Asset.objects.filter(product__collection=collection)
    originals = UploadedFile.objects.filter(upload__in=uploads)
    pyramids = Pyramid.objects.filter(product__collection=collection).exclude(key="")
    rows = (originals, assets, pyramids)
    keys = {key for some in rows for key in some.values_list("key", flat=True)}
    upload_ids = list(uploads.values_list("pk", flat=True))
    collection.products.all().delete()
    collection.delete()
    Upload.objects.filter(pk__in=upload_ids).delete()
    transaction.on_commit(lambda: _delete_objects(keys), robust=True)


def _delete_objects(keys: set[str]) -> None:
    for key in keys:
        object_store().delete(key)


def check_keywords(keywords: list[str]) -> None:
    """Raise BadRequest for too many or too long ones."""
    if len(keywords) > MAX_KEYWORDS or any(len(word) > 100 for word in keywords):
        raise BadRequest(
            f"At most {MAX_KEYWORDS} keywords of 100 characters.", code="invalid_field"
        )
