"""The catalogue's tables, one noun a module."""

from repository.models.access import ApiToken, User
from repository.models.asset import Asset, BlockIndex
from repository.models.collection import Collection
from repository.models.drop import DroppedItem
from repository.models.job import Job
from repository.models.overview import OverviewTile
from repository.models.product import Product
from repository.models.pyramid import Pyramid
from repository.models.resumable import ResumableUpload
from repository.models.style import Style
from repository.models.upload import Upload, UploadedFile

__all__ = [
    "ApiToken", "Asset", "BlockIndex", "Collection", "DroppedItem", "Job", "OverviewTile",
    "Product", "Pyramid", "ResumableUpload", "Style", "Upload", "UploadedFile", "User",
]  # fmt: skip
