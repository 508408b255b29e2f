"""The caller's own jobs: all, or those of a kind, newest first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from repository.errors import BadRequest
from repository.models import Job, UploadedFile
from repository.models.job import RUNNING_STATES, JobState
from repository.policy import visible_to
from repository.principal import Principal

JOB_GROUPS: Mapping[str, Sequence[str]] = {
    "active": (JobState.QUEUED, *RUNNING_STATES),
    "waiting": (JobState.NEEDS_INPUT,),
    "published": (JobState.PUBLISHED,),
    "problems": (JobState.REJECTED, JobState.FAILED, JobState.CANCELLED),
}
"""States of jobs as people ask for them."""
MAX_WORDS = 10


def states_of(name: str) -> tuple[str, ...]:
    """The states that a state's own name or that of a group stands for; none for "".

    Raises BadRequest `invalid_state`.
    """
    if not name:
        return ()
    if name in JobState.values:
        return (name,)
    if name not in JOB_GROUPS:
        known = ", ".join((*JobState.values, *JOB_GROUPS))
        raise BadRequest(f"There is no state {name[:50]!r}.", code="invalid_state",
                         hint=f"Choose one of {known}.")  # fmt: skip
    return tuple(JOB_GROUPS[name])


def search_jobs(
    principal: Principal,
    *,
    limit: int = 50,
    cursor: str = "",
    states: Sequence[str] = (),
    text: str = "",
) -> tuple[list[Job], str]:
    """The caller's own jobs, newest first, and the cursor of the next page; `states` and words of
    a file's name or the map's id narrow them down.

    Own ones alone, operators too: the list answers "what became of my uploads".
    """
    rows = visible_to(principal, Job.objects.select_related("collection", "product", "upload"))
    rows = rows.filter(owner_id=principal.user_id)
    if states:
        rows = rows.filter(state__in=states)
    for word in text.replace("\0", "").split()[:MAX_WORDS]:
        named = UploadedFile.objects.filter(file_name__icontains=word).values("upload")
        rows = rows.filter(Q(slug__icontains=word) | Q(upload__in=named))
    if cursor:
        rows = _after(rows, cursor)
    found = list(rows.order_by("-created", "-id")[: limit + 1])
    page = found[:limit]
    more = len(found) > limit
    return page, f"{page[-1].created.isoformat()}_{page[-1].id}" if more else ""


def _after(rows: QuerySet[Job], cursor: str) -> QuerySet[Job]:
    """Jobs behind the last page's end: (created, id) compared as a pair."""
    text, _, last = cursor.partition("_")
    try:
        created, last_id = parse_datetime(text), uuid.UUID(last)
    except ValueError:
        created = None
    if created is None:
        raise BadRequest("This page address is broken.", code="invalid_cursor")
    return rows.filter(Q(created__lt=created) | Q(created=created, id__lt=last_id))
