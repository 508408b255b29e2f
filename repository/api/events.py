"""/api/jobs/events and /api/jobs/{id}/events: progress as server-sent events.

Asynchronous, so that an open page costs no thread. The rows are looked at
twice a second; an event is sent only where something changed.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from repository.api.presenting import job_json
from repository.asgi import ERROR_HANDLERS
from repository.authentication import request_principal
from repository.catalogue import find_job
from repository.connections import borrowed_connection
from repository.errors import RastrumError, Unavailable
from repository.links import Links, links_for
from repository.models import Job
from repository.models.job import FINAL_STATES
from repository.policy import require_writer, visible_to
from repository.principal import Principal

POLL_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15
RECHECK_SECONDS = 10
"""How long a stream outlives the credentials that opened it."""
MAX_STREAMS = 50
"""Of one user in one process; each looks at the database twice a second."""
OVERLAP_SECONDS = 30
RECENT_JOBS = 500

_open_streams: Counter[int | None] = Counter()
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def one_job(request: Request) -> Response:
    """Events of one job, from its present state to its end."""
    return await _stream(request, request.path_params["job_id"])


async def all_jobs(request: Request) -> Response:
    """Events of all of the caller's jobs: those under way now, and whatever comes."""
    return await _stream(request, "")


async def _stream(request: Request, job_id: str) -> Response:
    principal = await run_in_threadpool(_caller, request, job_id)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=HEADERS)
    if _open_streams[principal.user_id] >= MAX_STREAMS:
        raise Unavailable("You have many pages open that follow jobs.", hint="Close some of them.")
    events = _counted(_events(request, job_id), principal.user_id)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)


async def _counted(events: AsyncIterator[bytes], user_id: int | None) -> AsyncIterator[bytes]:
    _open_streams[user_id] += 1
    try:
        async for event in events:
            yield event
    finally:
        _open_streams[user_id] -= 1


async def _events(request: Request, job_id: str) -> AsyncIterator[bytes]:
    sent: dict[str, str] = {}
    links = _links(request)
    silent, checked = 0.0, -math.inf
    yield b"retry: 2000\n\n"
    while True:
        if time.monotonic() - checked >= RECHECK_SECONDS:
            try:
                principal = await run_in_threadpool(_caller, request, job_id)
            except RastrumError:
                return  # the token was revoked, or the session ended
            checked = time.monotonic()
        jobs = await run_in_threadpool(_recent, principal, links, job_id, first=not sent)
        news = [job for job in jobs if sent.get(job["id"]) != job["updated"]]
        for job in news:
            sent[job["id"]] = job["updated"]
            yield f"event: job\nid: {job['id']}\ndata: {json.dumps(job)}\n\n".encode()
        if job_id and any(job["state"] in FINAL_STATES for job in news):
            return
        silent = 0.0 if news else silent + POLL_SECONDS
        if silent >= KEEP_ALIVE_SECONDS:
            silent = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(POLL_SECONDS)


def _recent(
    principal: Principal, links: Links, job_id: str, *, first: bool
) -> list[dict[str, Any]]:
    """Jobs that changed lately. The window overlaps from look to look, because a row's time is
    its transaction's start and it may be committed after later ones."""
    with borrowed_connection():
        rows = visible_to(principal, Job.objects.select_related("collection", "product", "upload"))
        rows = rows.filter(pk=job_id) if job_id else rows.filter(owner_id=principal.user_id)
        if not job_id:
            lately = Q(updated__gt=Now() - timedelta(seconds=60 if first else OVERLAP_SECONDS))
            rows = rows.filter(lately | ~Q(state__in=FINAL_STATES) if first else lately)
        return [job_json(job, links) for job in rows.order_by("updated")[:RECENT_JOBS]]


def _caller(request: Request, job_id: str) -> Principal:
    with borrowed_connection():
        principal = request_principal(request.headers.get("authorization"), request.cookies)
        if principal.is_anonymous:
            require_writer(principal)
        if job_id:
            find_job(principal, job_id)
        return principal


def _links(request: Request) -> Links:
    return links_for(request.url.scheme, request.headers["host"])


app = Starlette(
    routes=[
        Route("/api/jobs/events", all_jobs),
        Route("/api/jobs/{job_id}/events", one_job),
    ],
    exception_handlers=dict(ERROR_HANDLERS),
)
