"""From a style file of another program to a definition of ours, and what was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repository.raster_info import BandInfo
from repository.style_files.parts import Reading
from repository.style_files.qml_reading import read_qml
from repository.style_files.scaling import to_stored
from repository.style_files.sld_reading import read_sld
from repository.style_files.xml_reading import not_a_style, parse_xml


@dataclass(frozen=True)
class StyleFile:
    """What a file said."""

    definition: dict[str, Any]
    """To be checked like any other."""
    title: str
    warnings: tuple[str, ...]
    """Sentences: what the file says and the style does not."""


def read_style_file(content: bytes, bands: Sequence[BandInfo] | None) -> StyleFile:
    """The style of a .qml or an SLD; `bands` of the raster that it is for, None for any.

    Raises BadRequest `invalid_style` for what is no raster style, TooLarge.
    """
    root = parse_xml(content)
    reading = Reading(bands)
    if root.tag == "qgis" or root.find(".//rasterrenderer") is not None:
        read_qml(root, reading)
    elif root.tag in ("StyledLayerDescriptor", "UserStyle", "RasterSymbolizer", "FeatureTypeStyle",
                      "CoverageStyle"):  # fmt: skip
        read_sld(root, reading)
    else:
        raise not_a_style(f"<{root.tag[:40]}> begins no style of a raster.")
    definition = to_stored(reading.definition, bands)
    return StyleFile(definition, reading.title, tuple(reading.warnings))
