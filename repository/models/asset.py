"""Assets: the files of a product, immutable and keyed by their content."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from repository.models.product import Product


class AssetRole(models.TextChoices):
    """What a file is for."""

    DATA = "data"
    ORIGINAL = "original"
    ATTACHMENT = "attachment"


class Asset(models.Model):
    """One stored object of one version of a product."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="assets")
    version = models.PositiveIntegerField(default=1)
    role = models.CharField(max_length=20, choices=AssetRole)
    file_name = models.CharField(max_length=200)
    key = models.CharField(max_length=500)
    media_type = models.CharField(max_length=120)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32)
    raster = models.JSONField(null=True)
    """RasterInfo, band by band; null for files that are no raster of ours. Of several rasters of a
    product the first one (by `position`) is drawn."""
    position = models.PositiveSmallIntegerField(default=0)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_asset"
        ordering = ["product", "version", "role", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "version", "file_name"], name="asset_file_name_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class BlockIndex(models.Model):
    """Where the blocks of a data file lie, packed by `tiler.pixels.block_index`: a tile of it is
    then read without its header. A table of its own, so that no list of files loads it."""

    asset = models.OneToOneField(
        Asset, models.CASCADE, primary_key=True, related_name="block_index"
    )
    packed = models.BinaryField()

    class Meta:
        db_table = "rastrum_block_index"

    def __str__(self) -> str:
        return f"blocks of {self.asset}"
