"""Overview tiles: a whole collection as pictures, for the levels at which products are small."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from repository.models.collection import Collection


class OverviewTile(models.Model):
    """One tile of the quad tree over a collection's public products.

    Whoever changes what a tile shows counts `changed` up in the commit of that change
    (`repository.overviews`); a picture says by `built` which count it knows. So a picture that
    was being made meanwhile is known to be late, whichever ends first.
    """

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="overview_tiles")
    z = models.SmallIntegerField()
    x = models.IntegerField()
    y = models.IntegerField()
    changed = models.BigIntegerField(default=1, db_default=1)
    """Counts the changes of products over the tile."""
    gone = models.BigIntegerField(default=1, db_default=1)
    """`changed` at the last change that took something away: older pictures are not shown."""
    built = models.BigIntegerField(default=0, db_default=0)
    """`changed` before the picture was begun; 0: there is none yet."""
    since = models.DateTimeField(null=True)
    """When the picture was begun: what changed before is in it."""
    is_leaf = models.BooleanField(default=True, db_default=True)
    """Drawn from products; else from its four children."""
    by_mode = models.BooleanField(default=False, db_default=False)
    """All products are classes, whose colours must not mix."""
    picture = models.BinaryField(default=b"", db_default=b"")
    """PNG; empty where nothing is to be seen."""
    claimed = models.DateTimeField(null=True)
    """Of the root alone: somebody builds the tree since then."""
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_overview_tile"
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "z", "x", "y"], name="overview_tile_is_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["since"], name="overview_late_root",
                condition=models.Q(z=0) & models.Q(changed__gt=F("built")),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.collection_id} {self.z}/{self.x}/{self.y}"

    @property
    def is_fresh(self) -> bool:
        """Whether the picture shows all."""
        return self.built == self.changed

    @property
    def may_be_shown(self) -> bool:
        """Whether there is a picture, and nothing on it that must not be seen any more."""
        return 0 < self.built >= self.gone
