"""./manage.py ingest FILE...: the way in from the command line, with a progress bar."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from repository import uploads
from repository.authentication import principal_of_user
from repository.catalogue import find_collection
from repository.errors import RastrumError
from repository.links import Links
from repository.models import Job, User
from repository.models.collection import Visibility
from repository.models.job import JobState

POLL_SECONDS = 0.2
BAR_WIDTH = 30


class Command(BaseCommand):
    """Ends in the same function as the API and the portal; waits for the workers."""

    help = "Publishes raster files. Needs a running server: its workers do the work."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--collection", required=True, help="id of the collection")
        parser.add_argument("--id", default="", help="id of the product (for one file)")
        parser.add_argument("--title", default="")
        parser.add_argument("--datetime", default="", help="2024-08-24, or start/end")
        parser.add_argument("--private", action="store_true", help="only you can see it")
        parser.add_argument("--user", help="who owns it; default: the first administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["id"] and len(options["files"]) > 1:
            raise CommandError("--id names one product, so give one file with it.")
        failed = [file for file in options["files"] if not self._publish(file, options)]
        if failed:
            sys.exit(1)

    def _publish(self, file: Path, options: dict[str, Any]) -> bool:
        try:
            job = self._follow(self._accept(file, options))
        except RastrumError as error:
            return self._refuse(file, error.detail, error.hint)
        if job.state != JobState.PUBLISHED:
            error_json = job.error or {"message": job.get_state_display(), "hint": ""}
            return self._refuse(file, error_json["message"], error_json["hint"])
        links = Links(settings.PUBLIC_URL or f"http://{settings.BIND}:{settings.PORT}")
        self.stdout.write(f"{file.name}: published")
        for address in (
            links.product_page(job.collection_id, job.slug),
            links.wmts_capabilities(job.collection_id, job.slug),
            links.tiles(job.collection_id, job.slug),
        ):
            self.stdout.write(f"  {address}")
        return True

    def _accept(self, file: Path, options: dict[str, Any]) -> Job:
        if not file.is_file():
            raise RastrumError(f"There is no file {file}.")
        user = _user(options["user"])
        principal = principal_of_user(user)
        collection = find_collection(principal, options["collection"])
        request = uploads.ProductRequest(
            id=options["id"],
            title=options["title"],
            datetime=options["datetime"],
            visibility=Visibility.PRIVATE if options["private"] else "",
        )
        received = uploads.ReceivedFile(file, file.name, is_ours=False)
        return uploads.accept(principal, collection, [received], request)

    def _follow(self, job: Job) -> Job:
        """Wait until the job ends or asks, drawing a bar where somebody looks."""
        while True:
            job.refresh_from_db()
            if sys.stderr.isatty():
                filled = round(job.progress * BAR_WIDTH)
                bar = "#" * filled + "-" * (BAR_WIDTH - filled)
                state = f"{job.get_state_display():20}"
                self.stderr.write(f"\r{job.slug} [{bar}] {job.progress:4.0%} {state}", ending="")
            if job.is_final or job.state == JobState.NEEDS_INPUT:
                if sys.stderr.isatty():
                    self.stderr.write("")
                return job
            time.sleep(POLL_SECONDS)

    def _refuse(self, file: Path, message: str, hint: str) -> bool:
        self.stderr.write(f"{file.name}: {message}{' ' + hint if hint else ''}")
        return False


def _user(name: str | None) -> User:
    users = User.objects.filter(is_active=True)
    user = (
        users.filter(username=name).first()
        if name
        else users.filter(is_superuser=True).order_by("pk").first()
    )
    if user is None:
        raise RastrumError(
            f"There is no user {name}." if name else "There is no administrator yet."
        )
    return user
