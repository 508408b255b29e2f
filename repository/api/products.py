"""/api/products: read, change and remove what is published."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from repository import editing, prerendered
from repository.api import schemas
from repository.api.presenting import job_json, product_json, product_summary
from repository.api.principals import caller, request_links
from repository.api.queries import ProductFilter, page_json
from repository.catalogue import find_job, find_product, search
from repository.models import Product
from repository.reprocessing import reprocess
from repository.transactions import commit

router = Router(tags=["products"])


@router.get("", response=schemas.ProductPage)
def list_products(request: HttpRequest, filters: Query[ProductFilter]) -> Any:
    """The products of all collections that the caller may see."""
    page = search(caller(request), filters.query(request))
    links = request_links(request)
    return page_json(request, [product_summary(row, links) for row in page.items], page.next)


@router.get("/{c}/{p}", response=schemas.ProductOutput)
def read_product(request: HttpRequest, c: str, p: str) -> Any:
    """One product with its raster's facts; 410 for a removed one that the caller could see."""
    return _product(request, c, p)


@router.patch("/{c}/{p}", response={200: schemas.ProductOutput, 202: schemas.JobOutput})
def change_product(
    request: HttpRequest, c: str, p: str, payload: schemas.ProductPatch, response: HttpResponse
) -> Any:
    """Change metadata, style or visibility; `nodata` makes a new version of the pixels, so it is
    answered 202 with the job that does."""
    changes = {k: v for k, v in payload.dict(exclude_unset=True).items() if v is not None}
    nodata = changes.pop("nodata", None)
    row = find_product(caller(request), c, p)
    with commit("products.change"):
        if changes or nodata is None:
            editing.change(caller(request), row, changes)
        if nodata is not None:
            return _new_version(request, row, {"nodata": nodata}, response)
    return _product(request, c, p)


@router.post("/{c}/{p}/reprocess", response={202: schemas.JobOutput})
def reprocess_product(
    request: HttpRequest, c: str, p: str, payload: schemas.AnswersInput, response: HttpResponse
) -> Any:
    """A new version from the originals, with other answers; the present one is served until it
    is there."""
    row = find_product(caller(request), c, p)
    return _new_version(request, row, payload.dict(exclude_none=True), response)


@router.delete("/{c}/{p}", response={204: None})
def remove_product(request: HttpRequest, c: str, p: str, reason: str = "") -> Any:
    """Leave a tombstone."""
    editing.remove(caller(request), find_product(caller(request), c, p), reason=reason[:2000])
    return 204, None


def _product(request: HttpRequest, c: str, p: str) -> Any:
    row = find_product(caller(request), c, p)
    return product_json(row, request_links(request), prerendered.of_product(caller(request), row))


def _new_version(
    request: HttpRequest, row: Product, answers: dict[str, Any], response: HttpResponse
) -> Any:
    job = reprocess(caller(request), row, answers)
    response["Location"] = f"/api/jobs/{job.pk}"
    return 202, job_json(find_job(caller(request), str(job.pk)), request_links(request))
