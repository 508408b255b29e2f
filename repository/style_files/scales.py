"""A style as a list of stops, classes or channels, the way other programs write it."""

from __future__ import annotations

from collections.abc import Sequence

from repository.errors import BadRequest
from repository.raster_info import BandInfo
from repository.rendering_style import ColorStop, RenderingStyle
from repository.style_files.ramp_table import ramp_colours
from repository.style_files.scaling import to_physical


def writable(style: RenderingStyle, bands: Sequence[BandInfo] | None) -> RenderingStyle:
    """The style in physical values, a ramp as its stops.

    Raises BadRequest `style_not_expressible` for a formula, which no style file can hold.
    """
    if style.formula:
        raise BadRequest(
            "A style with a formula cannot be written to a style file.",
            code="style_not_expressible",
            hint="Use this server's tiles, or compute the index in the other program.",
        )
    physical = RenderingStyle.from_json(to_physical(style.to_json(), bands))
    if physical.kind != "ramp":
        return physical
    low, high = physical.stretch[0] if physical.stretch else (0.0, 255.0)
    stops = tuple(
        ColorStop(low + (high - low) * place, colour) for place, colour in ramp_colours(style.ramp)
    )
    return RenderingStyle(
        kind="stops", bands=style.bands, stops=stops, resampling=style.resampling,
        title=style.title, unit=style.unit, name=style.name, outside=style.outside,
    )  # fmt: skip
