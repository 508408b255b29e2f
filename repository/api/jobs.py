"""/api/jobs: what became of the caller's uploads, and answers to what a job asks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from repository import jobs
from repository.api import schemas
from repository.api.presenting import job_json
from repository.api.principals import caller, request_links
from repository.api.queries import Limit, page_json
from repository.catalogue import find_job, search_jobs
from repository.policy import require_change, require_writer

router = Router(tags=["jobs"])


@router.get("", response=schemas.JobPage)
def list_jobs(request: HttpRequest, limit: Limit = 50, cursor: str = "") -> Any:
    """The caller's jobs, newest first."""
    require_reader(request)
    rows, after = search_jobs(caller(request), limit=limit, cursor=cursor)
    links = request_links(request)
    return page_json(request, [job_json(row, links) for row in rows], after)


@router.get("/{job_id}", response=schemas.JobOutput)
def read_job(request: HttpRequest, job_id: str) -> Any:
    """State and progress of one job."""
    require_reader(request)
    return job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/input", response={202: schemas.JobOutput})
def answer(request: HttpRequest, job_id: str, payload: schemas.JobInput) -> Any:
    """Answer what the job asks; it goes on without another upload."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    jobs.answer(job, jobs.checked_answers(payload.dict(exclude_none=True)))
    return 202, job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/cancel", response=schemas.JobOutput)
def cancel(request: HttpRequest, job_id: str) -> Any:
    """Stop the job; its id is free again."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    jobs.cancel(job)
    return job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/retry", response={202: schemas.JobOutput})
def retry(request: HttpRequest, job_id: str) -> Any:
    """Start over from the original that was kept."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    jobs.retry(job)
    return 202, job_json(find_job(caller(request), job_id), request_links(request))


def require_reader(request: HttpRequest) -> None:
    """Jobs are somebody's: the public has none to list."""
    if caller(request).is_anonymous:
        require_writer(caller(request))
