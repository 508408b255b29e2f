"""Rounds over the drop box: what is whole becomes a job, once, and is moved when that has ended.

A row for each item remembers what was seen and whether it was taken; it is written in the
commit that makes the job, so a crash at any moment takes nothing twice and loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import ExpressionWrapper, Q
from django.db.models.fields import BooleanField
from django.db.models.functions import Now

from repository import imports
from repository.authentication import principal_of_user
from repository.dropbox.box import DONE, REJECTED, Box, Item
from repository.dropbox.configured import SOURCE, configured_box
from repository.errors import Conflict, Forbidden, RastrumError
from repository.links import Links
from repository.models import Collection, DroppedItem, Job
from repository.models.job import JobState
from repository.names import is_valid_id
from repository.uploads import ProductRequest

log = logging.getLogger("rastrum.dropbox")

TAKEN_AT_ONCE = 200
"""Jobs that one round makes: the other housekeeping waits for it."""


def look_round() -> int:
    """One round over all collections; how many items became jobs.

    A sub-folder that is named like no collection is left alone. A box that cannot be read is
    logged and looked at again in the next round.
    """
    box, taken = configured_box(), 0
    if box is None:
        return 0
    with _logged("the drop box"):
        names = [name for name in box.collections() if is_valid_id(name)]
        for collection in Collection.objects.select_related("owner").filter(pk__in=names):
            with _logged(f"the drop box of {collection.pk}"):
                taken += _look_into(box, collection, TAKEN_AT_ONCE - taken)
    if taken:
        log.info("took %d items from the drop box", taken)
    return taken


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """What cannot be read, moved or noted stops nothing else."""
    try:
        yield
    except (DatabaseError, InterfaceError, OSError, RastrumError) as error:
        log.warning("%s: %s; the next round tries again", what, error)
        if isinstance(error, (DatabaseError, InterfaceError)) and not connection.in_atomic_block:
            close_old_connections()


def _look_into(box: Box, collection: Collection, at_most: int) -> int:
    """One sub-folder; how many of its items became jobs."""
    items, taken = [item for item in box.items(collection.pk) if _can_be_noted(item)], 0
    rows = _rows(collection)
    DroppedItem.objects.bulk_create(
        [DroppedItem(place=i.place, signature=i.signature) for i in items if i.place not in rows],
        ignore_conflicts=True,
    )
    for item in items:
        row = rows.pop(item.place, None)
        if row is None:
            continue  # seen for the first time
        if row.signature != item.signature:
            _note_change(item, row)
        elif row.taken:
            _settle_if_ended(box, item, row)
        elif row.is_steady and item.problem:  # type: ignore[attr-defined]
            _refuse(box, item, BadItem(item.problem))
        elif row.is_steady and item.is_whole and taken < at_most:  # type: ignore[attr-defined]
            taken += _take(box, collection, item)
    _forget(rows.values())
    return taken


def _can_be_noted(item: Item) -> bool:
    if item.is_too_long:
        log.warning("drop box: left %s... alone: its name is too long", item.place[:100])
    return not item.is_too_long


def _rows(collection: Collection) -> dict[str, DroppedItem]:
    """What is known of a collection's items, by place. `is_steady`: unchanged for a whole round,
    which may be some milliseconds shorter than the setting."""
    since = Now() - timedelta(seconds=0.9 * settings.SWEEP_SECONDS)
    steady = ExpressionWrapper(Q(seen__lte=since), output_field=BooleanField())
    rows = DroppedItem.objects.filter(place__startswith=f"{collection.pk}/")
    return {row.place: row for row in rows.select_related("job").annotate(is_steady=steady)}


def _note_change(item: Item, row: DroppedItem) -> None:
    """An item that was touched is looked at as a new one, once a job that reads it has ended."""
    if not row.taken or _has_ended(row):
        DroppedItem.objects.filter(pk=row.pk).update(
            signature=item.signature, seen=Now(), taken=False, job=None
        )


def _take(box: Box, collection: Collection, item: Item) -> int:
    """Make the item's job, owned by the collection's owner; 1 where that was done."""

    def mark_taken(job: Job) -> None:
        changed = DroppedItem.objects.filter(
            place=item.place, signature=item.signature, taken=False
        ).update(taken=True, job=job)
        if not changed:
            raise Conflict("Another scheduler has taken it.", code="item_taken")

    try:
        if not collection.owner.is_active:
            raise Forbidden("The owner of the collection may not sign in any more.",
                            hint="Ask the operator to give it another owner.")  # fmt: skip
        imports.accept(
            principal_of_user(collection.owner), collection, SOURCE + item.place, item.file_name,
            ProductRequest(), expected={"signature": item.signature}, in_same_commit=mark_taken,
        )  # fmt: skip
    except RastrumError as error:
        if not error.retryable and error.code != "item_taken":
            _refuse(box, item, error)
        return 0
    return 1


class BadItem(RastrumError):
    """An item that can never become a product."""

    code, title = "bad_item", "It cannot be taken"


def _refuse(box: Box, item: Item, error: RastrumError) -> None:
    """Move away what does not even become a job."""
    note = _note_text(item, error.detail, error.hint)
    if _settle(box, item, REJECTED, note):
        DroppedItem.objects.filter(place=item.place).delete()
        log.info("drop box: refused %s: %s", item.place, error.detail)


def _settle_if_ended(box: Box, item: Item, row: DroppedItem) -> None:
    """Move an item away whose job has ended. Without a job, its product was removed by now."""
    job = row.job
    if job is None or job.state == JobState.PUBLISHED:
        settled = _settle(box, item, DONE, "")
    else:
        settled = job.is_final and _settle(box, item, REJECTED, _note_of(item, job))
    if settled:
        row.delete()


def _settle(box: Box, item: Item, outcome: str, note: str) -> bool:
    """Whether the item has been moved away."""
    with _logged(f"the drop box, {item.place}"):
        box.settle(item, outcome, item.signature[:8], note)
        return True
    return False


def _note_of(item: Item, job: Job) -> str:
    error = job.error or {"message": "Its job was cancelled.", "hint": ""}
    where = f"\nMore about it: {Links(settings.PUBLIC_URL).job_page(job.pk)}\n"
    return _note_text(item, error["message"], error["hint"]) + where


def _note_text(item: Item, message: str, hint: str) -> str:
    return (
        f"{item.file_name} was not published.\n\n{message}\n{hint}\n\n"
        "To try again, put it (corrected, where it must be) into the folder above.\n"
    )


def _forget(rows: Iterable[DroppedItem]) -> None:
    """Rows of items that have gone: moved away by us or by their owner."""
    gone = [row.pk for row in rows if not row.taken or _has_ended(row)]
    DroppedItem.objects.filter(pk__in=gone).delete()


def _has_ended(row: DroppedItem) -> bool:
    return row.job is None or row.job.is_final
