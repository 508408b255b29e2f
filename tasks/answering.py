"""The owner's answers as they concern one raster, and the answer to blame where one is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import rasterio

from repository.errors import BadRequest, Rejected
from tasks.band_facts import fits

_IDENTITIES = ((1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0))
"""GDAL's answers where a file does not say where its pixels lie."""

_MISPLACED = frozenset({"impossible_coordinates", "bad_geotransform", "not_on_earth"})


def answers_for(
    dataset: rasterio.DatasetReader, answers: Mapping[str, Any], *, is_one_of_several: bool
) -> dict[str, Any]:
    """The answers that concern this raster.

    For a raster alone they win over what the file says. Of several, each keeps what it says
    of its own place, and takes a nodata value only where its pixels can have it.
    """
    own = dict(answers)
    if not is_one_of_several:
        return own
    if dataset.crs:
        own.pop("crs", None)
    if tuple(dataset.transform)[:6] not in _IDENTITIES:
        own.pop("bounds", None)
    nodata = own.get("nodata")
    if isinstance(nodata, (int, float)) and not any(fits(nodata, t) for t in dataset.dtypes):
        own.pop("nodata")
    return own


@contextmanager
def answer_blamed(answers: Collection[str]) -> Iterator[None]:
    """Turn a rejection over the raster's place into BadRequest `invalid_answer` where `answers`
    (their names) told the place: an answer can be given again, a rejection is final."""
    try:
        yield
    except Rejected as error:
        name = next((name for name in ("crs", "bounds") if name in answers), None)
        if name is None or error.code not in _MISPLACED:
            raise
        raise BadRequest(
            f"The answer `{name}` cannot be right. {error.detail}",
            hint=error.hint,
            code="invalid_answer",
        ) from error
