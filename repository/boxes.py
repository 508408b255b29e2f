"""Bounding boxes as protocols write them: four numbers, or six with heights."""

from __future__ import annotations

from repository.errors import BadRequest
from repository.raster_info import Bounds

FARTHEST = 1e12
"""No coordinate of any CRS lies beyond; what does is a slip, or no finite number."""


def parse_box(text: str) -> Bounds:
    """left,bottom,right,top in any CRS, heights of a 3D box ignored; left > right crosses
    the antimeridian. Raises BadRequest `invalid_bbox`."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        numbers = [*numbers[0:2], *numbers[3:5]]
    if (
        len(numbers) != 4
        or not all(abs(number) < FARTHEST for number in numbers)
        or numbers[1] > numbers[3]
    ):
        raise BadRequest(
            "bbox must be four numbers: left,bottom,right,top.",
            code="invalid_bbox",
            hint="For example bbox=12.1,48.5,18.9,51.1",
        )
    return numbers[0], numbers[1], numbers[2], numbers[3]
