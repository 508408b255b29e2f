"""Parameters of coverages: what is understood, and what is refused with a code."""

from __future__ import annotations

import pytest

from repository.errors import BadRequest
from tiler.ogc.coverage_request import CoverageRequest, Interval, parse_coverage_request


def parse(**parameters: str) -> CoverageRequest:
    return parse_coverage_request((k.replace("_", "-"), v) for k, v in parameters.items())


def test_no_parameters_ask_for_everything() -> None:
    assert parse() == CoverageRequest()


@pytest.mark.parametrize("name", ["Lat", "lat", "LATITUDE"])
def test_axis_names_take_any_case(name: str) -> None:
    assert parse(subset=f"{name}(40:50)").subset == {"lat": Interval(40, 50)}


@pytest.mark.parametrize(
    ("text", "axis", "interval"),
    [
        ("E(500000:500100)", "x", Interval(500000, 500100)),
        ("N(*:5.5e6)", "y", Interval(None, 5.5e6)),
        ("x(7)", "x", Interval(7, 7)),
        ('Long("-10":"-5")', "lon", Interval(-10, -5)),
        ("Lon(170:-170)", "lon", Interval(170, -170)),
    ],
)
def test_subset_reads_intervals_and_points(text: str, axis: str, interval: Interval) -> None:
    assert parse(subset=text).subset == {axis: interval}


def test_several_axes_stand_in_one_subset() -> None:
    assert set(parse(subset="Lat(40:50),Lon(10:20)").subset) == {"lat", "lon"}


def test_time_is_an_axis_too() -> None:
    assert parse(subset='time("2024-01-01":"2024-12-31")').datetime == "2024-01-01/2024-12-31"


def test_gdals_older_spelling_of_scale_size_is_understood() -> None:
    request = parse_coverage_request([("scaleSize", "Lat(256),Long(128)")])
    assert request.sizes == {"y": 256, "x": 128}


def test_scale_axes_win_over_the_scale_factor() -> None:
    assert parse(scale_factor="2", scale_axes="x(4)").factors == {"x": 4, "y": 2}


def test_bands_come_from_properties_and_range_subset() -> None:
    assert parse(properties="red, 3").bands == ("red", "3")
    assert parse(range_subset="b1").bands == ("b1",)


def test_heights_of_a_bbox_are_ignored() -> None:
    assert parse(bbox="1,2,0,3,4,100").bbox == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("bbox", "1,2,3", "invalid_bbox"),
        ("bbox", "1,2,nan,4", "invalid_bbox"),
        ("bbox", "1,5,3,4", "invalid_bbox"),
        ("subset", "Lat 40", "invalid_subset"),
        ("subset", "Lat(50:40)", "invalid_subset"),
        ("subset", "Lat(a:b)", "invalid_subset"),
        ("subset", "Height(1:2)", "unknown_axis"),
        ("scale-size", "x(0)", "invalid_scale_size"),
        ("scale-size", "x(1.5)", "invalid_scale_size"),
        ("scale-size", "x(1000000)", "invalid_scale_size"),
        ("scale-factor", "-1", "invalid_scale_factor"),
        ("scale-factor", "inf", "invalid_scale_factor"),
        ("scale-axes", "time(2)", "unknown_axis"),
        ("scalesizes", "x(5)", "unknown_parameter"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_code(name: str, value: str, code: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_coverage_request([(name, value)])
    assert caught.value.code == code
