"""The upload page, and the way in of its form where no script runs."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from repository import resumable, uploads
from repository.api.principals import caller
from repository.api.receiving import HashedUpload, received_files
from repository.catalogue import find_collection, search_collections
from repository.errors import BadRequest, RastrumError
from repository.fetching.addresses import AddressRefused
from repository.imports import accept_import
from repository.job_search import search_jobs
from repository.models import Collection, Job
from repository.models.collection import Visibility
from repository.policy import may_contribute, may_import, require_writer
from repository.principal import Principal
from repository.uploads import ProductRequest, ReceivedFile

FORMATS = (
    "GeoTIFF", "JPEG 2000", "NetCDF", "HDF5", "GRIB", "ENVI", "Erdas Imagine", "ASCII grid",
    "GeoPackage", "MBTiles", "PNG and JPEG with a world file", "DTED", "SRTM (.hgt)",
    "zip and tar archives of these",
)  # fmt: skip
"""What is taken, by the names that people know."""


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Choose where maps go and who sees them, then drop files."""
    principal = caller(request)
    require_writer(principal)
    if request.method == "POST":
        return _receive(request, principal)
    return _page(request, principal)


@require_POST
def import_file(request: HttpRequest) -> HttpResponse:
    """Have a file fetched from another server; a refused address is named beside the form."""
    principal = caller(request)
    collection = find_collection(principal, request.POST.get("collection", ""))
    wanted = ProductRequest(visibility=request.POST.get("visibility", ""))
    try:
        job = accept_import(principal, collection, request.POST.get("url", "").strip(), wanted)
    except (AddressRefused, BadRequest) as error:
        problems = [f"{error.detail} {error.hint}"]
        return _page(request, principal, problems=problems, chosen=collection.id, status=422)
    return redirect("job", job_id=job.id)


def _receive(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Every file of the form becomes a job; a refused one is named beside the form."""
    files = received_files(request, "file")
    collection = find_collection(principal, request.POST.get("collection", ""))
    together = len(files) > 1 and "together" in request.POST
    sets = [files] if together else [[file] for file in files]
    jobs, problems = _accept_all(request, principal, collection, sets)
    if problems or not jobs:
        problems = problems or ["Choose a file first."]
        return _page(request, principal, problems=problems, chosen=collection.id, status=422)
    if len(jobs) == 1:
        return redirect("job", job_id=jobs[0].id)
    messages.success(request, f"{len(jobs)} files are on their way.")
    return redirect("jobs")


def _accept_all(
    request: HttpRequest,
    principal: Principal,
    collection: Collection,
    sets: list[list[HashedUpload]],
) -> tuple[list[Job], list[str]]:
    """A job for each set of files, and what is wrong with the others."""
    jobs, problems = [], []
    for files in sets:
        received = [
            ReceivedFile(file.path, file.name or "upload", file.sha256, file.md5) for file in files
        ]
        wanted = ProductRequest(visibility=request.POST.get("visibility", ""))
        try:
            jobs.append(uploads.accept(principal, collection, received, wanted))
        except RastrumError as error:
            problems.append(f"{files[0].name or 'upload'}: {error.detail} {error.hint}")
    return jobs, problems


def _page(
    request: HttpRequest,
    principal: Principal,
    *,
    problems: list[str] | None = None,
    chosen: str = "",
    status: int = 200,
) -> HttpResponse:
    collections = contributable(principal)
    wanted = chosen or request.GET.get("collection", "")
    first = collections[0] if collections else None
    selected = next((c for c in collections if c.id == wanted), first)
    jobs, _ = search_jobs(principal, limit=50)
    context = {
        "collections": collections,
        "selected": selected,
        "asked_for": wanted,
        "visibility": request.POST.get("visibility") or (selected.visibility if selected else ""),
        "public": Visibility.PUBLIC,
        "jobs": [job for job in jobs if not job.is_final],
        "unfinished": [row for row in resumable.unfinished(principal) if row.collection],
        "limit": settings.MAX_UPLOAD_BYTES,
        "formats": FORMATS,
        "problems": problems or [],
        "may_import": may_import(principal),
        "address": request.POST.get("url", ""),
    }
    return render(request, "portal/upload.html", context, status=status)


def contributable(principal: Principal) -> list[Collection]:
    """The collections that the caller may add maps to, the first thousand."""
    rows, _ = search_collections(principal, limit=1000)
    return [row for row in rows if may_contribute(principal, row)]
