"""./manage.py prerender: draws tiles ahead of time now, or tells what is stored of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from repository import pyramid_queue, pyramids
from repository.models import Asset, Collection, Pyramid
from repository.models.asset import AssetRole
from repository.models.pyramid import PyramidState
from tiler.pixels.renderer import RENDERER


class Command(BaseCommand):
    """Without --status: every product counts as settled, what failed or was declined is tried
    again, and the workers are told."""

    help = "Has tiles of products drawn ahead of time and stored; prints what that takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--collection", default="", help="tell of this collection alone")
        parser.add_argument("--status", action="store_true", help="only tell")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["collection"]
        if wanted and not Collection.objects.filter(pk=wanted).exists():
            raise CommandError(f"There is no collection {wanted}.")
        if not options["status"]:
            self._plan()
        self.stdout.write(
            f"{'collection':24} {'state':10} {'products':>9} {'bytes':>16} {'share':>6}"
        )
        collections = Collection.objects.filter(**({"pk": wanted} if wanted else {}))
        for collection in collections.order_by("pk"):
            self._tell(collection)

    def _plan(self) -> None:
        pyramid_queue.try_again()
        while pyramids.look_round(RENDERER, settled_seconds=0):
            pass
        waiting = pyramid_queue.next_waiting()
        if waiting is not None:
            pyramid_queue.ring(waiting)

    def _tell(self, collection: Collection) -> None:
        """A line for each state; `share` is of the data files of the same products."""
        for state in PyramidState.values:
            rows = Pyramid.objects.filter(product__collection=collection, state=state, retired=None)
            if not rows.exists():
                continue
            size = rows.aggregate(sum=Sum("size"))["sum"] or 0
            data = Asset.objects.filter(product__in=rows.values("product"), role=AssetRole.DATA)
            whole = data.aggregate(sum=Sum("size"))["sum"] or 0
            share = f"{size / whole:.0%}" if whole and size else ""
            self.stdout.write(
                f"{collection.pk:24} {state:10} {rows.count():9,} {size:16,} {share:>6}"
            )
