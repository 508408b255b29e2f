"""Answers to what a job asks: a look at where the map would lie, and saving."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from repository import jobs
from repository.answers import InvalidAnswer
from repository.api.principals import caller
from repository.catalogue import find_job
from repository.coordinate_systems import search_crs
from repository.policy import require_change, require_writer
from repository.portal.job_facts import findings_of
from repository.portal.views.jobs import answer_form, job_page
from repository.previewing import preview


@require_POST
def job_answer(request: HttpRequest, job_id: str) -> HttpResponse:
    """Answer what the job asks; it goes on without another upload.

    The button `check` shows the place first and saves nothing.
    """
    row = find_job(caller(request), str(job_id))
    require_change(caller(request), row)
    form = answer_form(row, request.POST)
    if not form.is_valid():
        return job_page(request, row, form=form, status=422)
    if "check" not in request.POST:
        jobs.answer(row, form.checked)
        return redirect("job", job_id=job_id)
    try:
        place = preview(findings_of(row), {**row.answers, **form.checked})
    except InvalidAnswer as error:
        form.refuse(error)
        return job_page(request, row, form=form, status=422)
    return job_page(request, row, form=form, preview=place)


@require_safe
def crs_search(request: HttpRequest) -> HttpResponse:
    """Coordinate systems by code or by words of their name, for the form's list."""
    require_writer(caller(request))
    found = search_crs(request.GET.get("q", "")[:200])
    items = [{"code": known.code, "name": known.name, "area": known.area} for known in found]
    return JsonResponse({"items": items})
