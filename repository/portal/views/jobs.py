"""Uploads on their way: the list, a page each, answers, another try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from repository import jobs
from repository.api.principals import caller
from repository.catalogue import find_job, search_jobs
from repository.errors import BadRequest
from repository.findings import Findings
from repository.models import Job
from repository.models.job import JobState
from repository.policy import require_change, require_writer
from repository.portal.forms import CRS_EXAMPLES, JobAnswer
from repository.portal.words import duration, number


@dataclass(frozen=True)
class Step:
    """A state that a job went through."""

    word: str
    began: Any
    took: str
    """Empty for the state that the job is in."""


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """The caller's uploads, newest first."""
    require_writer(caller(request))
    rows, following = search_jobs(caller(request), limit=30, cursor=request.GET.get("cursor", ""))
    return render(request, "portal/jobs.html", {"jobs": rows, "next": following})


@require_safe
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """One upload: what happened, what is asked, what to do next."""
    require_writer(caller(request))
    return _job_page(request, find_job(caller(request), str(job_id)))


@require_safe
def job_row(request: HttpRequest, job_id: str) -> HttpResponse:
    """The upload as one row of a list; scripts fetch it when the state has changed."""
    require_writer(caller(request))
    row = find_job(caller(request), str(job_id))
    response = render(request, "portal/job_row.html", {"job": row})
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
def job_answer(request: HttpRequest, job_id: str) -> HttpResponse:
    """Answer what the job asks; it goes on without another upload."""
    row = find_job(caller(request), str(job_id))
    require_change(caller(request), row)
    form = JobAnswer(request.POST)
    if form.is_valid():
        try:
            jobs.answer(row, jobs.checked_answers(form.answers()))
            return redirect("job", job_id=job_id)
        except BadRequest as error:
            form.add_error(None, f"{error.detail} Fill in at least one field.")
    return _job_page(request, row, form, status=422)


@require_POST
def job_retry(request: HttpRequest, job_id: str) -> HttpResponse:
    """Start over from the original that was kept."""
    row = find_job(caller(request), str(job_id))
    require_change(caller(request), row)
    jobs.retry(row)
    return redirect("job", job_id=job_id)


@require_POST
def job_cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Stop the job."""
    row = find_job(caller(request), str(job_id))
    require_change(caller(request), row)
    jobs.cancel(row)
    return redirect("job", job_id=job_id)


def _job_page(
    request: HttpRequest, row: Job, form: JobAnswer | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "job": row,
        "steps": steps_of(row),
        "found": found_facts(row),
        "form": form or JobAnswer(initial=row.answers),
        "crs_examples": CRS_EXAMPLES,
        "may_retry": _may_retry(row),
        "report": support_report(row),
    }
    response = render(request, "portal/job.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


def steps_of(row: Job) -> list[Step]:
    """The states gone through, with how long each took."""
    times = [(state, parse_datetime(instant)) for state, instant in row.timeline]
    steps = []
    for index, (state, began) in enumerate(times):
        after = times[index + 1][1] if index + 1 < len(times) else None
        took = duration((after - began).total_seconds()) if after and began else ""
        steps.append(Step(str(JobState(state).label), began, took))
    return steps


def found_facts(row: Job) -> list[tuple[str, str]]:
    """What the files say of themselves, as far as inspection came."""
    facts: list[tuple[str, str]] = []
    for raster in Findings.from_json(row.found or {}).rasters:
        facts.append(("Format", raster.format))
        if raster.width and raster.height:
            facts.append(("Size", f"{number(raster.width)} × {number(raster.height)} pixels"))
        types = ", ".join(sorted({band.dtype for band in raster.bands}))
        facts.append(("Bands", f"{len(raster.bands)}, {types}"))
        facts.append(("Coordinate system", raster.crs_name or "none"))
    return facts


def support_report(row: Job) -> str:
    """What an operator needs to look into it, as text to copy."""
    error = row.error or {}
    lines = [
        f"Upload {row.id}",
        *(
            f"File: {file.file_name}, {file.size} bytes, SHA-256 {file.sha256}"
            for file in row.upload.files.all()
        ),
        f"Collection: {row.collection_id}",
        f"State: {row.state}, tries: {row.attempts}",
        *(f"{state}: {instant}" for state, instant in row.timeline),
    ]
    if error:
        lines.append(f"Error {error.get('code')}: {error.get('message')}")
    return "\n".join(lines)


def _may_retry(row: Job) -> bool:
    """A rejected file stays what it is; only what may go better next time is tried again."""
    if row.state == JobState.REJECTED:
        return bool((row.error or {}).get("retryable"))
    return row.state in (JobState.FAILED, JobState.CANCELLED)
