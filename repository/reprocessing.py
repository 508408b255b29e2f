"""A new version of a published product from the originals that are still here."""

from __future__ import annotations

from typing import Any

from repository import jobs, registration
from repository.answers import checked
from repository.errors import Conflict, NotFound
from repository.findings import Findings
from repository.models import Job, Product
from repository.models.job import JobState
from repository.models.product import ProductState
from repository.policy import require_change
from repository.principal import Principal
from repository.transactions import commit


def reprocess(principal: Principal, product: Product, answers: dict[str, Any]) -> Job:
    """A job that makes the next version of a published product from the same originals, with
    other answers (`nodata`, `crs` ...). The present version is served until that commits.

    Raises Forbidden, BadRequest, NotFound, Conflict `job_is_running` or `originals_missing`.
    """
    require_change(principal, product)
    with commit("jobs.reprocess"):
        locked = Product.objects.select_for_update().filter(pk=product.pk).first()
        if locked is None:
            raise NotFound("This map is not here any more.")
        published = Job.objects.filter(product=locked, state=JobState.PUBLISHED)
        last = published.order_by("-created").first()
        if last is None or locked.state != ProductState.PUBLISHED:
            raise Conflict("The originals of this map are not here.", code="originals_missing",
                           hint="Upload the file again.")  # fmt: skip
        registration.require_no_running_job(locked)
        answers = checked(answers, Findings.from_json(last.found or {}))
        # A time that was given is the map's by now: it may be changed until the job ends.
        request = {**last.request, "replaces": locked.version, "datetime": "", "end_datetime": ""}
        return jobs.enqueue(
            upload=last.upload, product=locked, collection=locked.collection,
            owner_id=principal.user_id, request=request,
            answers={name: value for name, value in last.answers.items() if name != "datetime"}
            | answers,
        )  # fmt: skip
