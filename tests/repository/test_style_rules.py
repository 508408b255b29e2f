"""Which styles can be drawn, and what is said of the others; without a database."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from repository.errors import BadRequest
from repository.raster_info import BandInfo
from repository.rendering_style import RenderingStyle
from repository.style_rules import checked_style

BANDS = tuple(BandInfo(i, "uint16", description=f"B0{i + 1}") for i in range(1, 5))
RED, GREEN = [255, 0, 0, 255], [0, 255, 0, 255]
STOPS = [{"value": 0, "color": RED, "label": "low"}, {"value": 1, "color": GREEN}]
OPEN = [{"value": 0, "color": RED}, {"value": None, "color": GREEN}]
GOOD: dict[str, dict[str, Any]] = {
    "rgb": {"kind": "rgb", "bands": [3, 2, 1], "stretch": [[0, 3000]] * 3},
    "ramp": {"kind": "ramp", "bands": [1], "stretch": [[0, 1]], "outside": "transparent"},
    "stops": {"kind": "stops", "bands": [4], "stops": STOPS},
    "intervals": {"kind": "intervals", "bands": [4], "stops": OPEN},
    "classes": {"kind": "classes", "bands": [1], "classes": [{"value": 1, "color": RED}]},
    "formula": {"kind": "stops", "formula": "(b4 - b3) / (b4 + b3)", "stops": STOPS},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_style_survives_json(name: str) -> None:
    style = checked_style(GOOD[name], BANDS)
    text = json.dumps(style.to_json(), allow_nan=False)
    again = RenderingStyle.from_json(json.loads(text))
    assert again == style
    assert again.digest == style.digest


def test_a_formula_says_itself_which_bands_are_read() -> None:
    assert checked_style(GOOD["formula"] | {"bands": [1]}, BANDS).bands == (3, 4)


def test_the_last_interval_may_be_open() -> None:
    assert checked_style(GOOD["intervals"], BANDS).stops[-1].value == math.inf


def test_a_style_of_an_earlier_release_keeps_its_digest() -> None:
    old = {"kind": "ramp", "bands": [1], "stretch": [[0.0, 10.0]], "ramp": "viridis", "classes": [],
           "resampling": "nearest", "title": "", "unit": "", "name": "default"}  # fmt: skip
    style = RenderingStyle.from_json(old)
    assert style.to_json().keys() == old.keys()
    assert style.digest == "edad98dd0afdd1026ef9773f"


def test_another_colour_is_another_digest() -> None:
    other = [STOPS[0], STOPS[1] | {"color": RED}]
    one, two = (checked_style(GOOD["stops"] | {"stops": s}, BANDS) for s in (STOPS, other))
    assert one.digest != two.digest


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("ramp", {"kind": "heat"}, "no kind 'heat'"),
        ("ramp", {"bands": [5]}, "between 1 and 4. Here b1 is B02"),
        ("ramp", {"bands": [0]}, "between 1 and 4"),
        ("ramp", {"bands": [1, 2]}, "does not have 2 bands"),
        ("ramp", {"ramp": "rainbow"}, "no colour ramp"),
        ("ramp", {"stretch": [[1, 1]]}, "less than its high"),
        ("ramp", {"stretch": [[0, 1], [0, 1]]}, "one low and high"),
        ("ramp", {"outside": "red"}, "clamp or transparent"),
        ("ramp", {"resampling": "cubic"}, "nearest, bilinear"),
        ("rgb", {"formula": "b1"}, "takes no formula"),
        ("classes", {"formula": "b1"}, "takes no formula"),
        ("classes", {"classes": [{"value": 1, "color": [0, 0, 300, 0]}]}, "each 0 to 255"),
        ("classes", {"classes": [{"value": 1, "color": [0, 0, 0]}]}, "each 0 to 255"),
        ("stops", {"stops": STOPS[:1]}, "2 to 1,000 stops"),
        ("stops", {"stops": STOPS[::-1]}, "must rise"),
        ("stops", {"stops": OPEN}, "must be numbers"),
        ("stops", {"stops": [{"value": i, "color": RED} for i in range(1001)]}, "1,000"),
        ("formula", {"kind": "ramp"}, "needs a stretch"),
        ("formula", {"formula": "b9"}, "between 1 and 4"),
        ("stops", {"stops": [{"value": 0}]}, "cannot be read"),
        ("stops", {"colour": 1}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(name: str, change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        checked_style(GOOD[name] | change, BANDS)
    assert refused.value.code == "invalid_style"
    assert words in refused.value.detail


def test_without_a_raster_any_band_may_be_named() -> None:
    assert checked_style(GOOD["ramp"] | {"bands": [300]}, None).bands == (300,)
