"""/api/imports: the way in for a file that lies on another server."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from repository import imports
from repository.api import schemas
from repository.api.presenting import job_json
from repository.api.principals import caller, request_links
from repository.catalogue import find_collection, find_job
from repository.editing import check_properties
from repository.policy import require_import
from repository.uploads import ProductRequest

router = Router(tags=["imports"])


@router.post("", response={202: schemas.JobOutput})
def create_import(
    request: HttpRequest, payload: schemas.ImportInput, response: HttpResponse
) -> Any:
    """Have a file fetched. Answers 202 with the job that fetches and publishes it."""
    principal = caller(request)
    require_import(principal)
    collection = find_collection(principal, payload.collection)
    check_properties(payload.properties)
    fields = payload.dict(exclude={"url", "collection", "sha256", "md5"})
    job = imports.accept_import(
        principal, collection, payload.url, ProductRequest(**fields),
        sha256=payload.sha256.lower(), md5=payload.md5.lower(),
    )  # fmt: skip
    response["Location"] = f"/api/jobs/{job.id}"
    return 202, job_json(find_job(principal, str(job.pk)), request_links(request))
