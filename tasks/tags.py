"""Which of a file's tags are kept: the uploader's words, filtered and shortened."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_TAGS = 200
MAX_KEY_CHARACTERS = 100
MAX_VALUE_CHARACTERS = 2000
MAX_CHARACTERS = 30_000
"""Of all keys and values: they are stored with the product and sent with every look at it."""

_NOT_KEPT = re.compile(
    r"^(?:AREA_OR_POINT|OVERVIEW_FILE|INTERNAL_MASK_FLAGS.*|STATISTICS_.*|IMAGE_STRUCTURE.*|"
    r"DERIVED_SUBDATASET.*|SUBDATASET.*|(?:.*#)?_Netcdf4Dimid|(?:.*#)?REFERENCE_LIST|"
    r"(?:.*#)?DIMENSION_LIST|NETCDF_DIM_.*_VALUES|HFA_.*|PDS.*|GDAL_.*|VRT.*|"
    r"[XY]_DATASET|X_BAND|Y_BAND)$",
    re.IGNORECASE,
)
"""GDAL's own notes, what it would follow to other files, and statistics of who knows what."""


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The dataset tags worth keeping, bounded in number and length; the first ones win."""
    kept: dict[str, str] = {}
    room = MAX_CHARACTERS
    for key, value in tags.items():
        name = plain_text(key, MAX_KEY_CHARACTERS)
        if not name or name in kept or _NOT_KEPT.match(name):
            continue
        text = plain_text(value, MAX_VALUE_CHARACTERS)
        room -= len(name) + len(text)
        if room < 0 or len(kept) >= MAX_TAGS:
            break
        kept[name] = text
    return kept


def plain_name(name: str) -> str:
    """A file's name as it may be shown: one printable line of at most 255 characters."""
    return plain_text(name.replace("\n", "").replace("\t", " "), 255)


def plain_text(text: object, longest: int) -> str:
    """A file's text as it may be shown and stored: printable, at most `longest` characters.

    Control characters go (PostgreSQL refuses NUL, terminals obey the others), and those that
    turn the direction of writing, by which a name can pretend to be another.
    """
    # Cut first: a tag may have megabytes. Surrogates stand for bytes that are no UTF-8.
    decoded = str(text)[: 4 * longest].encode("utf-8", "replace").decode("utf-8")
    plain = "".join(c for c in decoded if c.isprintable() or c in "\n\t").strip()
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
