"""Uploads on their way: the list, a page each, another try."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from repository import jobs
from repository.answers import FIELDS, InvalidAnswer, asked_fields, refused_field
from repository.api.principals import caller
from repository.catalogue import find_job
from repository.coordinate_systems import COMMON
from repository.job_search import search_jobs, states_of
from repository.models import Job
from repository.models.job import JobState
from repository.policy import require_change, require_retry, require_writer
from repository.portal.answer_forms import AnswerForm, initial_of
from repository.portal.diagnosis import diagnose
from repository.portal.job_facts import (
    asks_for_nodata,
    findings_of,
    may_retry,
    raw_details,
    steps_of,
    stopped_at,
    support_report,
)
from repository.previewing import Preview

FILTERS = (
    ("", "All"), ("active", "On their way"), ("waiting", "Need your answer"),
    ("published", "Published"), ("problems", "Not published"),
)  # fmt: skip


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """The caller's uploads, newest first."""
    require_writer(caller(request))
    group, text = request.GET.get("show", ""), request.GET.get("q", "").strip()[:200]
    states = states_of(group)
    rows, following = search_jobs(
        caller(request), limit=30, cursor=request.GET.get("cursor", ""), states=states, text=text
    )
    context = {
        "jobs": rows,
        "next": following,
        "filters": FILTERS,
        "show": group,
        "text": text,
    }
    return render(request, "portal/jobs.html", context)


@require_safe
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """One upload: what happened, what is asked, what to do next."""
    require_writer(caller(request))
    return job_page(request, find_job(caller(request), str(job_id)))


@require_safe
def job_row(request: HttpRequest, job_id: str) -> HttpResponse:
    """The upload as one row of a list; scripts fetch it when the state has changed."""
    require_writer(caller(request))
    row = find_job(caller(request), str(job_id))
    response = render(request, "portal/job_row.html", {"job": row})
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
def job_retry(request: HttpRequest, job_id: str) -> HttpResponse:
    """Start over from the original that was kept."""
    row = find_job(caller(request), str(job_id))
    require_retry(caller(request), row)
    jobs.retry(row)
    return _back(request, job_id)


@require_POST
def job_cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Stop the job."""
    row = find_job(caller(request), str(job_id))
    require_change(caller(request), row)
    jobs.cancel(row)
    return _back(request, job_id)


def _back(request: HttpRequest, job_id: str) -> HttpResponse:
    """To the list that the button stood in, or to the job's page."""
    return redirect("jobs") if "back" in request.POST else redirect("job", job_id=job_id)


def preview_map(preview: Preview | None) -> list[dict[str, object]]:
    """What the page's script draws, in the shape of outlines (repository.portal.views.home)."""
    return [
        {
            "address": raster.name,
            "bbox": raster.place.bounds_wgs84,
            "footprint": raster.place.footprint_wgs84,
        }
        for raster in (preview.rasters if preview else ())
    ]


def answer_form(row: Job, data: QueryDict | None = None) -> AnswerForm:
    """The form for what the job asks; an answer that the worker could not use stands in it, with
    the sentence beside it."""
    error = row.error or {}
    asked, found = asked_fields(error, row.answers), findings_of(row)
    if data is not None or error.get("code") != "invalid_answer":
        offered = () if asked else FIELDS  # a question that we do not know: anything may help
        initial = initial_of(row.answers)
        return AnswerForm(data, asked=asked, offered=offered, found=found, initial=initial)
    form = AnswerForm(initial_of(row.answers), asked=asked, found=found)
    form.summary = "The last answer could not be used."
    form.full_clean()
    if not form.errors and asked:
        hint = str(error.get("hint") or error.get("message"))
        form.refuse(InvalidAnswer(refused_field(error) or min(asked), hint))
    return form


def job_page(
    request: HttpRequest,
    row: Job,
    *,
    form: AnswerForm | None = None,
    preview: Preview | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a job; with a form that was sent, or with a look at where the map would lie."""
    form = form or answer_form(row)
    context = {
        "job": row,
        "handed": row.upload.files,
        "steps": steps_of(row),
        "stopped_at": stopped_at(row),
        "found": diagnose(findings_of(row)),
        "form": form,
        "preview": preview,
        "preview_map": preview_map(preview),
        "crs_examples": COMMON,
        "may_retry": may_retry(row),
        "new_version": bool(row.request.get("replaces")),
        "asks_for_nodata": row.state == JobState.PUBLISHED
        and asks_for_nodata({str(warning.get("code")) for warning in row.warnings}),
        "report": support_report(row),
        "raw": raw_details(row),
    }
    response = render(request, "portal/job.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response
