"""Legends of every kind of style, as data and as pictures."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from repository.rendering_style import ClassColor, ColorStop, RenderingStyle
from tiler.pixels.legends import legend_data, legend_picture

RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 128)
STOPS = (ColorStop(0, RED, "dry"), ColorStop(10, BLUE))
STYLES: dict[str, dict[str, Any]] = {
    "rgb": {"bands": (3, 2, 1)},
    "ramp": {"bands": (1,), "stretch": ((0, 10),)},
    "stops": {"bands": (1,), "stops": STOPS},
    "intervals": {"bands": (1,), "stops": (*STOPS, ColorStop(math.inf, RED))},
    "classes": {"bands": (1,), "classes": (ClassColor(1, RED, "water"), ClassColor(2, BLUE))},
}


def style(kind: Any, **fields: Any) -> RenderingStyle:
    return RenderingStyle(kind=kind, **(STYLES[kind] | fields))


@pytest.mark.parametrize("kind", STYLES)
def test_every_kind_has_a_picture(kind: str) -> None:
    picture = Image.open(io.BytesIO(legend_picture(style(kind, unit="m"), "A map")))
    assert picture.width == 220
    assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 3


def test_stops_say_their_values_labels_and_colours() -> None:
    legend = legend_data(style("stops", unit="mm", title="Rain"), "A map")
    assert (legend["kind"], legend["title"], legend["unit"]) == ("stops", "Rain", "mm")
    assert (legend["min"], legend["max"]) == (0, 10)
    assert legend["stops"][0] == "#ff0000"
    assert legend["entries"] == [
        {"value": 0, "label": "dry", "color": "#ff0000"},
        {"value": 10, "label": "10", "color": "#0000ff80"},
    ]


def test_intervals_say_where_they_begin_and_end() -> None:
    entries = legend_data(style("intervals"), "A map")["entries"]
    assert [(e["min"], e["max"]) for e in entries] == [(None, 0), (0, 10), (10, None)]
    assert [e["label"] for e in entries] == ["dry", "0 to 10", "above 10"]


def test_a_legend_of_a_formula_names_it_where_there_is_no_title() -> None:
    index = style("ramp", formula="b1 / b2")
    assert legend_data(index, "A map")["title"] == "b1 / b2"
    assert legend_data(style("ramp", formula="b1 / b2", title="Ratio"), "A map")["title"] == "Ratio"
    assert legend_data(index, "A map")["formula"] == "b1 / b2"
