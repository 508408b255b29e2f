"""A process with the product's own settings that looks behind its doors, asked line by line.

It also makes the states that take days to come by themselves (expired, lost, forgotten), and runs
the reconciler without its day of patience. Failpoints strike it too: the asker starts it again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Auditor:
    """The asker's side. Raises AuditFailed where the answer is an error or does not come."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env | {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, task: str, **values: Any) -> Any:
        """The answer to one task of TASKS."""
        with self._lock:
            return self._ask(task, **values)

    def _ask(self, task: str, **values: Any) -> Any:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.auditor"], cwd=ROOT, env=self._env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"task": task} | values) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait(10)
            raise AuditFailed(f"{task}: the auditor died")
        answer = json.loads(line)
        if "error" in answer:
            raise AuditFailed(f"{task}: {answer['error']}")
        return answer["result"]

    def insist(self, task: str, seconds: float = 60, **values: Any) -> Any:
        """The answer, asked again while engines come back."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.ask(task, **values)
            except AuditFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class AuditFailed(Exception):
    """The auditor could not do it."""


def unfinished() -> list[list[str]]:
    """Jobs and pyramids that something has still to happen to by itself: id, state, words."""
    from repository import jobs
    from repository.models import Pyramid
    from repository.models.job import JobState

    rows = jobs.unfinished().exclude(state=JobState.NEEDS_INPUT)
    drawn = Pyramid.objects.filter(state__in=["waiting", "rendering"], retired=None)
    return [
        *([str(row.pk), row.state, f"{row.attempts} {row.step} {row.error}"] for row in rows),
        *([str(row.pk), row.state, f"{row.attempts} {row.error}"] for row in drawn),
    ]


def products() -> list[dict[str, Any]]:
    """Each product row with what hangs on it."""
    from repository import jobs
    from repository.models import Product

    return [
        {
            "id": row.slug, "state": row.state, "version": row.version,
            "roles": dict(Counter(row.assets.values_list("role", flat=True))),
            "published_jobs": row.jobs.filter(state="published").count(),
            "open_jobs": jobs.unfinished().filter(product=row).count(),
        }
        for row in Product.objects.all()
    ]  # fmt: skip


def reconcile(rehearse: bool = False) -> dict[str, Any]:
    """The reconciler with no patience at all."""
    from tasks.reconciling import reconcile as compare

    return vars(compare(older_than=0, rehearse=rehearse))


def lose_workers_for_good(job: str) -> None:
    """As if the last of its workers had died."""
    from django.conf import settings
    from django.db.models.functions import Now

    from repository.models import Job

    Job.objects.filter(pk=job).update(
        state="inspecting", attempts=settings.MAX_ATTEMPTS, lease_until=Now() - timedelta(hours=1)
    )


def leave_litter() -> None:
    """What old faults left: an id without a job, a work folder, parts in the store."""
    from django.conf import settings

    from repository import registration
    from repository.models import Collection
    from repository.storage import object_store

    collection = Collection.objects.get(pk="faults")
    name = f"ghost-{uuid.uuid4().hex[:8]}"
    registration.reserve(collection, name, owner_id=collection.owner_id, exact=True,
                         product_uuid=uuid.uuid4(), title=name)  # fmt: skip
    folder = settings.WORK_DIR / "jobs" / f"{uuid.uuid4()}-1"
    folder.mkdir(parents=True)
    os.utime(folder, (0, 0))
    store = object_store()
    if hasattr(store, "bucket"):
        store.bucket.Object(f"staging/{uuid.uuid4()}").initiate_multipart_upload()


def reprocess(product: str) -> str:
    """The owner asks for a new version with another nodata; the job's id."""
    from repository.authentication import principal_of_user
    from repository.models import Product, User
    from repository.reprocessing import reprocess as begin

    row = Product.objects.get(collection="faults", slug=product)
    owner = principal_of_user(User.objects.get(username="admin"))
    return str(begin(owner, row, {"nodata": -5}).pk)


def draw_ahead() -> None:
    """As if the styles of all products had settled."""
    from repository import pyramid_queue, pyramids
    from repository.models import Collection
    from tiler.pixels.renderer import RENDERER

    Collection.objects.filter(pk="faults").update(prerender="always")
    pyramids.look_round(RENDERER, settled_seconds=0)
    if (waiting := pyramid_queue.next_waiting()) is not None:
        pyramid_queue.ring(waiting)


def purge_pyramids() -> None:
    """As if nobody had needed any of them for long."""
    from django.db.models.functions import Now

    from repository.models import Product, Pyramid
    from tasks.prerendering import purge_retired

    old = Now() - timedelta(hours=1)
    ready = Pyramid.objects.filter(state="ready")
    if not ready.exists():
        product = Product.objects.filter(state="published").first()
        if product is not None:
            Pyramid.objects.create(
                product=product, version=product.version, revision=0, drawing=str(uuid.uuid4()),
                renderer="old", setting="auto", format="png", state="ready",
            )  # fmt: skip
    Product.objects.update(stored_pyramid=None)
    ready.update(retired=old)
    purge_retired()


def deliver(job: str, times: int) -> None:
    """Ring the same bell many times at once."""
    from celery import current_app

    from repository.jobs import INGEST_TASK

    for _ in range(times):
        current_app.send_task(INGEST_TASK, [job], ignore_result=True)


TASKS: dict[str, Callable[..., Any]] = {
    task.__name__: task
    for task in (unfinished, products, reconcile, lose_workers_for_good,
                 leave_litter, reprocess, deliver, draw_ahead, purge_pyramids)
}  # fmt: skip


def main() -> None:
    """Answer one line after the other until the asker is gone."""
    import django

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    from django.db import close_old_connections

    import config.celery  # noqa: F401 - the application that `current_app` is

    for line in sys.stdin:
        values = json.loads(line)
        close_old_connections()
        try:
            answer = {"result": TASKS[values.pop("task")](**values)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
