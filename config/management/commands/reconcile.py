"""./manage.py reconcile: compares store and database, and removes what belongs to nothing."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from repository.errors import RastrumError
from tasks.reconciling import Reconciliation, reconcile

SHOWN = 20


class Command(BaseCommand):
    """Ends with 1 where a row's object is missing: a loss, for which nothing is removed."""

    help = "Compares store and database; removes orphans, reports what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell")
        parser.add_argument(
            "--older-than", type=int, default=settings.ORPHAN_SECONDS, metavar="SECONDS",
            help="leave alone what is younger (default: ORPHAN_SECONDS)",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="every key, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = reconcile(older_than=options["older_than"], rehearse=options["dry_run"])
        except RastrumError as error:
            raise CommandError(error.detail) from error
        if options["json"]:
            self.stdout.write(json.dumps(vars(result)))
        else:
            self._tell(result, "would be removed" if options["dry_run"] else "removed")
        if result.missing:
            raise CommandError(f"{len(result.missing)} objects are missing.")

    def _tell(self, result: Reconciliation, done: str) -> None:
        for kind, names in result.found().items():
            fate = "kept" if names is result.missing else done
            self.stdout.write(f"{len(names):8,} {kind}" + (f", {fate}" if names else ""))
            for name in names[:SHOWN]:
                self.stdout.write(f"         {name}")
        self.stdout.write(f"{result.bytes:,} bytes in objects without a row")
