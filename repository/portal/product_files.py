"""The files of a product by what they are for: its rasters, what is kept beside them, originals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repository.models import Asset
from repository.models.asset import AssetRole
from repository.portal.product_facts import crs_words, pixel_size
from repository.portal.words import number
from repository.raster_info import RasterInfo

KIND_WORDS = {
    AssetRole.DATA: "Cloud-optimised GeoTIFF",
    AssetRole.ATTACHMENT: "Kept beside the map",
    AssetRole.ORIGINAL: "As uploaded",
}


@dataclass(frozen=True)
class RasterRow:
    """One raster of a product that has several."""

    asset: Asset
    size: str
    bands: str
    place: str
    """Pixel size and coordinate system."""
    is_drawn: bool


@dataclass(frozen=True)
class FileRow:
    """One file to download."""

    asset: Asset
    kind: str


def rasters_of(assets: Sequence[Asset]) -> list[RasterRow]:
    """The product's rasters in order, the first one is drawn; none where there is only one."""
    data = [asset for asset in assets if asset.role == AssetRole.DATA and asset.raster]
    if len(data) < 2:
        return []
    return [_row(asset, is_drawn=index == 0) for index, asset in enumerate(data)]


def files_of(assets: Sequence[Asset]) -> list[FileRow]:
    """All files, rasters first, then what is kept beside them, then the originals."""
    order = list(KIND_WORDS)
    rows = sorted(assets, key=lambda asset: (order.index(AssetRole(asset.role)), asset.position))
    return [FileRow(asset, KIND_WORDS[AssetRole(asset.role)]) for asset in rows]


def _row(asset: Asset, *, is_drawn: bool) -> RasterRow:
    info = RasterInfo.from_json(asset.raster or {})
    names = ", ".join(band.name for band in info.bands[:4])
    more = f" and {len(info.bands) - 4} more" if len(info.bands) > 4 else ""
    return RasterRow(
        asset=asset,
        size=f"{number(info.width)} × {number(info.height)} pixels",
        bands=f"{names}{more}, {info.bands[0].dtype}",
        place=f"{pixel_size(info)}, {crs_words(info)}",
        is_drawn=is_drawn,
    )
