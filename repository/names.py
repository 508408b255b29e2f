"""Ids of collections and products: their grammar, and how a file name becomes one."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

ID_PATTERN = r"[a-z0-9][a-z0-9_.-]{0,99}"
"""Grammar of ids; `{c}/{p}` addresses are made of two of them."""

RESERVED = frozenset(
    {
        "1.0.0", "api", "admin", "accounts", "collections", "products", "tiles", "items",
        "tilejson.json", "info", "statistics", "preview.png", "legend.png", "legend.json",
        "webmercatorquad", "googlemapscompatible", "conformance", "coverage", "map", "rest",
        "services", "search", "upload", "jobs", "wmtscapabilities.xml", "point", "styles",
    }
)  # fmt: skip
"""Words of the addresses themselves: as ids they would make two addresses look alike."""


def is_valid_id(text: str) -> bool:
    """Whether `text` may name a collection or a product."""
    return re.fullmatch(ID_PATTERN, text) is not None and text not in RESERVED


def id_from_file_name(file_name: str) -> str:
    """An id made from a file's name: accents and case folded, the rest to dashes.

    The suffix is left off. What leaves nothing behind (`日本.tif`) becomes `raster`.
    """
    stem = PurePosixPath(file_name.replace("\\", "/")).name
    stem = re.sub(r"\.(tiff?|gtiff|cog)$", "", stem, flags=re.IGNORECASE)
    ascii_text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_.-]+", "-", ascii_text).strip("-_.")[:80].rstrip("-_.")
    return slug if is_valid_id(slug) else f"raster-{slug}".rstrip("-")


def display_file_name(file_name: str) -> str:
    """A user's file name made fit to show and to offer for download: no path, no controls."""
    name = PurePosixPath(file_name.replace("\\", "/")).name
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").strip() or "upload"
    stem, dot, suffix = name.rpartition(".")
    return name if len(name) <= 150 else (stem[: 149 - len(suffix)] + dot + suffix)[:150]


def title_from_file_name(file_name: str) -> str:
    """A title for people from a file's name: its last part, without ending and underscores."""
    stem = re.sub(r"(?i)(?:\.(?:tiff?|gtiff|cog))+$", "", display_file_name(file_name))
    return " ".join(stem.replace("_", " ").split()) or "Raster"
