"""Answers of an owner: what is kept, what is refused, and what is asked."""

from __future__ import annotations

from typing import Any

import pytest

from repository.answers import InvalidAnswer, asked_fields, checked
from repository.errors import BadRequest
from repository.findings import Findings, Option

TWO = Findings(options=(Option("sst", "Temperature"), Option("ice", "Ice")))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"crs": "32633"}, {"crs": "EPSG:32633"}),
        ({"crs": 32633}, {"crs": "EPSG:32633"}),
        ({"bounds": [1, 2, 3, 4]}, {"bounds": [1.0, 2.0, 3.0, 4.0]}),
        ({"nodata": "-9999"}, {"nodata": -9999}),
        ({"nodata": " NaN "}, {"nodata": "nan"}),
        ({"nodata": float("nan")}, {"nodata": "nan"}),
        ({"nodata": "-3.4e38"}, {"nodata": -3.4e38}),
        ({"datetime": "2024-08-24"}, {"datetime": "2024-08-24T00:00:00Z"}),
        ({"subdatasets": ["ice", "ice"]}, {"subdatasets": ["ice"]}),
        ({"subdatasets": ["ice", "*"]}, {"subdatasets": ["*"]}),
    ],
)
def test_an_answer_is_kept_in_one_form(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert checked(given, TWO) == kept


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"crs": "EPSG:1"}, "crs"),
        ({"bounds": [3, 2, 1, 4]}, "bounds"),
        ({"bounds": [1, 2, 3, float("inf")]}, "bounds"),
        ({"bounds": [1, 2, 3]}, "bounds"),
        ({"bounds": [1, 2, 3, 10**400]}, "bounds"),
        ({"bounds": [1, 2, 3, float("nan")]}, "bounds"),
        ({"nodata": "none"}, "nodata"),
        ({"nodata": "inf"}, "nodata"),
        ({"nodata": True}, "nodata"),
        ({"nodata": 10**400}, "nodata"),
        ({"subdatasets": []}, "subdatasets"),
        ({"subdatasets": ["wind"]}, "subdatasets"),
    ],
)
def test_an_answer_that_cannot_be_used_names_itself(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        checked(given, TWO)
    assert (caught.value.code, caught.value.field) == ("invalid_answer", field)


def test_no_answer_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        checked({})
    assert caught.value.code == "empty_answer"


BOTH = "Give both `crs`, for example EPSG:4326, and `bounds` as [left, bottom, right, top]."


@pytest.mark.parametrize(
    ("error", "answers", "asked"),
    [
        ({"code": "crs_missing", "hint": "Give `crs`, for example EPSG:32633."}, {}, {"crs"}),
        ({"code": "crs_missing", "hint": BOTH}, {}, {"crs", "bounds"}),
        ({"code": "crs_missing", "hint": BOTH}, {"bounds": [1, 2, 3, 4]}, {"crs"}),
        ({"code": "bounds_missing", "hint": ""}, {"crs": "EPSG:4326"}, {"bounds"}),
        ({"code": "choose_subdatasets", "hint": ""}, {}, {"subdatasets"}),
        ({"code": "invalid_answer", "message": "The answer `nodata` is not valid."},
         {"crs": "x", "nodata": 1}, {"nodata"}),
        ({"code": "invalid_answer", "message": "That is wrong."}, {"crs": "x"}, {"crs"}),
        ({"code": "something_new"}, {}, set()),
    ],
)  # fmt: skip
def test_no_more_is_asked_than_is_missing(
    error: dict[str, Any], answers: dict[str, Any], asked: set[str]
) -> None:
    assert asked_fields(error, answers) == asked
