"""/api/jobs: what became of the caller's uploads, and answers to what a job asks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from repository import jobs
from repository.answers import checked
from repository.api import schemas
from repository.api.presenting import job_json, preview_json, single_job_json
from repository.api.principals import caller, request_links
from repository.api.queries import Limit, page_json
from repository.catalogue import find_job
from repository.findings import Findings
from repository.job_search import search_jobs, states_of
from repository.models import Job
from repository.policy import require_change, require_retry, require_writer
from repository.previewing import preview as places

router = Router(tags=["jobs"])


@router.get("", response=schemas.JobPage)
def list_jobs(
    request: HttpRequest, limit: Limit = 50, cursor: str = "", state: str = "", q: str = ""
) -> Any:
    """The caller's jobs, newest first; of one `state`, with words `q` of the file's name."""
    require_reader(request)
    states = states_of(state)
    rows, after = search_jobs(caller(request), limit=limit, cursor=cursor, states=states, text=q)
    links = request_links(request)
    return page_json(request, [job_json(row, links) for row in rows], after)


@router.get("/{job_id}", response=schemas.SingleJobOutput)
def read_job(request: HttpRequest, job_id: str) -> Any:
    """State and progress of one job."""
    require_reader(request)
    return single_job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/input", response={202: schemas.SingleJobOutput})
def answer(request: HttpRequest, job_id: str, payload: schemas.AnswersInput) -> Any:
    """Answer what the job asks; it goes on without another upload."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    jobs.answer(job, checked(payload.dict(exclude_none=True), _found(job)))
    return 202, single_job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/preview", response=schemas.PreviewOutput)
def preview(request: HttpRequest, job_id: str, payload: schemas.AnswersInput) -> Any:
    """Where the rasters would lie with these answers; nothing is saved."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    answers = checked(payload.dict(exclude_none=True), _found(job))
    return preview_json(places(_found(job), {**job.answers, **answers}))


@router.post("/{job_id}/cancel", response=schemas.SingleJobOutput)
def cancel(request: HttpRequest, job_id: str) -> Any:
    """Stop the job; its id is free again."""
    job = find_job(caller(request), job_id)
    require_change(caller(request), job)
    jobs.cancel(job)
    return single_job_json(find_job(caller(request), job_id), request_links(request))


@router.post("/{job_id}/retry", response={202: schemas.SingleJobOutput})
def retry(request: HttpRequest, job_id: str) -> Any:
    """Start over from the original that was kept."""
    job = find_job(caller(request), job_id)
    require_retry(caller(request), job)
    jobs.retry(job)
    return 202, single_job_json(find_job(caller(request), job_id), request_links(request))


def _found(job: Job) -> Findings:
    return Findings.from_json(job.found or {})


def require_reader(request: HttpRequest) -> None:
    """Jobs are somebody's: the public has none to list."""
    if caller(request).is_anonymous:
        require_writer(caller(request))
