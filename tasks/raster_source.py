"""How the raster inside an upload is opened: records that inspection writes and conversion reads.

They travel between the steps as JSON. Paths are server-made names inside the job's folder;
names are the user's and only shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from repository.raster_info import Affine6, RasterInfo

WarpReason = Literal["rotated", "gcps", "rpcs", "geolocation"]


@dataclass(frozen=True)
class HandedFile:
    """One file of an upload on this machine's disk."""

    path: str
    """A server-made name."""
    name: str
    """The user's, with the folders of an archive: `scene/dem.tif`."""


@dataclass(frozen=True)
class Warp:
    """The north-up grid into which pixels are brought that cannot stay in their own."""

    reason: WarpReason
    crs_wkt: str
    transform: Affine6
    width: int
    height: int
    resampling: Literal["nearest", "bilinear"]
    source_crs_wkt: str = ""
    """Of the control points, where it is not that of the grid."""


@dataclass(frozen=True)
class RasterSource:
    """One raster of an upload: what GDAL opens, with which one driver, and how it is read."""

    name: str
    """For the owner, and for choosing: `dem.tif`, `scene.nc:NDVI`."""
    path: str
    """The main file."""
    driver: str
    """The one GDAL driver that may open it."""
    subdataset: str = ""
    """What follows the file in GDAL's name of a subdataset; empty: the file itself."""
    has_sidecars: bool = False
    """The driver needs the files beside it (.hdr, .prj): its folder holds nothing else."""
    mask_path: str = ""
    """A TIFF mask that was handed in with it."""
    bands: tuple[int, ...] = ()
    """Bands that are taken, from 1; empty: all."""
    warp: Warp | None = None


@dataclass(frozen=True)
class FoundRaster:
    """A raster that can be published, with all that its header says."""

    source: RasterSource
    info: RasterInfo
    """Of the product: where it is warped, of the grid that it is warped to."""
    take_as_it_is: bool = False
    """It is a valid COG of a good profile: its bytes are kept."""


@dataclass(frozen=True)
class Attachment:
    """A file that is kept beside the rasters."""

    name: str
    path: str
    media_type: str


@dataclass(frozen=True)
class Inspection:
    """What an upload holds: at least one raster, the first one is drawn."""

    rasters: tuple[FoundRaster, ...]
    attachments: tuple[Attachment, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types."""
        return {
            "rasters": [found_to_json(found) for found in self.rasters],
            "attachments": [asdict(attachment) for attachment in self.attachments],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Inspection:
        """The inverse of `to_json`."""
        return cls(
            tuple(found_from_json(entry) for entry in data["rasters"]),
            tuple(Attachment(**entry) for entry in data["attachments"]),
        )


def found_to_json(found: FoundRaster) -> dict[str, Any]:
    """A FoundRaster as a dictionary of JSON types."""
    return {
        "source": asdict(found.source),
        "info": found.info.to_json(),
        "take_as_it_is": found.take_as_it_is,
    }


def found_from_json(data: dict[str, Any]) -> FoundRaster:
    """The inverse of `found_to_json`."""
    source = dict(data["source"])
    source["bands"] = tuple(source["bands"])
    if (warp := source["warp"]) is not None:
        source["warp"] = Warp(**(warp | {"transform": tuple(warp["transform"])}))
    return FoundRaster(
        RasterSource(**source), RasterInfo.from_json(data["info"]), data["take_as_it_is"]
    )
