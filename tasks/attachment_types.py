"""Files that are kept beside rasters, by ending: what they are said to be when downloaded."""

from __future__ import annotations

from pathlib import PurePosixPath

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".geojson": "application/geo+json",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".kml": "application/vnd.google-earth.kml+xml",
    ".log": "text/plain",
    ".lyr": "application/octet-stream",
    ".lyrx": "application/json",
    ".md": "text/markdown",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".qml": "application/xml",
    ".rst": "text/x-rst",
    ".rtf": "application/rtf",
    ".sld": "application/vnd.ogc.sld+xml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}

PICTURES = frozenset({".png", ".jpg", ".jpeg"})
"""Beside rasters a picture that says nothing of its place is a preview of one."""


def media_type(name: str) -> str | None:
    """The media type of an attachment of this name; None: it is not kept as one."""
    return MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())
