"""A new version of a map from the originals that are kept: other answers, no new upload."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from repository.answers import InvalidAnswer
from repository.api.principals import caller
from repository.catalogue import find_product
from repository.coordinate_systems import COMMON
from repository.errors import BadRequest
from repository.findings import Findings
from repository.models import Job, Product
from repository.models.job import JobState
from repository.policy import require_change
from repository.portal.answer_forms import AnswerForm
from repository.portal.job_facts import findings_of
from repository.reprocessing import reprocess


@require_http_methods(["GET", "POST"])
def reprocess_product(request: HttpRequest, c: str, p: str) -> HttpResponse:
    """Say what the file did not, or said wrongly; the present version stays until the next is
    there."""
    row = find_product(caller(request), c, p)
    require_change(caller(request), row)
    form = AnswerForm(
        request.POST if request.method == "POST" else None,
        offered=("subdatasets", "nodata"),
        folded=("crs", "bounds", "datetime"),
        found=_findings(row),
    )
    if request.method == "POST" and form.is_valid():
        try:
            job = reprocess(caller(request), row, form.checked)
            return redirect("job", job_id=job.pk)
        except InvalidAnswer as error:
            form.refuse(error)
        except BadRequest as error:
            form.add_error(None, f"{error.detail} {error.hint}")
    context = {
        "product": row,
        "form": form,
        "crs_examples": COMMON,
        "warnings": warnings_of(row),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "portal/product_reprocess.html", context, status=status)


def warnings_of(row: Product) -> list[tuple[str, str]]:
    """(code, sentence) pairs of the version that is served."""
    return [(code, text) for code, text in (row.raster or {}).get("warnings", ())]


def _findings(row: Product) -> Findings:
    """Of the job that made the present version: what its upload offers to choose from."""
    last = Job.objects.filter(product=row, state=JobState.PUBLISHED).order_by("-created").first()
    return findings_of(last) if last else Findings()
