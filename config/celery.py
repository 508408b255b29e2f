"""The Celery application: it carries doorbells, the jobs themselves lie in PostgreSQL."""

from __future__ import annotations

import logging
import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("rastrum")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.on_configure.connect
def _configure(sender: Celery, **_: object) -> None:
    from django.conf import settings

    sender.conf.update(
        broker_url=settings.BROKER_URL,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10},
        # A doorbell that rings into a dead Redis must not hold a request up.
        task_publish_retry=False,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=200,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        imports=["tasks.ingest", "tasks.prerendering", "tasks.overviews"],
    )


@worker_init.connect
def _refuse_a_weak_sandbox(**_: object) -> None:
    """Before the first job is taken. SystemExit, because Celery swallows what else is raised."""
    from config.sandbox_check import SandboxDoesNotHold, check_sandbox

    try:
        check_sandbox()
    except SandboxDoesNotHold as error:
        logging.getLogger("rastrum.sandbox").critical("The worker does not start. %s", error)
        raise SystemExit(os.EX_CONFIG) from None
