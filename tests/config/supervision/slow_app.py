"""An ASGI application that takes its time to start, as a real one does on a busy machine."""

from __future__ import annotations

import os
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

time.sleep(float(os.environ.get("SLOW_START_SECONDS", "0")))


async def _who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(os.getpid()))


application = Starlette(routes=[Route("/", _who)])
