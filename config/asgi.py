"""One port: which application answers which address, in reading order."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATABASE_POOL", "16")

from typing import cast

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application
from starlette.types import ASGIApp

# Django's application registry must be ready before the others import models.
_django = WSGIMiddleware(get_wsgi_application(), workers=16)  # type: ignore[arg-type]

from config.bodies import WholeBodies
from config.dispatch import Dispatcher
from config.guard import Guard
from repository.api.events import app as job_events
from repository.api.health import LiveAtOnce
from repository.api.tus import app as resumable_uploads
from repository.downloads import app as downloads
from repository.generation import listen
from tiler.app import app as tiles
from tiler.ogc.app import app as ogc

_site = WholeBodies(cast(ASGIApp, _django))
application = Guard(
    Dispatcher(
        {
            r"/tiles/": tiles,
            r"/livez$": LiveAtOnce(_site),
            r"/files/": downloads,
            r"/wmts(/|$)": tiles,
            r"/ogc(/|$)": ogc,
            r"/api/jobs/([^/]+/)?events$": job_events,
            r"/api/uploads(/|$)": resumable_uploads,
        },
        default=_site,
        start=listen,
    )
)
