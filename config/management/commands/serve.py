"""`./manage.py serve`: the whole server in the foreground."""

from __future__ import annotations

import subprocess
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.embedded import UnsafeRunFolder
from config.supervision.account import NoAccount
from config.supervision.listening import CannotListen
from config.supervision.locks import AlreadyRunning
from config.supervision.postgres import PostgresMissing
from config.supervision.redis import RedisMissing
from config.supervisor import CannotStart, Supervisor

EXPECTED = (
    AlreadyRunning,
    CannotListen,
    CannotStart,
    NoAccount,
    PostgresMissing,
    RedisMissing,
    TimeoutError,
    UnsafeRunFolder,
)


class Command(BaseCommand):
    help = "Run the server: database, queue, web, workers and scheduler, until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Supervisor().serve()
        except EXPECTED as error:
            raise CommandError(str(error)) from None
        except subprocess.CalledProcessError as error:
            raise CommandError(f"{error}\n{error.stderr}") from None
