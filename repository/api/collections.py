"""/api/collections: make, read, change, remove; their products; and the way in."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import ValidationError

from repository import collections, prerendered, resumable, uploads
from repository.api import schemas
from repository.api.presenting import collection_json, job_json, product_summary
from repository.api.principals import caller, request_links
from repository.api.queries import Limit, ProductFilter, page_json
from repository.api.receiving import announced_bytes, received_files
from repository.catalogue import find_collection, find_job, search, search_collections
from repository.editing import check_properties
from repository.errors import BadRequest
from repository.models import Collection, Job
from repository.models.collection import MAX_DESCRIPTION
from repository.policy import require_contributor
from repository.resumable_ending import use
from repository.resumable_files import LockedFile

router = Router(tags=["collections"])

UPLOAD_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Several files make one product.",
                        },
                        "id": {"type": "string"},
                        "title": {"type": "string"},
                        "description": {"type": "string"},
                        "datetime": {"type": "string"},
                        "visibility": {"enum": ["public", "private"]},
                        "properties": {"type": "string", "description": "A JSON object."},
                    },
                }
            },
            "application/json": {"schema": schemas.UploadsInput.model_json_schema()},
        },
    }
}


@router.get("", response=schemas.CollectionPage)
def list_collections(request: HttpRequest, limit: Limit = 100, cursor: str = "") -> Any:
    """The collections that the caller may see, by id."""
    rows, after = search_collections(caller(request), limit=limit, after=cursor)
    links = request_links(request)
    totals = prerendered.of_collections(caller(request), [row.id for row in rows])
    items = [collection_json(row, links, totals[row.id]) for row in rows]
    return page_json(request, items, after)


@router.post("", response={201: schemas.CollectionOutput})
def create_collection(
    request: HttpRequest, payload: schemas.CollectionInput, response: HttpResponse
) -> Any:
    """A new collection; the caller owns it."""
    fields = payload.dict()
    row = collections.create(caller(request), fields.pop("id"), **fields)
    row.refresh_from_db()
    response["Location"] = request_links(request).collection(row.id)
    return 201, _collection(request, row)


@router.get("/{c}", response=schemas.CollectionOutput)
def read_collection(request: HttpRequest, c: str) -> Any:
    """One collection."""
    return _collection(request, find_collection(caller(request), c))


@router.patch("/{c}", response=schemas.CollectionOutput)
def change_collection(request: HttpRequest, c: str, payload: schemas.CollectionPatch) -> Any:
    """Change what the body names."""
    changes = {k: v for k, v in payload.dict(exclude_unset=True).items() if v is not None}
    row = collections.change(caller(request), find_collection(caller(request), c), changes)
    return _collection(request, row)


@router.delete("/{c}", response={204: None})
def delete_collection(request: HttpRequest, c: str) -> Any:
    """Remove an empty collection."""
    collections.delete(caller(request), find_collection(caller(request), c))
    return 204, None


@router.get("/{c}/products", response=schemas.ProductPage)
def list_products(request: HttpRequest, c: str, filters: Query[ProductFilter]) -> Any:
    """The products of a collection that the caller may see."""
    collection = find_collection(caller(request), c)
    page = search(caller(request), filters.query(request, collections=(collection.id,)))
    links = request_links(request)
    return page_json(request, [product_summary(row, links) for row in page.items], page.next)


@router.post("/{c}/products", response={202: schemas.JobOutput}, openapi_extra=UPLOAD_FORM)
def upload(request: HttpRequest, c: str, response: HttpResponse) -> Any:
    """The way in: a raster, or the files of one, as a multipart form. Answers 202 with the job
    that publishes it."""
    collection = find_collection(caller(request), c)
    # Before the body is read: gigabytes should not travel towards a refusal.
    require_contributor(caller(request), collection)
    if request.content_type == "application/json":
        return _use_uploads(request, collection, response)
    uploads.make_room_or_refuse(announced_bytes(request))
    received, product_request = _read_form(request)
    job = uploads.accept(caller(request), collection, received, product_request)
    job.refresh_from_db()
    return _accepted(request, job, response)


def _collection(request: HttpRequest, row: Collection) -> Any:
    total = prerendered.of_collections(caller(request), [row.id])[row.id]
    return collection_json(row, request_links(request), total)


def _accepted(request: HttpRequest, job: Job, response: HttpResponse) -> Any:
    response["Location"] = f"/api/jobs/{job.id}"
    return 202, job_json(job, request_links(request))


def _use_uploads(request: HttpRequest, collection: Collection, response: HttpResponse) -> Any:
    """The other way in: resumable uploads that were sent without naming a collection."""
    try:
        payload = schemas.UploadsInput.model_validate_json(request.body)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BadRequest(f"{place or 'The body'}: {error.errors()[0]['msg']}",
                         code="invalid_field", hint="Send {uploads: [...]}.") from None  # fmt: skip
    check_properties(payload.properties)
    names = [name.rstrip("/").rpartition("/")[2] for name in payload.uploads]
    fields = payload.dict(exclude={"uploads"})
    principal = caller(request)
    ids = [resumable.find(principal, name).pk for name in names]
    if len(set(ids)) != len(ids):
        raise BadRequest("Name each upload once.", code="invalid_field")
    with ExitStack() as locks:
        # In one order for all callers, so that no two wait for each other.
        files = {key: locks.enter_context(LockedFile(key)) for key in sorted(ids)}
        chosen = [(resumable.find(principal, str(key)), files[key]) for key in ids]
        job = use(principal, chosen, collection, uploads.ProductRequest(**fields))
    return _accepted(request, find_job(principal, str(job.pk)), response)


def _read_form(
    request: HttpRequest,
) -> tuple[list[uploads.ReceivedFile], uploads.ProductRequest]:
    if request.content_type != "multipart/form-data":
        raise BadRequest("Send the file as multipart/form-data.", code="multipart_expected",
                         hint="curl -F file=@my.tif ...")  # fmt: skip
    files = received_files(request, "file")
    if not files:
        raise BadRequest(
            "The form has no file.", code="file_missing", hint="curl -F file=@my.tif ..."
        )
    received = [
        uploads.ReceivedFile(file.path, file.name or "upload", file.sha256, file.md5)
        for file in files
    ]
    return received, _product_request(request)


def _product_request(request: HttpRequest) -> uploads.ProductRequest:
    form = request.POST
    try:
        properties = json.loads(form.get("properties") or "{}")
    except (ValueError, RecursionError):
        properties = None
    check_properties(properties)
    if len(form.get("title", "")) > 300:
        raise BadRequest("A title has 300 characters at most.", code="invalid_field")
    if len(form.get("description", "")) > MAX_DESCRIPTION:
        raise BadRequest(
            f"A description has {MAX_DESCRIPTION:,} characters at most.", code="invalid_field"
        )
    return uploads.ProductRequest(
        id=form.get("id", ""),
        title=form.get("title", ""),
        description=form.get("description", ""),
        datetime=form.get("datetime", ""),
        visibility=form.get("visibility", ""),
        properties=properties,
    )
